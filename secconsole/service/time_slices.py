"""Long work in the event loop, done in small slices."""

from __future__ import annotations

import asyncio
import time

_LONGEST_AT_A_TIME = 0.002  # seconds during which nothing else in this process is served


class Pace:
    """Pacer that yields the event loop from time to time."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    async def give_way(self) -> None:
        """Yield to other tasks if the time slice is used up."""
        if time.monotonic() - self._began > _LONGEST_AT_A_TIME:
            await asyncio.sleep(0)
            self._began = time.monotonic()
