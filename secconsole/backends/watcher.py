"""One look at the store a few times a second, for however many want to hear of changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Protocol

SECONDS = 0.4


class Watch(Protocol):
    """What a store has that tells whether anybody has written."""

    async def changed(self) -> bool: ...

    def close(self) -> None: ...


class Watcher:
    """Looks while anybody listens, and rings everybody's bell; a bell that rings twice before it is heard is one."""

    def __init__(self, open_watch: Callable[[], Watch]) -> None:
        self._open = open_watch
        self._bells: set[asyncio.Event] = set()
        self._looking: asyncio.Task[None] | None = None

    async def changes(self) -> AsyncIterator[None]:
        """Yield after changes made from now on; many may come as one."""
        bell = asyncio.Event()
        self._bells.add(bell)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            while True:
                await self._until_rung(bell)
                yield
        finally:
            self._bells.discard(bell)
            if not self._bells:
                self._looking.cancel()

    async def _until_rung(self, bell: asyncio.Event) -> None:
        assert self._looking is not None
        rung = asyncio.ensure_future(bell.wait())
        try:
            await asyncio.wait((rung, self._looking), return_when=asyncio.FIRST_COMPLETED)
            if not rung.done():
                self._looking.result()  # whatever keeps it from looking is told to whoever waits
        finally:
            rung.cancel()
        bell.clear()

    async def _look(self) -> None:
        opening = asyncio.ensure_future(asyncio.to_thread(self._open))
        try:
            watch = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close)  # a thread cannot be cancelled: what it opens is closed at once
            raise
        try:
            await watch.changed()
            while True:
                await asyncio.sleep(SECONDS)
                if await watch.changed():
                    for bell in self._bells:
                        bell.set()
        finally:
            watch.close()


def _close(opened: asyncio.Future[Watch]) -> None:
    if not opened.cancelled() and opened.exception() is None:
        opened.result().close()
