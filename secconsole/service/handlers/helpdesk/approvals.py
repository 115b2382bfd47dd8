"""Approvals: requesting, listing, granting and denying."""

from __future__ import annotations

from secconsole.domain.errors import Conflict, NotAllowed, NotFound
from secconsole.domain.helpdesk import APPROVAL_LASTS, MOST_ASKED, MOST_WAITING, ApprovalState, is_same_person
from secconsole.operations.approvals import (
    Approval,
    ApprovalList,
    DenyApproval,
    GrantApproval,
    ListApprovals,
    RequestApproval,
)
from secconsole.operations.events import APPROVAL_DENIED, APPROVAL_GRANTED, APPROVAL_REQUESTED
from secconsole.service.context import Context
from secconsole.service.factors.approvals import asker_of, own_request, shown
from secconsole.service.handlers.users.whitelist import checked_reason
from secconsole.service.paging import check_limit, number_of
from secconsole.service.registry import handles
from secconsole.store import users
from secconsole.store.helpdesk import approvals
from secconsole.store.rows import UserRecord

OWN = "You asked for this yourself. Another person has to answer it."
OVER = "That request was answered, or its 30 minutes are over. Ask again."


@handles(RequestApproval)
def request_approval(context: Context, operation: RequestApproval) -> Approval:
    user, reason, ticket = context.target, checked_reason(operation.reason), operation.ticket.strip()
    _refuse_too_many(context, user)
    values: dict[str, object] = {
        "id": context.new_id(),
        "tenant_pk": context.tenant.pk,
        "user_pk": user.pk,
        "kind": operation.kind,
        "by_id": context.actor.id,
        "by": context.actor.login,
        "reason": reason,
        "ticket": ticket,
        "created": context.now,
        "expires": context.now + APPROVAL_LASTS,
    }
    approvals.add_request(context.connection, values)
    context.audit(APPROVAL_REQUESTED, user, reason=reason, ticket=ticket, kind=operation.kind)
    made = own_request(context, user)
    assert made is not None
    return shown(context, made, user)


@handles(ListApprovals)
def list_approvals(context: Context, operation: ListApprovals) -> ApprovalList:
    limit = operation.limit
    check_limit(limit)
    before = number_of(operation.cursor)
    found = approvals.live_approvals(context.connection, context.tenant.pk, context.now, before=before, limit=limit + 1)
    targets = users.users_by_pk(context.connection, {record.user_pk for record in found})
    items = tuple(shown(context, record, targets[record.user_pk]) for record in found[:limit])
    return ApprovalList(items, str(found[limit - 1].pk) if len(found) > limit else None)


@handles(GrantApproval)
def grant_approval(context: Context, operation: GrantApproval) -> Approval:
    return _answer(context, operation.approval, ApprovalState.GRANTED)


@handles(DenyApproval)
def deny_approval(context: Context, operation: DenyApproval) -> Approval:
    return _answer(context, operation.approval, ApprovalState.DENIED)


def _refuse_too_many(context: Context, user: UserRecord) -> None:
    """Raise `Conflict` if too many requests wait already, besides one that this one replaces."""
    actor = context.actor
    own, whole = approvals.count_waiting(
        context.connection, context.tenant.pk, actor.id, actor.login, but=user.pk, now=context.now
    )
    if own >= MOST_ASKED:
        raise Conflict(f"{own} of your requests wait for an answer, which is the limit. Wait for answers first.")
    if whole >= MOST_WAITING:
        raise Conflict(f"{whole} requests wait for an answer, which is the limit. Have them answered first.")


def _answer(context: Context, id: str, state: ApprovalState) -> Approval:
    """Answer a request once, by someone who did not make it."""
    actor, user = context.actor, context.target
    record = approvals.approval_by_id(context.connection, context.tenant.pk, id)
    if record is None:
        raise NotFound("There is no such request.")
    if is_same_person(asker_of(record), (actor.id, actor.login)):
        raise NotAllowed(OWN)
    values: dict[str, object] = {
        "answer": state,
        "answered": context.now,
        "answer_by_id": actor.id,
        "answer_by": actor.login,
    }
    # Conditional: of two answers at the same time the first one counts.
    if not approvals.answer(context.connection, record.pk, values, context.now):
        raise Conflict(OVER)
    event = APPROVAL_GRANTED if state is ApprovalState.GRANTED else APPROVAL_DENIED
    context.audit(event, user, reason=record.reason, ticket=record.ticket, kind=record.kind, asked_by=record.by)
    answered = approvals.approval_by_id(context.connection, context.tenant.pk, id)
    assert answered is not None
    return shown(context, answered, user)
