"""Approvals as the acts that need them see them: the actor's own request for a user, and its use."""

from __future__ import annotations

from typing import Any

from secconsole.domain.helpdesk import (
    ApprovalKind,
    ApprovalState,
    UnbindNeeds,
    approves,
    is_same_person,
    lacks_for_unbinding,
)
from secconsole.domain.roles import Permission, may, may_act_on
from secconsole.operations.approvals import Approval
from secconsole.service.context import Context, when
from secconsole.service.factors import caller_checks
from secconsole.store import users
from secconsole.store.helpdesk import approvals
from secconsole.store.helpdesk.approvals import ApprovalRecord
from secconsole.store.rows import UserRecord

PEERS = "Another platform administrator needs the approval of a second person first."


def own_request(context: Context, user: UserRecord) -> ApprovalRecord | None:
    """Return the actor's unused request about a user."""
    actor = context.actor
    return approvals.approval_of(context.connection, user.pk, actor.id, actor.login, context.now)


def lacks(
    context: Context, user: UserRecord, asked: tuple[str, str] | None = None, kind: ApprovalKind = ApprovalKind.UNBIND
) -> str:
    """Return what the actor lacks for unbinding or resetting a user, empty if nothing.

    `asked`: reason and ticket that an approval must have been asked with, None to leave them open.
    """
    needs = UnbindNeeds.APPROVAL if context.is_peer(user) else context.tenant.helpdesk.needs_for(user.role)
    if needs is UnbindNeeds.NONE:
        return ""
    found, check = own_request(context, user), caller_checks.check_of(context, user)
    approved = (
        found is not None
        and approves(ApprovalKind(found.kind), kind)
        and asked in (None, (found.reason, found.ticket))
        and _is_granted(context, found, user)
    )
    missing = lacks_for_unbinding(needs, checked=check is not None and check.confirmed is not None, approved=approved)
    if missing and context.is_peer(user):
        return PEERS
    return missing


def use(context: Context, user: UserRecord, reason: str, ticket: str) -> dict[str, Any]:
    """Use the actor's approval for a reason and ticket, and return how the audit entry of the act names it."""
    found = own_request(context, user)
    if found is None or not _is_granted(context, found, user):
        return {}
    if not approvals.use(context.connection, found.pk, reason, ticket, context.now):
        return {}
    return {"approved_by": found.answer_by, "approval": found.id}


def use_of_peer(context: Context, user: UserRecord) -> dict[str, Any]:
    """Use the actor's approval for another platform administrator, whatever its reason, and return how it is named."""
    found = own_request(context, user) if context.is_peer(user) else None
    return use(context, user, found.reason, found.ticket) if found is not None else {}


def asker_of(record: ApprovalRecord) -> tuple[str, str]:
    """Return the id and login of an operator who asked."""
    return record.by_id, record.by


def _is_granted(context: Context, record: ApprovalRecord, user: UserRecord) -> bool:
    """Return True if a request was granted by another operator, who could still grant it."""
    answered_by = record.answer_by_id, record.answer_by
    if record.answer != ApprovalState.GRANTED or is_same_person(asker_of(record), answered_by):
        return False
    if not record.answer_by_id:  # the owner of the store
        return True
    # A grant counts only while its giver could still grant it, so it does not outlast an operator who was dismissed.
    giver = users.user_by_id(context.connection, record.answer_by_id)
    return (
        giver is not None
        and not giver.disabled
        and may(giver.role, Permission.UNBIND)
        and may_act_on(giver.role, user.role)
    )


def shown(context: Context, record: ApprovalRecord, user: UserRecord) -> Approval:
    actor = context.actor
    return Approval(
        id=record.id,
        kind=ApprovalKind(record.kind),
        user=user.id,
        login=user.login,
        name=user.name,
        role=user.role,
        reason=record.reason,
        ticket=record.ticket,
        by=record.by,
        created=when(record.created),
        until=when(record.expires),
        state=ApprovalState(record.answer or ApprovalState.PENDING),
        answer_by=record.answer_by,
        own=is_same_person(asker_of(record), (actor.id, actor.login)),
    )
