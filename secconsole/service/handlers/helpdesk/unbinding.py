"""Unbinding: preview, execution and undo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from secconsole.domain.clock import is_over
from secconsole.domain.errors import Conflict, Invalid, NotFound
from secconsole.domain.limits import LONGEST_NAME, LONGEST_TICKET, MOST_AT_ONCE
from secconsole.domain.messages.mail_address import mail_address, masked_mail
from secconsole.domain.model import BindingStatus, FactorKind, SignInStatus
from secconsole.domain.policy import decide_second_factor
from secconsole.domain.users.login import suspicions
from secconsole.operations.approvals import Approval
from secconsole.operations.bypass import BypassIssued
from secconsole.operations.caller_check import CallerCheck
from secconsole.operations.events import UNBIND, UNBIND_UNDONE
from secconsole.operations.unbinding import (
    MOST_SHOWN,
    PreviewUnbind,
    Unbind,
    UnbindPreview,
    UnbindResult,
    UnbindTarget,
    Unbound,
    UndoResult,
    UndoUnbind,
)
from secconsole.operations.whitelist import NotDone
from secconsole.service.authorise import IDLE
from secconsole.service.context import Context, when
from secconsole.service.expiry import UNDO
from secconsole.service.factors import approvals, bypass, caller_checks
from secconsole.service.factors.bypass import refuse_unless_below
from secconsole.service.factors.resets import Room, note_refused, note_resets, room_of
from secconsole.service.factors.sign_in_facts import sign_in_facts
from secconsole.service.factors.unbinding import new_event, take_factors_off
from secconsole.service.handlers.users.reset import why_no_password_mail
from secconsole.service.handlers.users.whitelist import checked_reason
from secconsole.service.outbox.recipients import addresses_of, bound_addresses, can_mail
from secconsole.service.registry import handles
from secconsole.service.views import look_alikes, masked
from secconsole.store import factors, users
from secconsole.store.rows import FactorRecord, UserRecord
from secconsole.store.sign_in import recovery, sessions, tokens

UNBOUND, UNDONE = "The user was unbound.", "The unbinding was undone."


@handles(PreviewUnbind)
def preview_unbind(context: Context, operation: PreviewUnbind) -> UnbindPreview:
    targets, failed = context.targets(operation.users, operation.spec)
    status = [user.status for user in targets]
    pks = [user.pk for user in targets]
    mails = can_mail(context.connection, context.tenant.pk)
    return UnbindPreview(
        bound=status.count(BindingStatus.BOUND),
        pending=status.count(BindingStatus.PENDING),
        already_unbound=status.count(BindingStatus.UNBOUND),
        whitelisted=sum(user.whitelisted for user in targets),
        sessions=sum(_sessions(context, user) for user in targets),
        tokens=tokens.count_live(context.connection, pks, context.now),
        recovery_codes=recovery.count_left(context.connection, *pks),
        not_notified=sum(not mails or not _addresses(context, user) for user in targets if _has_any(user)),
        failed=tuple(failed),
        targets=tuple(_target(context, user, mails=mails, alone=len(targets) == 1) for user in targets[:MOST_SHOWN]),
        policy=context.tenant.policy,
        mails=mails,
        caller_check=_confirmed(context, targets),
        lacks=approvals.lacks(context, targets[0]) if len(targets) == 1 else "",
        approval=_asked(context, targets),
        limit=_limit(context),
    )


@handles(Unbind)
def unbind(context: Context, operation: Unbind) -> UnbindResult:
    reason, ticket = _checked(operation)
    targets, failed = context.targets(operation.users, operation.spec)
    if operation.bypass is not None:
        for user in targets:
            refuse_unless_below(context, user)
    room = room_of(context)
    affected = _affected(context, targets, failed, (reason, ticket), room)
    if not affected:
        context.unchanged = True
        return UnbindResult((), tuple(failed), operation.event, None)
    event, at = _event(context, operation.event, reason, ticket)
    verified_by = operation.verified_by.strip()
    verified: dict[str, Any] = {"verified_by": verified_by} if verified_by else {}
    issued: BypassIssued | None = None
    check: CallerCheck | None = None
    for user, live in affected:
        ended = take_factors_off(context, user, live, event)
        # Used up in the transaction of the act that they allow, so each counts once.
        check, approved = caller_checks.use(context, user), approvals.use(context, user, reason, ticket)
        context.audit(
            UNBIND,
            user,
            former=bound_addresses(live),
            reason=reason,
            ticket=ticket,
            event=event,
            factors=len(live),
            sessions_ended=ended,
            **verified,
            **caller_checks.details_of(check),
            **approved,
        )
        if operation.bypass is not None:
            issued = bypass.issue(context, user, bypass.Wanted(reason, ticket, operation.bypass), check, event)
        else:
            bypass.revoke(context, user, UNBOUND)
    done = tuple(Unbound(user.id, user.login) for user, _ in affected)
    return UnbindResult(
        done,
        tuple(failed),
        event,
        when(at + UNDO),
        issued,
        check if len(affected) == 1 else None,
        note_resets(context, room, len(affected)),
    )


def _checked(operation: Unbind) -> tuple[str, str]:
    """Return reason and ticket, or raise `Invalid` for fields that are too long or do not go together."""
    reason = checked_reason(operation.reason)
    if len(operation.ticket) > LONGEST_TICKET:
        raise Invalid(f"The ticket is longer than {LONGEST_TICKET} characters.", "ticket")
    if len(operation.verified_by) > LONGEST_NAME:
        raise Invalid(f"The name in verified-by is longer than {LONGEST_NAME} characters.", "verified_by")
    if len(operation.users) > MOST_AT_ONCE:
        raise Invalid(f"At most {MOST_AT_ONCE:,} users at once. Continue with the same event.", "users")
    if operation.bypass is not None and (len(set(operation.users)) > 1 or operation.event):
        raise Invalid("A bypass code is for one user. Unbind the others without one.", "bypass")
    return reason, operation.ticket.strip()


def _affected(
    context: Context, targets: Sequence[UserRecord], failed: list[NotDone], asked: tuple[str, str], room: Room
) -> list[tuple[UserRecord, list[FactorRecord]]]:
    """Return the users who are unbound now with their factors, and add the others to those that failed."""
    affected: list[tuple[UserRecord, list[FactorRecord]]] = []
    beyond = 0
    for user in targets:
        live = factors.live_factors(context.connection, user.pk)
        why = approvals.lacks(context, user, asked) if live else "Unbound already."
        if not why and room.left is not None and len(affected) >= room.left:
            why = room.refusal()
            beyond += 1
        if why:
            failed.append(NotDone(user.id, user.login, why))
        else:
            affected.append((user, live))
    if beyond:
        note_refused(context, room, beyond)
    return affected


@handles(UndoUnbind)
def undo_unbind(context: Context, operation: UndoUnbind) -> UndoResult:
    found = factors.unbinding(context.connection, context.tenant.pk, operation.event)
    if found is None:
        raise NotFound("There is no such unbinding.")
    if found.erased is not None or is_over(found.at, UNDO, context.now):
        raise Conflict(
            "The ten minutes are over, and the old keys are erased. The user binds a factor again at the next sign-in."
        )
    removed = factors.removed_by(context.connection, operation.event)
    if not removed:
        raise Conflict("That was already undone.")
    owners = {users.user_by_pk(context.connection, pk).id: pk for pk in removed}
    wanted = {u.pk for u in users.users_by_name(context.connection, context.tenant.pk, operation.users).values()}
    chosen = [id for id, pk in owners.items() if not operation.users or pk in wanted]
    targets, failed = context.targets(chosen, operation.spec)
    restored: list[Unbound] = []
    sessions_ended = tokens_ended = 0
    for user in targets:
        # The old factor must not return beside one that the user, or someone with the password, has begun to bind.
        if factors.live_factors(context.connection, user.pk):
            failed.append(NotDone(user.id, user.login, "Has already started to bind a new factor."))
            continue
        factors.restore(context.connection, user.pk, operation.event)
        # The unbinding ended what was open then. A password was enough for whatever was opened since.
        void = tokens.count_live(context.connection, [user.pk], context.now)
        ended = sessions.end_sessions(context.connection, user.pk, now=context.now, why="unbinding undone")
        sessions_ended, tokens_ended = sessions_ended + ended, tokens_ended + void
        bypass.revoke(context, user, UNDONE)
        context.audit(
            UNBIND_UNDONE,
            user,
            reason=operation.reason,
            event=operation.event,
            sessions_ended=ended,
            tokens_ended=void,
        )
        restored.append(Unbound(user.id, user.login))
    context.unchanged = not restored
    return UndoResult(tuple(restored), tuple(failed), operation.event, sessions_ended, tokens_ended)


def _confirmed(context: Context, targets: Sequence[UserRecord]) -> CallerCheck | None:
    """Return the actor's confirmed check of a single user."""
    check = caller_checks.check_of(context, targets[0]) if len(targets) == 1 else None
    return caller_checks.shown(check) if check is not None and check.confirmed is not None else None


