"""Fair scheduling: between the parts of a long request, short ones in progress are completed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

LONGEST = 0.05  # seconds that a part waits for others, however many there are


class Courtesy:
    """Requests in progress in this process, and the long ones that wait for them.

    Otherwise a part would be back in the writer's queue before those whose transactions were committed together with
    the previous one. A sign-in, which needs three of them, would wait for three parts.
    """

    def __init__(self) -> None:
        self._short = 0
        self._quiet = asyncio.Event()

    @contextmanager
    def short(self) -> Iterator[None]:
        """Count a request as one that long requests wait for."""
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    @contextmanager
    def long(self) -> Iterator[None]:
        """Stop counting a request as a short one while it runs in parts."""
        self._count(-1)
        try:
            yield
        finally:
            self._count(1)

    async def give_way(self) -> None:
        """Wait until no short request is in progress, for a limited time."""
        if self._short:
            self._quiet.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(LONGEST):  # wait_for of Python 3.11 can lose a cancellation
                    await self._quiet.wait()

    def _count(self, step: int) -> None:
        self._short += step
        if not self._short:
            self._quiet.set()
