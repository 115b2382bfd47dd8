"""Operations that would do again what an entry of the audit records, to be copied as commands.

Only of acts whose fields the audit keeps. It keeps no secret, so there is none in them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from secconsole.domain.roles import Role
from secconsole.operations import events
from secconsole.operations.audit import AuditEntry
from secconsole.operations.base import Operation
from secconsole.operations.unbinding import Unbind, UndoUnbind
from secconsole.operations.user_changes import ChangeRole, DisableUser, EnableUser, UnlockUser
from secconsole.operations.whitelist import AddToWhitelist, RemoveFromWhitelist


def operation_of(entry: AuditEntry, tenant: str) -> Operation[object] | None:
    """Return what an entry records, or None if it was refused or cannot be told from one entry."""
    make = _MAKERS.get(entry.action)
    if make is None or entry.outcome != "done" or entry.entries > 1 or not entry.target_id:
        return None
    return make(entry, tenant)


def _unbind(entry: AuditEntry, tenant: str) -> Operation[object]:
    return Unbind(tenant=tenant, users=(entry.target_id,), reason=entry.reason, ticket=entry.ticket)


def _undo(entry: AuditEntry, tenant: str) -> Operation[object]:
    event = str(entry.details.get("event", ""))
    return UndoUnbind(tenant=tenant, event=event, users=(entry.target_id,), reason=entry.reason)


def _whitelist(entry: AuditEntry, tenant: str) -> Operation[object]:
    until = entry.details.get("until")
    end = datetime.fromtimestamp(until / 1000, UTC) if isinstance(until, int) else None
    return AddToWhitelist(tenant=tenant, users=(entry.target_id,), reason=entry.reason, until=end)


def _role(entry: AuditEntry, tenant: str) -> Operation[object] | None:
    after = str(entry.details.get("after", ""))
    return ChangeRole(tenant=tenant, user=entry.target_id, role=Role(after)) if after in [*Role] else None


_MAKERS: dict[str, Callable[[AuditEntry, str], Operation[object] | None]] = {
    events.UNBIND.action: _unbind,
    events.UNBIND_UNDONE.action: _undo,
    events.WHITELIST_ADDED.action: _whitelist,
    events.WHITELIST_CHANGED.action: _whitelist,
    events.WHITELIST_REMOVED.action: lambda entry, tenant: RemoveFromWhitelist(tenant=tenant, users=(entry.target_id,)),
    events.USER_ROLE_CHANGED.action: _role,
    events.USER_DISABLED.action: lambda entry, tenant: DisableUser(
        tenant=tenant, user=entry.target_id, reason=entry.reason
    ),
    events.USER_ENABLED.action: lambda entry, tenant: EnableUser(tenant=tenant, user=entry.target_id),
    events.USER_UNLOCKED.action: lambda entry, tenant: UnlockUser(tenant=tenant, user=entry.target_id),
}
