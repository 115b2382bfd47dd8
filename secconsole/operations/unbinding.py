"""Unbinding of users who lost a phone: preview, execution and undo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from msgspec import Meta

from secconsole.domain.limits import LONGEST_NAME, MANY_NAMES_BODY, MOST_AT_ONCE
from secconsole.domain.model import BindingStatus, FactorKind, FactorState, PolicyMode
from secconsole.domain.roles import Permission, Role
from secconsole.operations import events
from secconsole.operations.approvals import Approval
from secconsole.operations.base import Operation, declare
from secconsole.operations.bypass import BypassIssued, BypassMinutes
from secconsole.operations.caller_check import CallerCheck
from secconsole.operations.fields import (
    Id,
    Moment,
    OptionalId,
    OptionalReason,
    Reason,
    TenantName,
    Ticket,
    UserName,
    UserNames,
)
from secconsole.operations.users import LookAlike
from secconsole.operations.whitelist import NotDone

UNDO_MINUTES = 10
TYPED_ABOVE = 20  # for more users the number must be typed
MOST_SHOWN = 200


VerifiedBy = Annotated[str, Meta(max_length=LONGEST_NAME, description="A person's name or login, or empty.")]


@dataclass(frozen=True, slots=True)
class UnbindTarget:
    """User who would be unbound, with enough details not to be mistaken for another.

    `factors`, `labels`, `masked` and `states` describe the same factors in one order. `recovery_codes`: how many unused
    ones become void. `notified`: the masked addresses of the notice. `binds_again`: whether the next sign-in asks to
    bind. `password_mail`: the masked address that a reset could mail a first-time password to, or `no_password_mail`
    why not, both for a single user only.
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
    binds_again: bool
    password_mail: str
    no_password_mail: str
    look_alikes: tuple[LookAlike, ...]
    suspicions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnbindPreview:
    """Effects of an unbinding.

    The counts cover all users, `targets` the first 200. `mails`: whether notices can be sent at all. `not_notified`:
    users who get none, for lack of that or of an address on record. `caller_check`: the actor's confirmed check of a
    single user, which the unbinding will use. `lacks`: what the policy needs before. `approval`: the actor's request.
    `limit`: how near the actor is to the limit of resets within an hour, in words, empty if not near.
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
    caller_check: CallerCheck | None = None
    lacks: str = ""
    approval: Approval | None = None
    limit: str = ""

    @classmethod
    def merge(cls, parts: Sequence[UnbindPreview]) -> UnbindPreview:
        """Return one preview from those of its portions, of which there is at least one."""
        return cls(
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
            caller_check=parts[0].caller_check,
            lacks=parts[0].lacks,
            approval=parts[0].approval,
            limit=parts[0].limit,
        )


@dataclass(frozen=True, slots=True)
class Unbound:
    id: str
    login: str


@dataclass(frozen=True, slots=True)
class UnbindResult:
    """Users who were unbound, and the others with reasons.

    `event` identifies the unbinding for undo, empty if nobody was unbound. `bypass`: the code issued with it, shown
    once. `caller_check`: the check of the caller that it belongs to, for a single user. `warning` is for people: the
    actor is near the limit of resets within an hour.
    """

    unbound: tuple[Unbound, ...]
    failed: tuple[NotDone, ...]
    event: str
    undo_until: Moment | None
    bypass: BypassIssued | None = None
    caller_check: CallerCheck | None = None
    warning: str = ""


@dataclass(frozen=True, slots=True)
class UndoResult:
    """Users who are bound again with the same phone, the others with reasons, and what ended."""

    restored: tuple[Unbound, ...]
    failed: tuple[NotDone, ...]
    event: str
    sessions_ended: int = 0
    tokens_ended: int = 0


@declare(
    "unbind.preview",
    "POST",
    "/v1/tenants/{tenant}/unbind/preview",
    Permission.UNBIND,
    writes=False,
    others_only=True,
    body=MANY_NAMES_BODY,
    example=lambda s: (PreviewUnbind(tenant=s.TENANT, users=("ana.kral", "cleo")), s.PREVIEW_UNBIND_REPLY),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewUnbind(Operation[UnbindPreview]):
    """Preview the effects of an unbinding."""

    tenant: TenantName
    users: UserNames


@declare(
    "unbind",
    "POST",
    "/v1/tenants/{tenant}/unbind",
    Permission.UNBIND,
    dangerous=True,
    step_up="always",
    others_only=True,
    body=MANY_NAMES_BODY,
    records=(events.UNBIND, events.BYPASS_ISSUED, events.BYPASS_REVOKED, events.RESETS_MANY),
    example=lambda s: (
        Unbind(tenant=s.TENANT, users=("ana.kral", "cleo"), reason=s.REASON, ticket=s.TICKET),
        UnbindResult((s.DONE,), (s.MISSING,), s.EVENT, s.NOW + timedelta(minutes=10)),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class Unbind(Operation[UnbindResult]):
    """Unbind the factors of up to 1,000 users, end their sessions, and let them bind again.

    The users must rank below the actor. A platform administrator may unbind another one with the approval of a second
    person. `users` are ids or logins. `verified_by`: who verified the identity of the user, if not the actor, for the
    audit. `event` continues a larger unbinding of the same actor, so that one undo restores everything. `bypass`:
    minutes of a bypass code to issue in the same step, for a single user of lower rank. An earlier bypass code no
    longer works. Helpdesk operators can unbind and reset as many users within an hour as the policy allows.
    """

    tenant: TenantName
    users: Annotated[tuple[UserName, ...], Meta(max_length=MOST_AT_ONCE)]
    reason: Reason
    ticket: Ticket = ""
    verified_by: VerifiedBy = ""
    event: OptionalId = ""
    bypass: BypassMinutes | None = None


@declare(
    "unbind.undo",
    "POST",
    "/v1/tenants/{tenant}/unbind/{event}/undo",
    Permission.UNBIND,
    step_up="always",
    others_only=True,
    body=MANY_NAMES_BODY,
    records=(events.UNBIND_UNDONE, events.BYPASS_REVOKED),
    example=lambda s: (UndoUnbind(tenant=s.TENANT, event=s.EVENT), UndoResult((s.DONE,), (), s.EVENT)),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class UndoUnbind(Operation[UndoResult]):
    """Undo an unbinding within ten minutes, so that the same phones work again.

    Sessions and tokens that were opened since end, because a password was enough for them. So does a bypass code.
    """

    tenant: TenantName
    event: Id
    users: UserNames = ()
    reason: OptionalReason = ""
