"""Unbinding: look first, do it, take it back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from secconsole.domain.errors import Conflict, Invalid, NotFound
from secconsole.domain.limits import LONGEST_NAME, LONGEST_TICKET, MOST_AT_ONCE
from secconsole.domain.login import suspicions
from secconsole.domain.mail_address import masked_mail
from secconsole.domain.model import BindingStatus, FactorKind, SignInStatus
from secconsole.domain.policy import decide_second_factor
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
from secconsole.service.handlers import handles
from secconsole.service.notified import addresses_of, bound_addresses, can_mail
from secconsole.service.sign_in_facts import sign_in_facts
from secconsole.service.sweep import UNDO
from secconsole.service.views import look_alike, masked
from secconsole.service.whitelist import checked_reason
from secconsole.store import factors, recovery, sessions, tokens, users
from secconsole.store.rows import FactorRecord, UserRecord


@handles(PreviewUnbind)
def preview_unbind(context: Context, operation: PreviewUnbind) -> UnbindPreview:
    targets, failed = context.targets(operation.users)
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
        targets=tuple(_target(context, user, mails=mails) for user in targets[:MOST_SHOWN]),
        policy=context.tenant.policy,
        mails=mails,
    )


@handles(Unbind)
def unbind(context: Context, operation: Unbind) -> UnbindResult:
    reason, ticket = checked_reason(operation.reason), operation.ticket.strip()
    if len(operation.ticket) > LONGEST_TICKET:
        raise Invalid(f"The ticket is longer than {LONGEST_TICKET} characters.", "ticket")
    if len(operation.verified_by) > LONGEST_NAME:
        raise Invalid(f"The name of who verified is longer than {LONGEST_NAME} characters.", "verified_by")
    if len(operation.users) > MOST_AT_ONCE:
        raise Invalid(f"At most {MOST_AT_ONCE:,} users at once; go on with the same event.", "users")
    targets, failed = context.targets(operation.users)
    affected: list[tuple[UserRecord, list[FactorRecord]]] = []
    for user in targets:
        live = factors.live_factors(context.connection, user.pk)
        if live:
            affected.append((user, live))
        else:
            failed.append(NotDone(user.id, user.login, "Unbound already."))
    if not affected:
        context.unchanged = True
        return UnbindResult((), tuple(failed), operation.event, None)
    event, at = _event(context, operation.event, reason, ticket)
    verified_by = operation.verified_by.strip()
    verified: dict[str, Any] = {"verified_by": verified_by} if verified_by else {}
    for user, live in affected:
        pks = [factor.pk for factor in live]
        factors.remove(context.connection, user.pk, pks, now=context.now, event=event)
        if user.failures or user.locked_until:  # they were counted against the factor that is gone
            users.note_failure(context.connection, user.pk, failures=0, locked_until=0)
        ended = sessions.end_sessions(context.connection, user.pk, now=context.now, why="unbound")
        context.audit(
            "unbind", user, former=bound_addresses(live), reason=reason, ticket=ticket, event=event, factors=len(pks),
            sessions_ended=ended, **verified,
        )  # fmt: skip
    done = tuple(Unbound(user.id, user.login) for user, _ in affected)
    return UnbindResult(done, tuple(failed), event, when(at + UNDO))


@handles(UndoUnbind)
def undo_unbind(context: Context, operation: UndoUnbind) -> UndoResult:
    found = factors.unbinding(context.connection, context.tenant.pk, operation.event)
    if found is None:
        raise NotFound("There is no such unbinding.")
    if found.erased is not None or context.now >= found.at + UNDO:
        raise Conflict("The ten minutes are over: the old keys are erased. The user binds anew at the next sign-in.")
    removed = factors.removed_by(context.connection, operation.event)
    if not removed:
        raise Conflict("That was undone already.")
    owners = {users.user_by_pk(context.connection, pk).id: pk for pk in removed}
    wanted = {u.pk for u in users.users_by_name(context.connection, context.tenant.pk, operation.users).values()}
    chosen = [id for id, pk in owners.items() if not operation.users or pk in wanted]
    targets, failed = context.targets(chosen)
    restored: list[Unbound] = []
    for user in targets:
        if factors.live_factors(context.connection, user.pk):
            failed.append(NotDone(user.id, user.login, "Has begun to bind anew meanwhile."))
            continue
        factors.restore(context.connection, user.pk, operation.event)
        sessions.forget_proofs(context.connection, user.pk)  # meanwhile a password was enough to prove it
        context.audit("unbind.undone", user, event=operation.event)
        restored.append(Unbound(user.id, user.login))
    context.unchanged = not restored
    return UndoResult(tuple(restored), tuple(failed), operation.event)


def _event(context: Context, continued: str, reason: str, ticket: str) -> tuple[str, int]:
    """The unbinding that these users belong to: a new one, or one of the same actor that goes on; and its time."""
    if continued:
        found = factors.unbinding(context.connection, context.tenant.pk, continued)
        if found is None or (found.by_id, found.by) != (context.actor.id, context.actor.login):
            raise NotFound("There is no such unbinding of yours to go on with.")
        if found.erased is not None or context.now >= found.at + UNDO:
            raise Conflict("That unbinding is too old to go on with. Begin a new one.")
        return continued, found.at
    event = context.new_id()
    values: dict[str, object] = {
        "id": event,
        "tenant_pk": context.tenant.pk,
        "at": context.now,
        "by_id": context.actor.id,
        "by": context.actor.login,
        "reason": reason,
        "ticket": ticket,
    }
    factors.add_unbinding(context.connection, values)
    return event, context.now


def _target(context: Context, user: UserRecord, *, mails: bool) -> UnbindTarget:
    connection = context.connection
    live = factors.live_factors(connection, user.pk)
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
        binds_anew=_binds_anew(context, user),
        look_alikes=tuple(look_alike(other) for other in users.look_alikes(connection, user)),
        suspicions=tuple(suspicions(user.login) + suspicions(user.name)),
    )


def _has_any(user: UserRecord) -> bool:
    """Whether there is something to unbind, and so to tell of."""
    return user.status is not BindingStatus.UNBOUND


def _addresses(context: Context, user: UserRecord) -> tuple[str, ...]:
    mailed = FactorKind.EMAIL in user.kinds
    return addresses_of(user, factors.live_factors(context.connection, user.pk) if mailed else ())


def _binds_anew(context: Context, user: UserRecord) -> bool:
    """Whether the next sign-in asks to bind, once nothing is bound: by the table that decides it."""
    facts = sign_in_facts(context, context.tenant, user, right=True)
    then = decide_second_factor(replace(facts, active_factor=False, pending_factor=False))
    return then.status is SignInStatus.ENROLL


def _sessions(context: Context, user: UserRecord) -> int:
    return sessions.count_sessions(context.connection, user.pk, context.now, seen_since=context.now - IDLE)
