"""Detection of a clock that is moved while the program runs, or was moved since it last ran."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from secconsole.domain.clock import ClockMark, Jump, jump_of, mark_at, moved_words
from secconsole.operations.events import CLOCK_JUMPED
from secconsole.service.context import Context, when
from secconsole.store import tenants
from secconsole.store.engine.clock import clock_mark, keep_clock_mark

log = logging.getLogger(__name__)

NOTED_EACH = 60_000  # milliseconds between two records of the time in the store, while the clock is right


def steady_seconds() -> float:
    """Return the seconds of a monotonic clock that continues while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


@dataclass(slots=True)
class ClockWatch:
    """Comparison of the wall clock with a monotonic clock, in milliseconds."""

    steady: Callable[[], float] = steady_seconds
    _now: int | None = None  # of the latest observation, with the monotonic clock at that moment
    _steady: float = 0.0
    _noted: int | None = None

    def observe(self, now: int) -> tuple[bool, int]:
        """Return True if this time has to be stored, and by how much the clock jumped (0: not at all)."""
        steady = self.steady()
        elapsed = int((steady - self._steady) * 1000)
        jumped = jump_of(self._now + elapsed, now) if self._now is not None else 0
        self._now, self._steady = now, steady
        due = self._noted is None or jumped != 0 or abs(now - self._noted) >= NOTED_EACH
        if due:
            self._noted = now
        return due, jumped


def is_worth_noting(mark: ClockMark | None, now: int) -> bool:
    """Return True if a time has to be stored, which is not the case twice in a minute."""
    return mark is None or not 0 <= now - mark.seen < NOTED_EACH


def note_time(connection: sa.Connection, now: int, jumped: int) -> Jump | None:
    """Store the observed time, and return a jump that was not reported yet, if there was one."""
    before = clock_mark(connection)
    after = mark_at(before, now, jumped=0 if before is not None and _is_known(before, now, jumped) else jumped)
    if not keep_clock_mark(connection, before, after):
        return None
    return after.jump if after.jump != (before.jump if before else None) else None


def report_jump(context: Context, jump: Jump, tenant_id: str) -> None:
    """Record a jump in a tenant's audit."""
    tenant = tenants.tenant_by_name(context.connection, tenant_id)
    if tenant is not None:
        before = when(jump.at - jump.by)
        context.audit(
            CLOCK_JUMPED,
            tenant=tenant,
            by="secconsole",
            seconds=jump.by // 1000,
            before=f"{before:%Y-%m-%d %H:%M:%S} UTC",
        )


def jump_words(jump: Jump) -> str:
    """Describe a jump of the clock for the log."""
    before, after = when(jump.at - jump.by), when(jump.at)
    span = f"from {before:%Y-%m-%d %H:%M} to {after:%Y-%m-%d %H:%M} UTC"
    return f"The clock was set {moved_words(jump.by)}: {span}."


def _is_known(mark: ClockMark, now: int, jumped: int) -> bool:
    """Return True if another process has recorded this jump, because the store has seen the new time since."""
    jump = mark.jump
    return jump is not None and (jump.by > 0) == (jumped > 0) and jump_of(jump.at, now) == 0
