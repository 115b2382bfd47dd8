"""Repair after the clock that codes are checked against was wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from secconsole.domain.roles import Permission
from secconsole.operations import events
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import Moment


@dataclass(frozen=True, slots=True)
class ClockMended:
    """Traces that a clock that was ahead left in the store.

    `seen`: the latest time that the store had seen.
    """

    now: Moment
    seen: Moment
    factors: int  # whose correct codes were refused, because codes of a later time had been used
    done: bool


@declare(
    "clock.mend",
    "POST",
    "/v1/clock/mend",
    Permission.MANAGE_TENANTS,
    dangerous=True,
    step_up="always",
    records=events.CLOCK_MENDED,
    example=lambda s: (MendClock(), ClockMended(s.NOW, s.NOW + timedelta(minutes=40), 3, True)),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class MendClock(Operation[ClockMended]):
    """Accept correct codes again after the clock was ahead.

    Run it once the clock is right: it allows the codes of the time in between to be used once more. `check_only`: only
    count, without changing anything.
    """

    check_only: bool = False
