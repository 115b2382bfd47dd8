"""Unbinding of one user: what every operation that takes all factors away does."""

from __future__ import annotations

from collections.abc import Sequence

from secconsole.service.context import Context
from secconsole.service.factors.throttling import unlock
from secconsole.store import factors
from secconsole.store.rows import FactorRecord, UserRecord
from secconsole.store.sign_in import sessions


def new_event(context: Context, reason: str, ticket: str) -> str:
    """Add an unbinding by the actor, which can be undone, and return its id."""
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
    return event


def take_factors_off(context: Context, user: UserRecord, live: Sequence[FactorRecord], event: str) -> int:
    """Remove all factors of a user with their recovery codes, and return the number of sessions that end."""
    if live:
        factors.remove(context.connection, user.pk, [factor.pk for factor in live], now=context.now, event=event)
    unlock(context, user)  # failures were counted against the removed factors
    return sessions.end_sessions(context.connection, user.pk, now=context.now, why="unbound")
