"""What `secconsole user show` says of one user beside the columns of the list."""

from __future__ import annotations

from secconsole.cli.output import shown
from secconsole.domain.model import FactorKind
from secconsole.operations.users import FactorRow, UserDetail


def factor_line(factor: FactorRow) -> str:
    """One factor in a line: `Factor 01K…  sms  pending  ••• 009 "work"  added …: not verified until used once`."""
    label = f' "{factor.label}"' if factor.label and factor.label != factor.masked else ""
    since = f"added {shown(factor.created)}: not verified until used once"
    if factor.bound:
        used = f"last used {shown(factor.last_used)}" if factor.last_used else "not used since"
        since = f"bound {shown(factor.bound)}, {used}"
    elif factor.kind is FactorKind.TOTP:
        since = f"begun {shown(factor.created)}: not confirmed yet"
    spent = ", too many wrong codes: bind it anew" if factor.exhausted else ""
    return f"Factor {factor.id}  {factor.kind}  {factor.state}  {factor.masked}{label}  {since}{spent}"


def facts(detail: UserDetail) -> list[tuple[str, object]]:
    """Everything else there is to know, each with its label."""
    entry, undo = detail.whitelist, detail.undo
    said: list[tuple[str, object]] = [
        ("Created", detail.created),
        ("Password", "set" if detail.has_password else "none"),
        ("Sessions", detail.sessions),
        ("Tokens", detail.tokens),
        ("Recovery", f"{detail.recovery_left} codes left" if detail.recovery_left else "no codes left"),
        ("Failures", detail.failures),
    ]
    if detail.locked:
        said.append(("Locked until", detail.locked_until or "somebody unlocks"))
    if entry:
        said.append(("Whitelisted", f"{entry.reason}, by {entry.by}, until {shown(entry.until)}"))
    if undo:
        said.append(("Undo", f"until {shown(undo.until)}: secconsole undo {undo.event}"))
    said += [("Looks like", f"{other.login}, id {other.id}") for other in detail.look_alikes]
    said += [("Look twice", suspicion) for suspicion in detail.suspicions]
    return said
