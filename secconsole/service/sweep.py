"""What has to happen because time has passed: whitelist entries end, seeds and replies that are kept for a while go."""

from __future__ import annotations

import sqlalchemy as sa

from secconsole.operations.unbinding import UNDO_MINUTES
from secconsole.service.context import Context
from secconsole.store import factors, idempotency, tenants, whitelist
from secconsole.store.claim import take_free

UNDO = UNDO_MINUTES * 60_000


def is_due(connection: sa.Connection, now: int) -> bool:
    return (
        whitelist.has_expired(connection, now)
        or factors.has_erasable(connection, now - UNDO)
        or idempotency.has_due(connection, now)
    )


def sweep(context: Context) -> None:
    """End what has expired, each with an entry in the audit.

    It concerns any tenant, and a write must be alone in the one it changes: where somebody is at work, the next write
    or look sees to it.
    """
    connection, now = context.connection, context.now
    due = {*whitelist.tenants_with_expired(connection, now), *factors.tenants_with_erasable(connection, now - UNDO)}
    if free := take_free(connection, due):
        for user, entry in whitelist.expired(connection, free, now):
            whitelist.drop_exemption(connection, user.pk)
            tenant = tenants.tenant_by_pk(connection, user.tenant_pk)
            context.audit("whitelist.expired", user, reason=entry.reason, tenant=tenant, by="secconsole")
        factors.erase_before(connection, free, now - UNDO, now)
    idempotency.clear(connection, now)
