"""The audit: what was done, by whom, to whom, when and from where."""

from __future__ import annotations

from dataclasses import dataclass

from secconsole.domain.roles import Permission
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import Actions, Limit, Moment, NumberCursor, Search, TenantName, UserName


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry. `outcome` is `done`, `refused` or `failed`; `details` are small facts, never secrets.

    `address`: where the request came from, or which user of the server's machine; `request_id`: the one in its log.
    """

    id: str
    at: Moment
    actor: str
    action: str
    target: str
    target_id: str
    outcome: str
    reason: str
    ticket: str
    channel: str
    address: str
    request_id: str
    details: dict[str, str | int | bool | None]


@dataclass(frozen=True, slots=True)
class AuditPage:
    items: tuple[AuditEntry, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """Whether the chain of entries is whole; if not, which entry is the first that does not fit, and why."""

    whole: bool
    entries: int
    first_broken: str | None = None
    problem: str = ""


@declare("audit.list", "GET", "/v1/tenants/{tenant}/audit", Permission.SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class ListAudit(Operation[AuditPage]):
    """List entries, newest first.

    `search`: part of actor, target, action, reason or ticket; `actions`: one of these; `limit`: 1 to 500.
    """

    tenant: TenantName
    search: Search = ""
    action: str = ""
    actions: Actions = ()
    outcome: str = ""
    user: UserName = ""
    since: Moment | None = None
    limit: Limit = 50
    cursor: NumberCursor | None = None


@declare("audit.verify", "GET", "/v1/tenants/{tenant}/audit/verify", Permission.SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyAudit(Operation[AuditCheck]):
    """Check the chain of entries from the first to the signed head."""

    tenant: TenantName
