"""Consequences of an unbinding, for its dialog."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from textual.content import Content

from secconsole.domain.helpdesk import ApprovalState
from secconsole.domain.model import BindingStatus, FactorState, PolicyMode
from secconsole.operations.unbinding import UnbindPreview, UnbindTarget
from secconsole.tui.text import users as texts
from secconsole.tui.text.about import About, who
from secconsole.tui.text.format import ago, count, glyph, plural, until
from secconsole.tui.text.safe import Part, join, lines

_INDENT = " " * 15
_ROOM = 57  # cells of the text beside the label at 80 columns
_MOST_NAMED = 4  # factors with a line each


_UNCHECKED = "not checked: c in the list sends a code"


def about_one(found: UnbindPreview, now: datetime, unchecked: str = _UNCHECKED) -> About | Content:
    if not found.targets:
        return lines(*(f"{failed.login}: {failed.reason}" for failed in found.failed))
    target = found.targets[0]
    rows: list[Part] = [
        *_what_happens(target, found, now),
        join((_label("Caller"), "$muted"), _caller(found, now) or unchecked),
        *([join((_label("Approval"), "$muted"), _approval(found, now))] if found.lacks or found.approval else []),
        *([join((_label("Limit"), "$muted"), (found.limit, "$status-pending"))] if found.limit else []),
    ]
    return About(who(target, target.suspicions, target.look_alikes), lines(*rows))


def _what_happens(target: UnbindTarget, found: UnbindPreview, now: datetime) -> list[Part]:
    facts = [
        *_factors(target),
        *_ended(target.sessions, target.tokens, target.recovery_codes),
        _notice(target.notified, found.mails),
        _next_binding(target, found.policy),
        _undone(found, now),
    ]
    if target.whitelisted:
        facts.insert(0, "is on the whitelist, so is not asked for a factor anyway")
    return _listed("What happens", facts)


def _label(text: str) -> str:
    return text.ljust(len(_INDENT))


def _approval(found: UnbindPreview, now: datetime) -> str:
    asked = found.approval
    if asked is None:
        return found.lacks
    if asked.state is ApprovalState.PENDING:
        return f"asked {ago(asked.created, now)}, not answered yet"
    return f"{asked.state} by {asked.answer_by}, until {until(asked.until, now)}"


def _caller(found: UnbindPreview, now: datetime) -> str:
    check = found.caller_check
    return texts.checked_words(check, now) if check is not None else ""


def _factors(target: UnbindTarget) -> list[str]:
    """Return what happens to each factor, by name: the caller can confirm if it is the one they lost."""
    each = list(zip(target.factors, target.labels, target.masked, target.states, strict=True))
    parts = [
        f"{texts.factor_name(kind, label, masked)} "
        + ("stops working now" if state is FactorState.ACTIVE else "is removed, never verified")
        for kind, label, masked, state in each[:_MOST_NAMED]
    ]
    rest = len(each) - _MOST_NAMED
    if rest > 0:
        parts.append(f"{plural(rest, 'more factor')} as well")
    return parts or ["no factor is bound"]


def _ended(sessions: int, tokens: int, codes: int) -> list[str]:
    """Return what ends: `2 sessions and 1 token end · 10 recovery codes become void`, on two lines if needed."""
    ending = [plural(number, word) for number, word in ((sessions, "session"), (tokens, "token")) if number]
    ends = f"{' and '.join(ending)} {'ends' if sessions + tokens == 1 else 'end'}" if ending else "no session is open"
    if not codes:
        return [ends]
    void = f"{plural(codes, 'recovery code')} {'becomes' if codes == 1 else 'become'} void"
    both = f"{ends} · {void}"
    return [both] if len(both) <= _ROOM else [ends, void]


def _notice(notified: Sequence[str], mails: bool) -> str:
    if not mails:
        return "no notice: no mail server is set up"
    return f"notice to {', '.join(notified)}" if notified else "no notice: no e-mail address is on record"


def _next_binding(target: UnbindTarget, policy: PolicyMode) -> str:
    if target.binds_again:
        why = "policy: required" if policy is PolicyMode.REQUIRED else "required of this user"
        return f"the next sign-in asks to bind again ({why})"
    if policy is not PolicyMode.REQUIRED:
        return f"no second factor is asked for then (policy: {policy})"
    if target.whitelisted:
        return "no second factor is asked for then (on the whitelist)"
    return "must bind again after the grace period (policy: required)"


def _undone(found: UnbindPreview, now: datetime) -> str:
    end = until(now + timedelta(minutes=found.undo_minutes), now)
    return f"can be undone until {end}"


_ANEW = {
    PolicyMode.REQUIRED: "their next sign-in asks to bind again (policy: required)",
    PolicyMode.OPTIONAL: "no second factor is asked for then, unless required of them",
    PolicyMode.OFF: "no second factor is asked for (policy: off)",
}


def _notices(found: UnbindPreview) -> str:
    users = found.bound + found.pending
    if not found.mails:
        return "no notice: no mail server is set up"
    if not found.not_notified:
        return "a notice goes to each"
    none = f"{count(found.not_notified)} without an e-mail address get none"
    return f"a notice goes to {count(users - found.not_notified)}; {none}"


def about_many(found: UnbindPreview, now: datetime, requested: int) -> Content:
    counts = [
        (found.bound, "bound"),
        (found.pending, "pending"),
        (found.already_unbound, "already unbound"),
        (len(found.failed), "cannot be unbound"),
    ]
    parts = ", ".join(f"{count(number)} {word}" for number, word in counts if number)
    rows: list[Part] = [join((plural(requested, "user"), "bold"), f": {parts}")]
    if found.whitelisted:
        rows.append(f"{count(found.whitelisted)} of them on the whitelist")
    odd = sum(bool(target.suspicions or target.look_alikes) for target in found.targets)
    if odd:
        rows.append((f"{plural(odd, 'name')} can be mistaken for others: check the list", "$status-pending"))
    if found.limit:
        rows.append((found.limit, "$status-pending"))
    facts = [
        "their factors stop working now",
        *_ended(found.sessions, found.tokens, found.recovery_codes),
        _notices(found),
        _ANEW[found.policy],
        _undone(found, now),
    ]
    rows += ["", *_listed("What happens", facts), "", ("f2 lists them by name", "$key")]
    return lines(*rows)


def _listed(label: str, facts: Sequence[str]) -> list[Part]:
    heads = [label.ljust(len(_INDENT))] + [_INDENT] * (len(facts) - 1)
    return [join((head, "$muted"), fact) for head, fact in zip(heads, facts, strict=True)]


def names(found: UnbindPreview, *, utf8: bool) -> list[tuple[str, str, str]]:
    """Return (login, name, note) of each user, those that deserve a second look first."""
    doubted, plain = [], []
    for target in sorted(found.targets, key=lambda target: target.login.casefold()):
        doubts = texts.doubts(target.suspicions, target.look_alikes)
        if doubts:
            doubted.append((target.login, target.name, f"{glyph('warning', utf8=utf8)} {doubts[0]}"))
        else:
            what = "unbound already" if target.status is BindingStatus.UNBOUND else f"id {target.id}"
            plain.append((target.login, target.name, what))
    return [*doubted, *((failed.login, "", failed.reason) for failed in found.failed), *plain]


def more(found: UnbindPreview) -> str:
    rest = found.bound + found.pending + found.already_unbound - len(found.targets)
    return f"and {count(rest)} more" if rest > 0 else ""
