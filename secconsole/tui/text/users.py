"""Texts about a user: identity, binding, access, and what deserves a second look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from secconsole.domain.ident import short_id
from secconsole.domain.model import BindingStatus, FactorKind, FactorState, Flag
from secconsole.domain.throttling.throttle import Bucket
from secconsole.domain.users.login import suspicions
from secconsole.operations.approvals import Approval
from secconsole.operations.audit import AuditEntry
from secconsole.operations.bypass import BypassState
from secconsole.operations.caller_check import CallerCheck
from secconsole.operations.events import EVENTS
from secconsole.operations.users import FactorRow, Hold, LookAlike, Undoable, UserDetail, UserRow
from secconsole.operations.whitelist import Exemption
from secconsole.tui.text.format import ago, moment, plural, until

KINDS = {FactorKind.TOTP: "authenticator app", FactorKind.EMAIL: "e-mail", FactorKind.SMS: "SMS"}

FLAGS = {
    Flag.WHITELISTED: "whitelisted",
    Flag.LOCKED: "locked",
    Flag.DISABLED: "disabled",
    Flag.MUST_RESET: "must choose a new password",
    Flag.WEAK_ONLY: "only SMS or e-mail",
    Flag.NO_RECOVERY: "no recovery code left",
    Flag.NO_PASSWORD: "no password yet",
    Flag.OVERDUE: "overdue: must bind a factor",
    Flag.CODES_REFUSED: "correct codes are refused",
    Flag.WEAK_KEY: "an imported key is short",
}

BUCKETS = {Bucket.STRANGERS: "strangers", Bucket.KNOWN: "known networks", Bucket.STEP_UP: "open sessions"}

REQUIRED = "A second factor is required of this user, unless the policy is off."


def bind_words(end: datetime, now: datetime) -> str:
    """Return from when on a factor must be bound, in the reader's zone."""
    return f"overdue since {until(end, now)}" if end <= now else f"must bind a factor by {until(end, now)}"


def is_odd(user: UserRow) -> bool:
    """Return True if login or name deserve a second look.

    `suspicions` tells what exactly.
    """
    return not (user.login.isascii() and user.name.isascii() and (user.login + user.name).isprintable()) and bool(
        suspicions(user.login) or suspicions(user.name)
    )


def doubts(found: Sequence[str], look_alikes: Sequence[LookAlike]) -> list[str]:
    """Return what deserves a second look, a sentence each: hidden letters, mixed alphabets, similar logins."""
    out = [f"{text[:1].upper()}{text[1:]}." for text in dict.fromkeys(found)]
    return out + [_likeness(other) for other in look_alikes]


def _likeness(other: LookAlike) -> str:
    if other.same_name:
        return f"Same name as {other.login} (id {short_id(other.id)}). Check the login."
    return f"Looks like {other.login} ({other.name or 'no name'}, id {short_id(other.id)}). Check the id."


def factor_name(kind: FactorKind, label: str, masked: str) -> str:
    """Return the name of a factor: `authenticator app "Pixel 8"`, `SMS to ••• 113 "work"`."""
    name = KINDS[kind] if kind is FactorKind.TOTP else f"{KINDS[kind]} to {masked}"
    return f'{name} "{label}"' if label else name


def factor_state(factor: FactorRow, now: datetime) -> str:
    """Return the state of a factor: `bound 3 Mar 2026 09:14 +01:00, used 12 min ago`."""
    if factor.state is FactorState.PENDING and factor.kind is not FactorKind.TOTP:
        return f"not verified until used once, added {ago(factor.created, now)}"
    if factor.state is FactorState.PENDING:
        return f"not confirmed yet, started {ago(factor.created, now)}"
    used = f"last used {ago(factor.last_used, now)}" if factor.last_used else "not used yet"
    spent = "; accepts no more codes after too many wrong ones" if factor.exhausted else ""
    return f"bound {ago(factor.bound, now)}, {used}{spent}"


def whitelist_words(entry: Exemption | None, now: datetime) -> str:
    """Return a whitelist entry in short: `until 3 Mar: works in the clean room (by hana)`."""
    if entry is None:
        return "no"
    end = f"until {until(entry.until, now)}" if entry.until else "with no end date"
    return f"{end}: {entry.reason} (by {entry.by})"


def channel_words(channel: FactorKind, masked: str) -> str:
    """Return where the code of a caller comes from: `SMS to ••• 113`, `their authenticator app`."""
    return "their authenticator app" if channel is FactorKind.TOTP else f"{KINDS[channel]} to {masked}"


