"""Acts of jobs: what each kind does to one user, with the rules of its single operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from secconsole.domain.clock import is_over
from secconsole.domain.errors import Conflict
from secconsole.domain.helpdesk import is_same_person
from secconsole.domain.jobs import ItemState, JobKind
from secconsole.domain.messages.delivery import Purpose
from secconsole.domain.model import BindingStatus, FactorKind
from secconsole.domain.secret import Secret
from secconsole.domain.users.invitation import DAY, why_not_invited
from secconsole.operations.base import Operation
from secconsole.operations.events import USER_PASSWORD_RESET
from secconsole.operations.incident import SendAdvice
from secconsole.operations.invitations import InviteUsers
from secconsole.operations.reminding import RemindUser
from secconsole.operations.unbinding import Unbind
from secconsole.operations.user_changes import DisableUser, RequireMfa, ResetPassword, UnlockUser
from secconsole.operations.whitelist import AddToWhitelist, RemoveFromWhitelist, WhitelistChanged
from secconsole.service.authorise import authorise_in_job
from secconsole.service.context import Context, when_or_none
from secconsole.service.expiry import UNDO, invitation_attempt
from secconsole.service.factors.passwords import one_time_password
from secconsole.service.handlers.audit.advice import NO_ADVICE
from secconsole.service.handlers.users.invitations import (
    NO_MAIL,
    choose_invited,
    give_first_password,
    why_no_first_password,
)
from secconsole.service.handlers.users.reminding import BOUND, NO_REMINDER
from secconsole.service.handlers.users.role_rules import has_own_password
from secconsole.service.outbox.queue import can_send, room_of
from secconsole.service.registry import HANDLERS
from secconsole.store import factors, outbox, users
from secconsole.store.rows import UserRecord
from secconsole.store.sign_in import sessions

R = TypeVar("R")
NOT_LOCKED = "Is not locked."
REQUIRED = "A second factor is required already."
DISABLED = "Is disabled already."
NOT_LISTED = "Is not on the whitelist."
NOT_LISTED_PASSWORD = "The list has no password of this user. Try again."  # noqa: S105 - words
HAS_PASSWORD = "Has a password already."  # noqa: S105 - words
_LACKS_MAIL = {JobKind.INVITE: NO_MAIL, JobKind.ADVISE: NO_ADVICE, JobKind.REMIND: NO_REMINDER}
NO_PASSWORD = "Has no password yet. Invite this user instead."  # noqa: S105 - words


@dataclass(frozen=True, slots=True)
class Parameters:
    """Parameters of a job, as they are stored, of which none is a secret.

    `until`: milliseconds, 0 with no end date.
    """

    reason: str = ""
    ticket: str = ""
    verified_by: str = ""
    until: int = 0
    days: int = 7
    keep_sessions: bool = False
    without_mail: bool = False
    listed: bool = False


@dataclass(frozen=True, slots=True)
class ItemOutcome:
    """Outcome of one user.

    `event`: the unbinding that it belongs to.
    """

    state: ItemState
    reason: str = ""
    event: str = ""


DONE = ItemOutcome(ItemState.DONE)
LATER = ItemOutcome(
    ItemState.PENDING
)  # became possible after the passwords of this step were made: the next one does it


@dataclass(slots=True)
class StepWork:
    """Parameters of the job, its current unbinding, and new passwords by user, which the acts of one request share.

    Each password comes with its hash.
    """

    parameters: Parameters
    event: str = ""
    passwords: dict[int, tuple[Secret[str], str]] = field(default_factory=dict)


Act = Callable[[Context, UserRecord, StepWork], ItemOutcome]
ACTS: dict[JobKind, Act] = {}


def performs(kind: JobKind) -> Callable[[Act], Act]:
    """Register a function as what a kind of job does to one user.

    It runs in the user's own savepoint, with its own context: an error that it raises undoes all that it did, and
    becomes the reason of the user.
    """

    def add(act: Act) -> Act:
        ACTS[kind] = act
        return act

    return add


@performs(JobKind.UNBIND)
def _unbind(context: Context, user: UserRecord, work: StepWork) -> ItemOutcome:
    given = work.parameters
    operation = Unbind(
        tenant=context.tenant.id,
        users=(user.id,),
        reason=given.reason,
        ticket=given.ticket,
        verified_by=given.verified_by,
        event=work.event,
    )
    result = _run(context, operation)
    if result.unbound:
        return ItemOutcome(ItemState.DONE, event=result.event)
    why = result.failed[0].reason
    # A user who has nothing bound is no failure.
    return ItemOutcome(
        ItemState.FAILED if factors.live_factors(context.connection, user.pk) else ItemState.SKIPPED, why
    )


@performs(JobKind.UNLOCK)
def _unlock(context: Context, user: UserRecord, work: StepWork) -> ItemOutcome:
    return _single(context, UnlockUser(tenant=context.tenant.id, user=user.id), NOT_LOCKED)


@performs(JobKind.REQUIRE_MFA)
def _require(context: Context, user: UserRecord, work: StepWork) -> ItemOutcome:
    keep = work.parameters.keep_sessions
    return _single(context, RequireMfa(tenant=context.tenant.id, user=user.id, keep_sessions=keep), REQUIRED)


@performs(JobKind.DISABLE)
def _disable(context: Context, user: UserRecord, work: StepWork) -> ItemOutcome:
    reason = work.parameters.reason
    return _single(context, DisableUser(tenant=context.tenant.id, user=user.id, reason=reason), DISABLED)


@performs(JobKind.WHITELIST_ADD)
def _whitelist(context: Context, user: UserRecord, work: StepWork) -> ItemOutcome:
    until = when_or_none(work.parameters.until)
    reason, tenant = work.parameters.reason, context.tenant.id
    operation = AddToWhitelist(tenant=tenant, users=(user.id,), reason=reason, until=until)
    return _of_change(_run(context, operation), "Is on the whitelist already, with this reason and end.")


@performs(JobKind.WHITELIST_REMOVE)
def _from_whitelist(context: Context, user: UserRecord, work: StepWork) -> ItemOutcome:
    keep, tenant = work.parameters.keep_sessions, context.tenant.id
    operation = RemoveFromWhitelist(tenant=tenant, users=(user.id,), keep_sessions=keep)
    return _of_change(_run(context, operation), NOT_LISTED)


@performs(JobKind.INVITE)
def _invite(context: Context, user: UserRecord, work: StepWork) -> ItemOutcome:
    authorise_in_job(context, InviteUsers(tenant=context.tenant.id, users=(user.id,)))
    if has_own_password(user):
        return ItemOutcome(ItemState.SKIPPED, HAS_PASSWORD)
    chosen = choose_invited(context, (user.id,), InviteUsers.spec)
    if not chosen.users:
        return ItemOutcome(ItemState.FAILED, chosen.failed[0].reason)
    if user.pk not in work.passwords:
        return LATER
    password, hashed = work.passwords[user.pk]
    give_first_password(context, user, password, hashed, context.now + work.parameters.days * DAY)
    return DONE


@performs(JobKind.RESET_PASSWORD)
def _reset(context: Context, user: UserRecord, work: StepWork) -> ItemOutcome:
    authorise_in_job(context, ResetPassword(tenant=context.tenant.id, user=user.id))
    if user.password_hash is None:
        return ItemOutcome(ItemState.SKIPPED, NO_PASSWORD)
    if work.parameters.listed:
        return _reset_by_list(context, user, work)
    why = why_no_first_password(context, user)
    if why and not work.parameters.without_mail:
        return ItemOutcome(ItemState.FAILED, why)
    if user.pk not in work.passwords:
        return LATER
    password, hashed = work.passwords[user.pk]
    if not why:
        until = context.now + work.parameters.days * DAY
        give_first_password(context, user, password, hashed, until, resets=has_own_password(user))
        return DONE
    ended = sessions.end_sessions(context.connection, user.pk, now=context.now, why="password reset")
    users.change_user(context.connection, user.pk, password_hash=hashed, must_reset=True, password_until=0)
    context.audit(USER_PASSWORD_RESET, user, sessions_ended=ended)
    return ItemOutcome(ItemState.DONE, f"No mail was sent, so an administrator has to hand over a password. {why}")


def _reset_by_list(context: Context, user: UserRecord, work: StepWork) -> ItemOutcome:
    """Give a user the one-time password that the driver has listed."""
    if user.pk not in work.passwords:
        return ItemOutcome(ItemState.FAILED, NOT_LISTED_PASSWORD)
    until = context.now + work.parameters.days * DAY
    ended = sessions.end_sessions(context.connection, user.pk, now=context.now, why="password reset")
    hashed = work.passwords[user.pk][1]
    users.change_user(context.connection, user.pk, password_hash=hashed, must_reset=True, password_until=until)
    outbox.void(context.connection, invitation_attempt(user), context.now)
    context.audit(USER_PASSWORD_RESET, user, to="a list", until=until, sessions_ended=ended)
    return DONE


@performs(JobKind.ADVISE)
def _advise(context: Context, user: UserRecord, work: StepWork) -> ItemOutcome:
    _run(context, SendAdvice(tenant=context.tenant.id, user=user.id))
    return DONE


@performs(JobKind.REMIND)
def _remind(context: Context, user: UserRecord, work: StepWork) -> ItemOutcome:
    if user.status is BindingStatus.BOUND:
        return ItemOutcome(ItemState.SKIPPED, BOUND)
    _run(context, RemindUser(tenant=context.tenant.id, user=user.id))
    return DONE


def new_passwords(
    context: Context, kind: JobKind, chosen: Sequence[UserRecord], given: Parameters
) -> dict[int, Secret[str]]:
    """Return new passwords by user, for those who can be given one now.

    Each is hashed, which takes time and memory, so nobody who is refused gets one.
    """
    if kind not in (JobKind.INVITE, JobKind.RESET_PASSWORD):
        return {}
    left = room_of(context, FactorKind.EMAIL, Purpose.INVITATION)[0]
    made: dict[int, Secret[str]] = {}
    for user in chosen:
        is_mailed = left > 0 and _can_mail(context, kind, user)
        unmailed = kind is JobKind.RESET_PASSWORD and given.without_mail
        if is_mailed or (unmailed and can_reset(context, user)):
            made[user.pk] = one_time_password()
            left -= is_mailed
    return made


def _can_mail(context: Context, kind: JobKind, user: UserRecord) -> bool:
    if kind is JobKind.INVITE:
        return bool(choose_invited(context, (user.id,), InviteUsers.spec).users)
    return can_reset(context, user) and not why_no_first_password(context, user)


def can_reset(context: Context, user: UserRecord) -> bool:
    """Return True if the actor may give a user another password, by whatever way."""
    return user.password_hash is not None and not context.why_not(user, ResetPassword.spec)


def invitation_problem(user: UserRecord) -> str:
    return why_not_invited(disabled=user.disabled, has_own_password=has_own_password(user), email=user.email)


def current_event(context: Context, events: str) -> str:
    """Return the job's newest unbinding if it can be continued for a while, or empty for a new one.

    The first half of its time to undo is used for continuing, so that the last of its users can still be undone.
    """
    newest = events.split()[-1:]
    found = factors.unbinding(context.connection, context.tenant.pk, newest[0]) if newest else None
    if found is None or found.erased is not None or is_over(found.at, UNDO // 2, context.now):
        return ""
    mine = is_same_person((found.by_id, found.by), (context.actor.id, context.actor.login))
    return found.id if mine else ""


def _single(context: Context, operation: Operation[object], unchanged: str) -> ItemOutcome:
    _run(context, operation)
    return ItemOutcome(ItemState.SKIPPED, unchanged) if context.unchanged else DONE


def _run(context: Context, operation: Operation[R]) -> R:
    authorise_in_job(context, operation)
    # The handler alone: the pipeline would begin another transaction.
    reply: R = HANDLERS[type(operation)].run(context, operation)
    return reply


def _of_change(changed: WhitelistChanged, unchanged: str) -> ItemOutcome:
    if changed.failed:
        return ItemOutcome(ItemState.FAILED, changed.failed[0].reason)
    return DONE if changed.changed else ItemOutcome(ItemState.SKIPPED, unchanged)


def refuse_unable(context: Context, kind: JobKind, given: Parameters) -> None:
    """Raise what keeps a kind of job from doing anything to any user."""
    resets = kind is JobKind.RESET_PASSWORD and not given.without_mail and not given.listed
    mails = resets or kind in _LACKS_MAIL
    if mails and not can_send(context, context.tenant, FactorKind.EMAIL):
        raise Conflict(_LACKS_MAIL.get(kind, NO_MAIL))
