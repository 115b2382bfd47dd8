"""A user in words: the lines that tell who somebody is, where their binding stands, and what deserves a second look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from secconsole.domain.ident import short_id
from secconsole.domain.login import suspicions
from secconsole.domain.model import BindingStatus, FactorKind, FactorState, Flag
from secconsole.operations.audit import AuditEntry
from secconsole.operations.users import FactorRow, LookAlike, Undoable, UserDetail, UserRow
from secconsole.operations.whitelist import Exemption
from secconsole.tui.words import ago, moment, plural, until

KINDS = {FactorKind.TOTP: "authenticator app", FactorKind.EMAIL: "e-mail", FactorKind.SMS: "SMS"}

FLAGS = {
    Flag.WHITELISTED: "whitelisted",
    Flag.LOCKED: "locked",
    Flag.DISABLED: "disabled",
    Flag.MUST_RESET: "must choose a new password",
    Flag.WEAK_ONLY: "has only SMS or e-mail",
    Flag.NO_RECOVERY: "no recovery code left",
}

REQUIRED = "A second factor is required of this user, whatever the policy."

EVENTS = {
    "account.contact-changed": "changed the address on record",
    "account.keep-factor": "chose whether to stay asked",
    "account.mfa-cancelled": "removed all factors",
    "code.sent": "was sent a code",
    "delivery.set-smtp": "set up a mail server",
    "delivery.set-twilio": "set up Twilio",
    "delivery.tested": "tested how codes are sent",
    "factor.confirmed": "bound a factor",
    "factor.enrollment-started": "began to bind",
    "factor.key-mailed": "mailed a key",
    "factor.removed": "removed a factor",
    "factor.renamed": "renamed a factor",
    "password.changed": "changed the password",
    "policy.set": "switched the policy",
    "recovery.created": "made recovery codes",
    "recovery.used": "used a recovery code",
    "recovery.viewed": "looked at recovery codes",
    "secret-key.rotated": "renewed the secret key",
    "session.ended": "ended sessions",
    "sign-in": "signed in",
    "sign-in.code": "gave a code",
    "sign-out": "signed out",
    "step-up": "proved who they are",
    "tenant.created": "made the organisation",
    "token.created": "made a token",
    "token.revoked": "revoked a token",
    "unbind": "unbound",
    "unbind.undone": "unbinding undone",
    "user.created": "created",
    "user.disabled": "disabled",
    "user.enabled": "enabled",
    "user.imported": "imported",
    "user.mfa-not-required": "second factor no longer required",
    "user.mfa-required": "second factor required",
    "user.password-reset": "password reset",
    "user.role-changed": "role changed",
    "user.unlocked": "unlocked",
    "verify": "code checked",
    "whitelist.added": "put on the whitelist",
    "whitelist.changed": "whitelist entry changed",
    "whitelist.expired": "whitelist entry ended",
    "whitelist.removed": "taken off the whitelist",
}


def is_odd(user: UserRow) -> bool:
    """Whether login or name want a second look; what exactly is `suspicions`'s to say."""
    return not (user.login.isascii() and user.name.isascii() and (user.login + user.name).isprintable()) and bool(
        suspicions(user.login) or suspicions(user.name)
    )


def doubts(found: Sequence[str], look_alikes: Sequence[LookAlike]) -> list[str]:
    """What deserves a second look, a sentence each: hidden letters, mixed alphabets, and people with a like login."""
    out = [f"{text[:1].upper()}{text[1:]}." for text in dict.fromkeys(found)]
    like = [f"Looks like {o.login} ({o.name or 'no name'}, id {short_id(o.id)}). Check the id." for o in look_alikes]
    return out + like


def masked_phone(phone: str) -> str:
    """Enough of a number to recognise it by: `+420 ••• 113`."""
    digits = [c for c in phone if c.isdigit()]
    if len(digits) < 6:
        return "•••" if phone else ""
    head = phone.split()[0] if phone.startswith("+") and " " in phone else ""
    return f"{head} ••• {''.join(digits[-3:])}".strip()


