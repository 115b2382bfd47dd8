"""One poll of the store a few times a second, shared by all listeners for changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from secconsole.domain.audience import UNKNOWN, Audience, Change
from secconsole.domain.errors import Unavailable
from secconsole.store.changes import Heads

SECONDS = 0.4

Reader = Callable[[], Awaitable[Audience]]


class Watch(Protocol):
    """Interface of a store's watch for writes."""

    async def changed(self) -> bool: ...

    def close(self) -> None: ...


class Watched(Protocol):
    """The part of a store that is polled."""

    def watch(self) -> Watch:
        """Open the watch for writes."""
        ...

    async def changes_since(
        self, before: Heads | None, audiences: Collection[Audience]
    ) -> tuple[Heads, Collection[Change]]:
        """Return the current position, and the changes since `before`, none without it."""
        ...


@dataclass(eq=False, slots=True)
class _Listener:
    """A listener, which treats several changes before it wakes up as one.

    `marks`: of the requests that made them.
    """

    audience: Audience
    marks: frozenset[str] = frozenset()
    bell: asyncio.Event = field(default_factory=asyncio.Event)


class Watcher:
    """Watcher that looks for changes while there are listeners, and wakes those who may see them."""

    def __init__(self, store: Watched) -> None:
        self._store = store
        self._listeners: set[_Listener] = set()
        self._looking: asyncio.Task[None] | None = None
        self._begun = asyncio.Event()
        self._seen: Heads | None = None
        self._reading = asyncio.Lock()  # a listener who joins during a poll would miss its changes

    async def changes(self, reader: Reader) -> AsyncGenerator[frozenset[str]]:
        """Yield once when listening has begun, then after later changes the marks of the requests that made them.

        Several changes may count as one.

        `reader` is called before each notice for the user and what they may see now. Its errors end the iteration,
        except `Unavailable`, after which it is called again.
        """
        listener = _Listener(await reader())
        async with self._reading:
            await self._ring()  # earlier changes are not news to this listener
            self._listeners.add(listener)
        try:
            if self._looking is None or self._looking.done():
                self._begun = asyncio.Event()
                self._looking = asyncio.create_task(self._look(self._begun))
            await self._until(self._begun)
            yield frozenset({UNKNOWN})
            while True:
                await self._until(listener.bell)
                listener.bell.clear()
                listener.audience = await _audience(reader)
                marks, listener.marks = listener.marks, frozenset()
                if marks:  # else the bell rang for changes that the previous notice included
                    yield marks
        finally:
            self._listeners.discard(listener)
            if not self._listeners and self._looking is not None:
                self._looking.cancel()
                self._looking = self._seen = None

    async def _until(self, event: asyncio.Event) -> None:
        assert self._looking is not None
        happened = asyncio.ensure_future(event.wait())
        try:
            await asyncio.wait((happened, self._looking), return_when=asyncio.FIRST_COMPLETED)
            if not happened.done():
                self._looking.result()  # an error of the poll is raised to the listeners
        finally:
            happened.cancel()

    async def _look(self, begun: asyncio.Event) -> None:
        opening = asyncio.ensure_future(asyncio.to_thread(self._store.watch))
        try:
            watch = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close)  # a thread cannot be cancelled: its result is closed at once
            raise
        try:
            await watch.changed()
            self._seen, _ = await self._store.changes_since(None, ())
            begun.set()
            unread = False
            while True:
                await asyncio.sleep(SECONDS)
                unread = await watch.changed() or unread
                if unread:
                    with suppress(Unavailable):
                        async with self._reading:
                            await self._ring()
                        unread = False
        finally:
            watch.close()

    async def _ring(self) -> None:
        """Wake the listeners who may see the changes since the last poll."""
        if self._seen is None:
            return
        audiences = {listener.audience for listener in self._listeners}
        self._seen, changes = await self._store.changes_since(self._seen, audiences)
        for listener in self._listeners:
            if marks := frozenset[str]().union(*map(listener.audience.heard, changes)):
                listener.marks |= marks
                listener.bell.set()


async def _audience(reader: Reader) -> Audience:
    while True:
        try:
            return await reader()
        except Unavailable:  # no notice before the reader is known
            await asyncio.sleep(SECONDS)


def _close(opened: asyncio.Future[Watch]) -> None:
    if not opened.cancelled() and opened.exception() is None:
        opened.result().close()
