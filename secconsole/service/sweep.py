"""What has to happen because time has passed: whitelist entries end, seeds and replies that are kept for a while go."""

from __future__ import annotations

import sqlalchemy as sa

from secconsole.operations.unbinding import UNDO_MINUTES
from secconsole.service.context import Context
from secconsole.store import factors, idempotency, tenants, whitelist

UNDO = UNDO_MINUTES * 60_000


def is_due(connection: sa.Connection, now: int) -> bool:
    return (
        whitelist.has_expired(connection, now)
        or factors.has_erasable(connection, now - UNDO)
        or idempotency.has_due(connection, now)
    )


def sweep(context: Context) -> None:
    """End what has expired, each with an entry in the audit."""
    for user, entry in whitelist.expired(context.connection, context.now):
        if not whitelist.drop_exemption(context.connection, user.pk):
            continue  # another server has just done so
        tenant = tenants.tenant_by_pk(context.connection, user.tenant_pk)
        context.audit("whitelist.expired", user, reason=entry.reason, tenant=tenant, by="secconsole")
    factors.erase_before(context.connection, context.now - UNDO, context.now)
    idempotency.clear(context.connection, context.now)
