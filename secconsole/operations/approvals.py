"""Approvals: a second person agrees before a user is unbound."""

from __future__ import annotations

from dataclasses import dataclass

from secconsole.domain.helpdesk import ApprovalKind, ApprovalState
from secconsole.domain.limits import MOST_PER_PAGE
from secconsole.domain.roles import Permission, Ranks, Role
from secconsole.operations import events
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import Id, Limit, Moment, NumberCursor, Reason, TenantName, Ticket, UserName


@dataclass(frozen=True, slots=True)
class Approval:
    """Request of an operator for the approval of one operation by another operator.

    `until`: when the request, or the approval if it was granted, ends. `answer_by`: who answered. `own`: the caller
    asked for it, and so cannot answer it.
    """

    id: str
    kind: ApprovalKind
    user: str
    login: str
    name: str
    role: Role
    reason: str
    ticket: str
    by: str
    created: Moment
    until: Moment
    state: ApprovalState
    answer_by: str
    own: bool


@dataclass(frozen=True, slots=True)
class ApprovalList:
    """Requests that are open, and answers that were not used yet, newest first.

    `next`: the start of the next page.
    """

    items: tuple[Approval, ...]
    next: str | None = None


@declare(
    "approval.request",
    "POST",
    "/v1/tenants/{tenant}/users/{user}/approvals",
    Permission.UNBIND,
    on_lower=True,
    others_only=True,
    step_up="never",
    why="asks another person, and changes nothing",
    records=events.APPROVAL_REQUESTED,
    example=lambda s: (RequestApproval(tenant=s.TENANT, user="ana.kral", reason=s.REASON, ticket=s.TICKET), s.APPROVAL),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class RequestApproval(Operation[Approval]):
    """Ask for a second person's approval of an operation on a user.

    It is bound to the kind, the user, the reason and the ticket, replaces the actor's earlier request for that user,
    and ends after 30 minutes. A reset includes unbinding. An operator can have 20 requests that wait for an answer.
    """

    tenant: TenantName
    user: UserName
    reason: Reason
    ticket: Ticket = ""
    kind: ApprovalKind = ApprovalKind.UNBIND


@declare(
    "approval.list",
    "GET",
    "/v1/tenants/{tenant}/approvals",
    Permission.SEE,
    example=lambda s: (ListApprovals(tenant=s.TENANT), ApprovalList((s.APPROVAL,))),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ListApprovals(Operation[ApprovalList]):
    """List open requests for approval, and answers that were not used yet, newest first."""

    tenant: TenantName
    limit: Limit = MOST_PER_PAGE
    cursor: NumberCursor | None = None


@declare(
    "approval.grant",
    "POST",
    "/v1/tenants/{tenant}/approvals/{approval}/grant",
    Permission.UNBIND,
    on_lower=True,
    others_only=True,
    step_up="always",
    records=events.APPROVAL_GRANTED,
    example=lambda s: (GrantApproval(tenant=s.TENANT, approval=s.APPROVAL.id), s.GRANTED),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class GrantApproval(Operation[Approval]):
    """Approve another operator's request, once and only as it was asked for.

    It cannot be the request of the actor, who must be able to do the operation too.
    """

    tenant: TenantName
    approval: Id


@declare(
    "approval.deny",
    "POST",
    "/v1/tenants/{tenant}/approvals/{approval}/deny",
    Permission.UNBIND,
    on_lower=True,
    ranks=Ranks.EQUAL,
    others_only=True,
    step_up="never",
    why="only keeps something from being done",
    records=events.APPROVAL_DENIED,
    example=lambda s: (DenyApproval(tenant=s.TENANT, approval=s.APPROVAL.id), s.DENIED),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class DenyApproval(Operation[Approval]):
    """Deny another operator's request."""

    tenant: TenantName
    approval: Id
