"""Work that is due by time: expired whitelist entries, and cleaning up or summing up of temporary rows."""

from __future__ import annotations

import sqlalchemy as sa

from secconsole.domain.clock import NOTICED
from secconsole.operations.events import INVITATION_ENDED, WHITELIST_EXPIRED
from secconsole.operations.unbinding import UNDO_MINUTES
from secconsole.service.context import Context
from secconsole.service.factors.networks import end_due
from secconsole.service.factors.password_sessions import end_password_sessions
from secconsole.service.factors.refusals import report_due
from secconsole.service.upkeep import keep_up
from secconsole.store import factors, history, networks, outbox, tenants, users, whitelist
from secconsole.store.engine import idempotency
from secconsole.store.engine.due import has_ended
from secconsole.store.engine.tenant_lock import acquire_free
from secconsole.store.helpdesk import invitations
from secconsole.store.rows import UserRecord
from secconsole.store.sign_in import refusals, sessions

OTHER_ADDRESS = "The e-mail address changed."
UNDO = UNDO_MINUTES * 60_000
MOST_TENANTS = 20  # whose regular work one sweep does, so that nobody waits long at midnight


def is_due(connection: sa.Connection, now: int) -> bool:
    return (
        has_ended(connection, now)
        or factors.has_erasable(connection, now - UNDO, now + NOTICED)
        or idempotency.has_due(connection, now)
        or refusals.has_due(connection, now)
    )


def sweep(context: Context) -> None:
    """End what has expired, each with an audit entry.

    It may concern any tenant, and a write must hold the lock of the tenant that it changes. Tenants that are locked are
    left for the next write or read.
    """
    connection, now = context.connection, context.now
    kept_up = set(history.due_tenants(connection, now, MOST_TENANTS))
    due = {
        *kept_up,
        *whitelist.tenants_with_expired(connection, now),
        *factors.tenants_with_erasable(connection, now - UNDO, now + NOTICED),
        *refusals.tenants_with_due(connection, now),
        *networks.tenants_with_due(connection, now),
        *invitations.tenants_with_ended(connection, now),
    }
    if free := acquire_free(connection, due):
        for user, entry in whitelist.expired(connection, free, now):
            whitelist.drop_exemption(connection, user.pk)
            tenant = tenants.tenant_by_pk(connection, user.tenant_pk)
            ended = end_password_sessions(context, tenant, [user])
            context.audit(
                WHITELIST_EXPIRED,
                user,
                reason=entry.reason,
                tenant=tenant,
                by="secconsole",
                sessions_ended=ended.sessions,
                tokens_ended=ended.tokens,
            )
        with context.entries_together():
            for user in invitations.ended(connection, free, now):
                end_invitation(context, user, by="secconsole")
        factors.erase_over(connection, free, now - UNDO, now + NOTICED, now)
        report_due(context, free)
        for tenant_pk in free:
            tenant = tenants.tenant_by_pk(connection, tenant_pk)
            end_due(context, tenant)
            if tenant_pk in kept_up:
                keep_up(context, tenant)
    idempotency.clear(connection, now)


def end_invitation(context: Context, user: UserRecord, *, reason: str = "", by: str = "") -> UserRecord:
    """Take a first-time password away, so that its user has none and can be invited again."""
    sessions.end_sessions(context.connection, user.pk, now=context.now, why="first-time password ended")
    change = {"password_hash": None, "must_reset": False, "password_until": 0}
    user = users.change_user(context.connection, user.pk, **change)
    outbox.void(context.connection, invitation_attempt(user), context.now)
    tenant = tenants.tenant_by_pk(context.connection, user.tenant_pk)
    context.audit(INVITATION_ENDED, user, reason=reason, tenant=tenant, by=by)
    return user


def invitation_attempt(user: UserRecord) -> str:
    """Return the attempt of the messages with a user's first-time passwords."""
    return f"invitation {user.id}"
