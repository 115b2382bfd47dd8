"""Unbinding somebody who lost a phone, looking first, and taking it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from secconsole.domain.limits import LONGEST_NAME, MOST_AT_ONCE
from secconsole.domain.model import BindingStatus, FactorKind, FactorState, PolicyMode
from secconsole.domain.roles import Permission, Role
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import Id, Moment, Reason, TenantName, Ticket, UserName
from secconsole.operations.users import LookAlike
from secconsole.operations.whitelist import NotDone

UNDO_MINUTES = 10
TYPED_ABOVE = 20  # more users than this: the number must be typed
MOST_SHOWN = 200


VerifiedBy = Annotated[str, Meta(max_length=LONGEST_NAME, description="A person's name or login, or empty.")]


@dataclass(frozen=True, slots=True)
class UnbindTarget:
    """One user who would be unbound, named so that nobody is taken for somebody else.

    `factors`, `labels`, `masked` and `states` are of the same factors, in one order. `recovery_codes`: how many unused
    ones become void. `notified`: where the notice goes, masked. `binds_anew`: whether the next sign-in asks to bind.
    """

    id: str
    login: str
    name: str
    role: Role
    status: BindingStatus
    factors: tuple[FactorKind, ...]
    labels: tuple[str, ...]
    masked: tuple[str, ...]
    states: tuple[FactorState, ...]
    whitelisted: bool
    sessions: int
    tokens: int
    recovery_codes: int
    notified: tuple[str, ...]
    binds_anew: bool
    look_alikes: tuple[LookAlike, ...]
    suspicions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnbindPreview:
    """What an unbinding would do. The counts cover all; `targets` the first 200.

    `mails`: whether notices can be sent at all. `not_notified`: users to whom none goes, for want of that or of an
    address of theirs on record.
    """

    bound: int
    pending: int
    already_unbound: int
    whitelisted: int
    sessions: int
    tokens: int
    recovery_codes: int
    not_notified: int
    failed: tuple[NotDone, ...]
    targets: tuple[UnbindTarget, ...]
    policy: PolicyMode
    mails: bool
    undo_minutes: int = UNDO_MINUTES


def added_up(parts: Sequence[UnbindPreview]) -> UnbindPreview:
    """One preview of all, from those of the portions that they were asked for in; at least one."""
    return UnbindPreview(
        bound=sum(part.bound for part in parts),
        pending=sum(part.pending for part in parts),
        already_unbound=sum(part.already_unbound for part in parts),
        whitelisted=sum(part.whitelisted for part in parts),
        sessions=sum(part.sessions for part in parts),
        tokens=sum(part.tokens for part in parts),
        recovery_codes=sum(part.recovery_codes for part in parts),
        not_notified=sum(part.not_notified for part in parts),
        failed=tuple(failed for part in parts for failed in part.failed),
        targets=tuple(target for part in parts for target in part.targets)[:MOST_SHOWN],
        policy=parts[0].policy,
        mails=parts[0].mails,
        undo_minutes=parts[0].undo_minutes,
    )


@dataclass(frozen=True, slots=True)
class Unbound:
    id: str
    login: str


@dataclass(frozen=True, slots=True)
class UnbindResult:
    """Who was unbound, who was not and why; `event` is what undo takes, empty if nobody was."""

    unbound: tuple[Unbound, ...]
    failed: tuple[NotDone, ...]
    event: str
    undo_until: Moment | None


@dataclass(frozen=True, slots=True)
class UndoResult:
    """Who is bound again with the same phone, and who is not and why."""

    restored: tuple[Unbound, ...]
    failed: tuple[NotDone, ...]
    event: str


@declare("unbind.preview", "POST", "/v1/tenants/{tenant}/unbind/preview", Permission.UNBIND, writes=False)
@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewUnbind(Operation[UnbindPreview]):
    """Say what an unbinding would do before it is done."""

    tenant: TenantName
    users: tuple[UserName, ...]


@declare("unbind", "POST", "/v1/tenants/{tenant}/unbind", Permission.UNBIND, dangerous=True, step_up=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class Unbind(Operation[UnbindResult]):
    """Make the factors of up to 1,000 users stop working, end their sessions, and let them bind anew.

    `users` are ids or logins. `verified_by`: who made sure that it is the user who asks, where that was somebody else
    than whoever unbinds; it is kept in the audit. `event` continues a larger unbinding of the same person, so that one
    undo takes all back.
    """

    tenant: TenantName
    users: Annotated[tuple[UserName, ...], Meta(max_length=MOST_AT_ONCE)]
    reason: Reason
    ticket: Ticket = ""
    verified_by: VerifiedBy = ""
    event: str = ""


@declare("unbind.undo", "POST", "/v1/tenants/{tenant}/unbind/{event}/undo", Permission.UNBIND, step_up=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class UndoUnbind(Operation[UndoResult]):
    """Take an unbinding back within ten minutes: the same phones work again."""

    tenant: TenantName
    event: Id
    users: tuple[UserName, ...] = ()
