"""A queue that dispatches each key only after everything that the key before caused is done.

Textual forwards a key to the widget that has the focus when the key arrives. With "name, tab, password, enter" in one
burst, the focus has not moved yet when the letters of the password arrive, so they appear in the name field, in clear.
Here keys wait in one queue; behind each key a *fence* passes through the same message queues (widget, its parents,
screen, app), and the next key is dispatched when the fence has arrived and the top screen is ready.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Protocol

from textual import events
from textual.message_pump import MessagePump
from textual.screen import Screen

MOST_WAITING = 4096  # keys kept; more do not come from typing
_PATIENCE = 50  # times a fence goes to the back of a busy queue, since a widget may post to itself forever

Typed = events.Key | events.Paste


class KeyTarget(Protocol):
    """Interface of the app for the key queue."""

    def top_screen(self) -> Screen[object] | None:
        """Return the screen that takes keys now.

        None if there is none.
        """

    async def dispatch(self, typed: Typed) -> Sequence[MessagePump]:
        """Act on one key and return the queues it goes through next, its target first, then the parents."""

    def call_later(self, callback: Callable[[], Awaitable[None]]) -> bool: ...


class KeyHold:
    """A hold on the keys, released once.

    Also an async context manager.
    """

    def __init__(self, queue: KeyQueue) -> None:
        self._queue = queue
        self._over = False
        queue.holds.append(self)

    @property
    def held(self) -> bool:
        return self in self._queue.holds

    def release(self) -> None:
        self._over = True
        self.lend()

    def lend(self) -> None:
        """Let keys through while another screen asks something.

        `take_back` holds them again.
        """
        if self.held:
            self._queue.holds.remove(self)
            self._queue.proceed()

    def take_back(self) -> None:
        """Hold the keys again, unless this was released meanwhile."""
        if not self._over and not self.held:
            self._queue.holds.append(self)

    async def __aenter__(self) -> KeyHold:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class KeyQueue:
    """The queue of input that has not been acted on yet."""

    def __init__(self, target: KeyTarget) -> None:
        self._target = target
        self._typed: deque[Typed] = deque()
        self._under_way = False
        self._ready_screen: Screen[object] | None = None
        self._idle, self._dispatched = asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._dispatched.set()
        self.holds: list[KeyHold] = []

    @property
    def settled(self) -> bool:
        """True if all input has been acted on."""
        return not self._typed and not self._under_way

    def add(self, typed: Typed) -> bool:
        """Queue one key or paste.

        Return False if the queue is full and it was dropped.
        """
        if len(self._typed) >= MOST_WAITING:
            return False
        self._typed.append(typed)
        self._idle.clear()
        return True

    async def wait_idle(self) -> None:
        """Wait until all input has been acted on."""
        await self._idle.wait()

    async def wait_dispatched(self) -> None:
        """Wait until the key in progress, if there is one, has been handled."""
        await self._dispatched.wait()

    def holds_key(self, key: str) -> bool:
        """Return True if a key is waiting."""
        return any(isinstance(typed, events.Key) and typed.key == key for typed in self._typed)

    def release_all(self) -> None:
        """Release every hold: the work that held the keys has failed and will not do it."""
        for hold in tuple(self.holds):
            hold.release()

    def clear(self) -> None:
        """Drop input that has not been acted on yet."""
        self._typed.clear()
        self._note_idle()

    def _note_idle(self) -> None:
        if self.settled:
            self._idle.set()

    def proceed(self) -> None:
        """Check again, from the app's own queue, if a key can be dispatched."""
        self._target.call_later(self.next)

    async def next(self) -> None:
        """Dispatch the next key if nothing prevents it.

        Runs in the app's own queue.
        """
        if self._under_way or self.holds or not self._typed:
            return
        screen = self._target.top_screen()
        if screen is None:
            return
        if screen is not self._ready_screen:
            # a screen answers once it is composed and mounted and its first focus is set
            self._begin()
            self._fence([screen], lambda: self._set_ready(screen))
            return
        self._begin()
        queues: Sequence[MessagePump] = ()
        try:
            queues = await self._target.dispatch(self._typed.popleft())
        finally:
            self._fence(queues, self._done)

    def _set_ready(self, screen: Screen[object]) -> None:
        self._ready_screen = screen
        self._done()

    def _begin(self) -> None:
        self._under_way = True
        self._dispatched.clear()

    def _done(self) -> None:
        self._under_way = False
        self._dispatched.set()
        self._note_idle()
        self.proceed()

    def _fence(self, queues: Sequence[MessagePump], arrived: Callable[[], None], patience: int = _PATIENCE) -> None:
        """Call `arrived` once each queue in turn has been processed, skipping those that are closing.

        Messages that a key's handler posts to its own queue are behind the fence, so the fence goes to the back until
        it is alone.
        """
        if not queues:
            arrived()
            return
        queue = queues[0]

        def passed() -> None:
            if queue.message_queue_size and patience:
                self._fence(queues, arrived, patience - 1)
            else:
                self._fence(queues[1:], arrived)

        if not queue.post_message(events.Callback(callback=passed)):
            self._fence(queues[1:], arrived)
