"""Repair of what a clock that was ahead left in the store."""

from __future__ import annotations

from dataclasses import replace

from secconsole.domain.clock import ClockMark
from secconsole.operations.clock import ClockMended, MendClock
from secconsole.operations.events import CLOCK_MENDED
from secconsole.service.context import Context, when
from secconsole.service.registry import handles
from secconsole.store.engine.clock import (
    clock_mark,
    count_used_ahead,
    end_begun_ahead,
    keep_clock_mark,
    lower_used_ahead,
)
from secconsole.store.tenants import all_tenants


@handles(MendClock)
def mend_clock(context: Context, operation: MendClock) -> ClockMended:
    connection, now = context.connection, context.now
    before = clock_mark(connection)
    mark = before or ClockMark(now, now)
    stuck = count_used_ahead(connection, now)
    if operation.check_only or (not stuck and not mark.is_behind(now) and mark.jump is None):
        context.unchanged = True
        return ClockMended(when(now), when(mark.high), stuck, done=False)
    stuck = lower_used_ahead(connection, now)
    end_begun_ahead(connection, now)
    keep_clock_mark(connection, before, replace(mark, seen=now, high=now, jump=None))
    # The store has one clock, so the audit of every tenant has an entry.
    for tenant in all_tenants(connection):
        context.audit(CLOCK_MENDED, tenant=tenant, factors=stuck, seen=f"{when(mark.high):%Y-%m-%d %H:%M:%S} UTC")
    return ClockMended(when(now), when(mark.high), stuck, done=True)