def _asked(context: Context, targets: Sequence[UserRecord]) -> Approval | None:
    """Return the actor's unused request to unbind a single user."""
    found = approvals.own_request(context, targets[0]) if len(targets) == 1 else None
    return approvals.shown(context, found, targets[0]) if found is not None else None


def _limit(context: Context) -> str:
    room = room_of(context)
    return room.refusal() if room.left == 0 else room.words()


def _event(context: Context, continued: str, reason: str, ticket: str) -> tuple[str, int]:
    """Return id and time of the unbinding event: a new one, or one of the same actor that continues."""
    if continued:
        found = factors.unbinding(context.connection, context.tenant.pk, continued)
        if found is None or (found.by_id, found.by) != (context.actor.id, context.actor.login):
            raise NotFound("You have no such unbinding to continue.")
        if found.erased is not None or is_over(found.at, UNDO, context.now):
            raise Conflict("That unbinding is too old to continue. Start a new one.")
        return continued, found.at
    return new_event(context, reason, ticket), context.now


def _target(context: Context, user: UserRecord, *, mails: bool, alone: bool) -> UnbindTarget:
    connection = context.connection
    live = factors.live_factors(connection, user.pk)
    no_mail = why_no_password_mail(context, user) if alone else ""
    return UnbindTarget(
        id=user.id,
        login=user.login,
        name=user.name,
        role=user.role,
        status=user.status,
        factors=tuple(factor.kind for factor in live),
        labels=tuple(factor.label for factor in live),
        masked=tuple(masked(factor) for factor in live),
        states=tuple(factor.state for factor in live),
        whitelisted=user.whitelisted,
        sessions=_sessions(context, user),
        tokens=tokens.count_live(connection, [user.pk], context.now),
        recovery_codes=recovery.count_left(connection, user.pk),
        notified=tuple(masked_mail(address) for address in addresses_of(user, live)) if mails and live else (),
        binds_again=_binds_again(context, user),
        password_mail="" if no_mail or not alone else masked_mail(mail_address(user.email)),
        no_password_mail=no_mail,
        look_alikes=look_alikes(connection, user),
        suspicions=tuple(suspicions(user.login) + suspicions(user.name)),
    )


def _has_any(user: UserRecord) -> bool:
    """Return True if there is something to unbind, and so to notify about."""
    return user.status is not BindingStatus.UNBOUND


def _addresses(context: Context, user: UserRecord) -> tuple[str, ...]:
    mailed = FactorKind.EMAIL in user.kinds
    return addresses_of(user, factors.live_factors(context.connection, user.pk) if mailed else ())


def _binds_again(context: Context, user: UserRecord) -> bool:
    """Return True if the next sign-in will ask to bind a factor, once nothing is bound."""
    then = decide_second_factor(sign_in_facts(context, context.tenant, user, (), None, right=True))
    return then.status is SignInStatus.ENROLL


def _sessions(context: Context, user: UserRecord) -> int:
    return sessions.count_sessions(context.connection, user.pk, context.now, seen_since=context.now - IDLE)