def factor_name(kind: FactorKind, label: str, masked: str) -> str:
    """`authenticator app "Pixel 8"`, `SMS to ••• 113 "work"`."""
    name = KINDS[kind] if kind is FactorKind.TOTP else f"{KINDS[kind]} to {masked}"
    return f'{name} "{label}"' if label else name


def factor_state(factor: FactorRow, now: datetime) -> str:
    """`bound 3 Mar 2026 09:14 +01:00, used 12 min ago`."""
    if factor.state is FactorState.PENDING and factor.kind is not FactorKind.TOTP:
        return f"not verified until used once, added {ago(factor.created, now)}"
    if factor.state is FactorState.PENDING:
        return f"not confirmed yet, begun {ago(factor.created, now)}"
    used = f"last used {ago(factor.last_used, now)}" if factor.last_used else "not used since"
    spent = "; takes no more codes: too many wrong ones" if factor.exhausted else ""
    return f"bound {ago(factor.bound, now)}, {used}{spent}"


def whitelist_words(entry: Exemption | None, now: datetime) -> str:
    """`until 3 Mar: works in the clean room (by hana)`."""
    if entry is None:
        return "no"
    end = f"until {until(entry.until, now)}" if entry.until else "without an end"
    return f"{end}: {entry.reason} (by {entry.by})"


def lock_words(detail: UserDetail, now: datetime) -> str:
    """`locked until 09:30, after 7 wrong entries`; empty if nothing holds the account back."""
    wrong = plural(detail.failures, "wrong entry", "wrong entries")
    if detail.locked:
        end = f"until {until(detail.locked_until, now)}" if detail.locked_until else "until somebody unlocks it"
        return f"locked {end}, after {wrong}"
    return wrong if detail.failures else ""


def undo_words(undo: Undoable, now: datetime) -> str:
    """`unbound by hana 2 min ago (lost phone, T-1881)`."""
    why = ", ".join(part for part in (undo.reason, undo.ticket) if part)
    return f"unbound by {undo.by} {moment(undo.at, now)} ({why})"


def undo_until(undo: Undoable, now: datetime) -> str:
    return f"x undoes it until {until(undo.until, now)}"


def binding_words(detail: UserDetail, now: datetime) -> str:
    """Where the binding stands, in one line after the status word."""
    if detail.undo is not None and detail.user.status is BindingStatus.UNBOUND:
        return undo_words(detail.undo, now)
    names = ", ".join(_named(factor, detail.user.status) for factor in detail.factors)
    if detail.user.status is BindingStatus.UNBOUND:
        return "unbound"
    return f"{detail.user.status}: {names}"


def _named(factor: FactorRow, status: BindingStatus) -> str:
    """A factor beside others; that it is not verified is said where the status does not."""
    name = factor_name(factor.kind, factor.label, factor.masked)
    waits = factor.state is FactorState.PENDING and status is BindingStatus.BOUND
    return f"{name} (not verified)" if waits else name


def event_words(entry: AuditEntry) -> str:
    """`unbound by hana: lost phone`."""
    what = EVENTS.get(entry.action, entry.action)
    by = "" if entry.actor == entry.target else f" by {entry.actor}"
    outcome = "" if entry.outcome == "done" else f" ({entry.outcome})"
    why = f": {entry.reason}" if entry.reason else ""
    return f"{what}{by}{outcome}{why}"


def required_words(detail: UserDetail) -> str:
    """That a factor is required of this user, while that is all there is: who is bound is asked anyway."""
    return "factor required" if detail.mfa_required and detail.user.status is not BindingStatus.BOUND else ""


def recovery_words(detail: UserDetail) -> str:
    """How many recovery codes would still sign in, for somebody who has a factor that they stand in for."""
    if detail.user.status is not BindingStatus.BOUND:
        return "none: they come with a factor"
    return f"{detail.recovery_left} left" if detail.recovery_left else "none left"
