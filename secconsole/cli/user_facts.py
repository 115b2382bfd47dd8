"""Details of one user that `secconsole user show` adds to the columns of the list."""

from __future__ import annotations

from secconsole.cli.output import format_value
from secconsole.domain.model import FactorKind
from secconsole.operations.users import FactorRow, Hold, UserDetail


def describe_factor(factor: FactorRow) -> str:
    """Return one factor as a line: `Factor 01K…  sms  pending  ••• 009 "work"  added …, not verified …`."""
    label = f' "{factor.label}"' if factor.label and factor.label != factor.masked else ""
    since = f"added {format_value(factor.created)}, not verified until first used"
    if factor.bound:
        used = f"last used {format_value(factor.last_used)}" if factor.last_used else "not used since"
        since = f"bound {format_value(factor.bound)}, {used}"
    elif factor.kind is FactorKind.TOTP:
        since = f"started {format_value(factor.created)}, not confirmed yet"
    spent = ", too many wrong codes: bind it again" if factor.exhausted else ""
    return f"Factor {factor.id}  {factor.kind}  {factor.state}  {factor.masked}{label}  {since}{spent}"


def describe_hold(hold: Hold) -> str:
    """Return one lock as a line: `strangers, 50 wrong entries, until unlocked`."""
    end = format_value(hold.until) if hold.until else "unlocked"
    return f"{hold.bucket}, {hold.failures} wrong entries, until {end}"


def _password(detail: UserDetail) -> str:
    if detail.invited_until is not None:
        return f"first-time, sent by mail, until {format_value(detail.invited_until)}"
    return "set" if detail.has_password else "none"


def detail_pairs(detail: UserDetail) -> list[tuple[str, object]]:
    """Return the remaining details as labels and values."""
    entry, undo = detail.whitelist, detail.undo
    pairs: list[tuple[str, object]] = [
        ("Created", detail.created),
        ("Password", _password(detail)),
        ("Sessions", detail.sessions),
        ("Tokens", detail.tokens),
        ("Recovery", f"{detail.recovery_left} codes left" if detail.recovery_left else "no codes left"),
        ("Failures", detail.failures),
    ]
    pairs += [("Locked for", describe_hold(hold)) for hold in detail.holds]
    pairs.append(("Known networks", detail.known_networks))
    if detail.must_bind_from:
        pairs.append(("Must bind from", detail.must_bind_from))
    if entry:
        pairs.append(("Whitelisted", f"{entry.reason}, by {entry.by}, until {format_value(entry.until)}"))
    if undo:
        pairs.append(("Undo", f"until {format_value(undo.until)}: secconsole undo {undo.event}"))
    pairs += [
        ("Same name" if other.same_name else "Looks like", f"{other.login}, id {other.id}")
        for other in detail.look_alikes
    ]
    pairs += [("Look twice", suspicion) for suspicion in detail.suspicions]
    return pairs
