"""Bypass codes: issuing and revoking."""

from __future__ import annotations

from secconsole.domain.errors import Conflict
from secconsole.operations.bypass import BypassIssued, BypassRevoked, IssueBypass, RevokeBypass
from secconsole.service.context import Context, milliseconds
from secconsole.service.factors.bypass import Wanted, issue, revoke
from secconsole.service.factors.caller_checks import use
from secconsole.service.handlers.users.whitelist import checked_reason
from secconsole.service.registry import handles


@handles(IssueBypass)
def issue_bypass(context: Context, operation: IssueBypass) -> BypassIssued:
    user = context.target
    if user.disabled:
        raise Conflict(f"{user.login} is disabled and cannot sign in. Enable the account first.")
    starts = milliseconds(operation.starts) if operation.starts is not None else None
    reason, ticket = checked_reason(operation.reason), operation.ticket.strip()
    return issue(context, user, Wanted(reason, ticket, operation.minutes, starts), use(context, user))


@handles(RevokeBypass)
def revoke_bypass(context: Context, operation: RevokeBypass) -> BypassRevoked:
    user = context.target
    if not revoke(context, user):
        raise Conflict(f"{user.login} has no bypass code that could be used.")
    return BypassRevoked(user.id, user.login)