def checked_words(check: CallerCheck, now: datetime) -> str:
    """Return how a caller was checked: `checked by SMS to ••• 113, 2 min ago`."""
    doubt = ", set in the last 24 hours" if check.recent else ""
    return f"checked by {channel_words(check.channel, check.masked)}{doubt}, {ago(check.confirmed, now)}"


def caller_words(check: CallerCheck | None, now: datetime) -> str:
    """Return the line of a dialog about its caller."""
    if check is None or check.confirmed is None:
        return "Caller: not checked. c in the list sends a code."
    return f"Caller: {checked_words(check, now)}."


def bypass_words(code: BypassState, now: datetime) -> str:
    """Return a code from the helpdesk that was not used yet: `bypass code until 14:05 (by hana)`."""
    starts = f"from {until(code.starts, now)} " if code.starts > now else ""
    return f"bypass code {starts}until {until(code.until, now)} (by {code.by})"


def lock_words(detail: UserDetail, now: datetime) -> str:
    """Return how an account is locked: `locked until 09:30, after 7 wrong entries`.

    Empty if it is not.
    """
    if detail.holds:
        if len(detail.holds) == len(Bucket):
            return f"locked until unlocked, after {plural(detail.failures, 'wrong entry', 'wrong entries')}"
        return f"locked for {'; for '.join(hold_words(hold, now) for hold in detail.holds)}"
    return plural(detail.failures, "wrong entry", "wrong entries") if detail.failures else ""


def locked_word(user: UserRow) -> str:
    """Return the flag in a list: `locked: strangers`, or `locked` alone if from everywhere."""
    where = user.locked_for
    return f"locked: {BUCKETS[where[0]].split()[0]}" if len(where) == 1 else "locked"


def hold_words(hold: Hold, now: datetime) -> str:
    """Return a lock of one origin: `strangers until 09:30, after 7 wrong entries`."""
    end = f"until {until(hold.until, now)}" if hold.until else "until unlocked"
    return f"{BUCKETS[hold.bucket]} {end}, after {plural(hold.failures, 'wrong entry', 'wrong entries')}"


def undo_words(undo: Undoable, now: datetime) -> str:
    """Return an unbinding that can be undone: `unbound by hana 2 min ago (lost phone, T-1881)`."""
    why = ", ".join(part for part in (undo.reason, undo.ticket) if part)
    return f"unbound by {undo.by} {moment(undo.at, now)} ({why})"


def undo_until(undo: Undoable, now: datetime) -> str:
    return f"x undoes it until {until(undo.until, now)}"


def binding_words(detail: UserDetail, now: datetime) -> str:
    """Return the state of the binding in one line, to follow the status."""
    if detail.undo is not None and detail.user.status is BindingStatus.UNBOUND:
        return undo_words(detail.undo, now)
    names = ", ".join(_named(factor, detail.user.status) for factor in detail.factors)
    if detail.user.status is BindingStatus.UNBOUND:
        return "unbound"
    return f"{detail.user.status}: {names}"


def _named(factor: FactorRow, status: BindingStatus) -> str:
    """Return a factor in a list.

    Notes that it is not verified where the status does not show it.
    """
    name = factor_name(factor.kind, factor.label, factor.masked)
    waits = factor.state is FactorState.PENDING and status is BindingStatus.BOUND
    return f"{name} (not verified)" if waits else name


def event_words(entry: AuditEntry) -> str:
    """Return an event in short: `unbound by hana: lost phone`."""
    event = EVENTS.get(entry.action)
    what = event.words if event is not None else entry.action
    by = "" if entry.actor == entry.target else f" by {entry.actor}"
    outcome = "" if entry.outcome == "done" else f" ({entry.outcome})"
    why = f": {entry.reason}" if entry.reason else ""
    return f"{what}{by}{outcome}{why}"


def required_words(detail: UserDetail) -> str:
    """Return a note that a factor is required of this user, unless one is bound and asked for anyway."""
    return "factor required" if detail.mfa_required and detail.user.status is not BindingStatus.BOUND else ""


def recovery_words(detail: UserDetail) -> str:
    """Return the number of recovery codes left, for a user who has a factor."""
    if detail.user.status is not BindingStatus.BOUND:
        return "none: created with the first factor"
    return f"{detail.recovery_left} left" if detail.recovery_left else "none left"


def asked_words(asked: Approval, now: datetime) -> str:
    return f"Approval asked for {asked.login}, until {until(asked.until, now)}. Press the key again once it is granted."
