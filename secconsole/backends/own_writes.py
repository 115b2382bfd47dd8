"""Recognition of a backend's own writes in the notices of changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from secconsole.backends.base import Notice
from secconsole.domain.audience import UNKNOWN, mark_of

HOLD = 0.3  # seconds that a notice waits for the reply to a write in progress, which may turn out to be that write's
_KEPT = 64  # acknowledged writes whose notices have not come


class OwnWrites:
    """Acknowledged writes of one backend, each until its notice has come."""

    def __init__(self) -> None:
        self._marks: dict[str, None] = {}
        self._pending: set[asyncio.Future[None]] = set()

    @contextmanager
    def write(self) -> Iterator[Callable[[str], None]]:
        """Enclose a write, and yield what to call with its request id once it is acknowledged."""
        ended = asyncio.get_running_loop().create_future()
        self._pending.add(ended)
        try:
            yield self._acknowledge
        finally:
            self._pending.discard(ended)
            if not ended.done():
                ended.set_result(None)

    def _acknowledge(self, request_id: str) -> None:
        if (mark := mark_of(request_id)) is not UNKNOWN:
            self._marks[mark] = None
            while len(self._marks) > _KEPT:
                del self._marks[next(iter(self._marks))]

    async def notice_of(self, marks: frozenset[str]) -> Notice:
        """Return whose changes these are.

        A notice may come before the reply. A request that others know the id of is not recognised twice.
        """
        if self._pending and UNKNOWN not in marks and not marks <= self._marks.keys():
            await asyncio.wait(tuple(self._pending), timeout=HOLD)
        own = bool(marks) and marks <= self._marks.keys()
        for mark in marks:
            self._marks.pop(mark, None)
        return Notice.OWN if own else Notice.OTHERS
