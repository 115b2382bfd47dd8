"""Regular work for a tenant, done by a sweep: figures of the day and of the past, and reminders to bind a factor."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa

from secconsole.domain.history import MOST_DAYS, count_days, day_of, start_of
from secconsole.domain.impact import impact
from secconsole.operations.events import USER_DISABLED, USER_ENABLED
from secconsole.service.context import Context
from secconsole.service.reminders import remind
from secconsole.store import history, tenants
from secconsole.store.history import DayRecord, Upkeep
from secconsole.store.rows import TenantRow
from secconsole.store.search.overdue import count_overdue

PORTION = 2_000  # users whose past is counted at a time
PAUSE = 1_000  # milliseconds between two portions


def keep_up(context: Context, tenant: TenantRow) -> None:
    """Do what is due for a tenant, whose lock the transaction holds."""
    connection, now = context.connection, context.now
    work = record_today(context, tenant, history.upkeep_of(connection, tenant.pk))
    work = rebuild_portion(connection, work, PORTION)
    next_day, next_portion = start_of(day_of(now) + 1), None if work.user_pk is None else now + PAUSE
    due = min(at for at in (next_day, next_portion, remind(context, tenant)) if at is not None)
    history.keep(connection, replace(work, due=due))


def record_today(context: Context, tenant: TenantRow, work: Upkeep) -> Upkeep:
    """Record the figures of a new day, and plan to rebuild those of days on which nothing was running."""
    today = day_of(context.now)
    if work.day == today:
        return work
    now = impact(tenants.groups(context.connection, tenant.pk), tenant.policy)
    overdue = count_overdue(context.connection, tenant.pk, context.now)
    figures = DayRecord(today, now.users, now.bound, now.pending, now.whitelisted, overdue)
    history.record(context.connection, tenant.pk, figures)
    if work.day + 1 < today:
        work = _plan(context, work, today)
    return replace(work, day=today)


def _plan(context: Context, work: Upkeep, today: int) -> Upkeep:
    """Plan to rebuild the days after the last one, together with those of a rebuild that was not finished."""
    first = max(work.day + 1, today - MOST_DAYS)
    if work.user_pk is not None:
        first = max(min(work.first, first), today - MOST_DAYS)
        history.forget_rebuilt(context.connection, work.tenant_pk, first, today)
    return replace(work, first=first, until=today, user_pk=0)


def rebuild_portion(connection: sa.Connection, work: Upkeep, portion: int) -> Upkeep:
    """Count one portion of the users for the days to rebuild."""
    if work.user_pk is None:
        return work
    last = work.user_pk + portion
    actions = {"disabled": USER_DISABLED.action, "enabled": USER_ENABLED.action}
    lives = history.lives(connection, work.tenant_pk, work.user_pk, last, **actions)
    history.add_rebuilt(connection, work.tenant_pk, work.first, count_days(lives, work.first, work.until))
    return replace(work, user_pk=last if last < history.last_user(connection) else None)
