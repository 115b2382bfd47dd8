"""Keys typed ahead land where they were meant: one key is dispatched when all that the one before did has been done.

Textual forwards a key to whatever has the focus when the key arrives. With "name, tab, password, enter" in one burst
the focus has not moved yet when the password's letters arrive, so they land in the name field, in clear. Here keys wait
in one queue; behind each key a *fence* passes through the same message queues (widget, its parents, screen, app), and
the next key is sent off when the fence has arrived and the screen on top stands.
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

MOST_WAITING = 4096  # keys kept; more is not somebody typing
_PATIENCE = 50  # times a fence goes to the back of one queue that is not empty: a widget may talk to itself for ever

Typed = events.Key | events.Paste


class Place(Protocol):
    """What the order of keys needs of an app."""

    def top_screen(self) -> Screen[object] | None:
        """The screen that takes keys now; None while there is none worth giving a key to."""

    async def dispatch(self, typed: Typed) -> Sequence[MessagePump]:
        """Act on one key; the queues it goes through from now on, first its target, then its parents."""

    def call_later(self, callback: Callable[[], Awaitable[None]]) -> bool: ...


class KeyHold:
    """Keys wait until this is released, once; also an async context manager."""

    def __init__(self, order: KeyOrder) -> None:
        self._order = order
        self._over = False
        order.holds.append(self)

    @property
    def held(self) -> bool:
        return self in self._order.holds

    def release(self) -> None:
        self._over = True
        self.lend()

    def lend(self) -> None:
        """Let keys go for as long as something else is asked; `take_back` makes them wait again."""
        if self.held:
            self._order.holds.remove(self)
            self._order.proceed()

    def take_back(self) -> None:
        """Keys wait again, unless this was released meanwhile."""
        if not self._over and not self.held:
            self._order.holds.append(self)

    async def __aenter__(self) -> KeyHold:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class KeyOrder:
    """The queue of what was typed and not yet acted on."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._typed: deque[Typed] = deque()
        self._under_way = False
        self._standing: Screen[object] | None = None
        self._at_rest, self._idle = asyncio.Event(), asyncio.Event()
        self._at_rest.set()
        self._idle.set()
        self.holds: list[KeyHold] = []

    @property
    def settled(self) -> bool:
        """Whether all that was typed has been acted on."""
        return not self._typed and not self._under_way

    def add(self, typed: Typed) -> bool:
        """Queue one key or paste; False if there are too many already and it was dropped."""
        if len(self._typed) >= MOST_WAITING:
            return False
        self._typed.append(typed)
        self._at_rest.clear()
        return True

    async def rest(self) -> None:
        """Wait until all that was typed has been acted on."""
        await self._at_rest.wait()

    async def acted(self) -> None:
        """Wait until the key that is under way, if one is, has been acted on."""
        await self._idle.wait()

    def holds_key(self, key: str) -> bool:
        """Whether a key is among what waits."""
        return any(isinstance(typed, events.Key) and typed.key == key for typed in self._typed)

    def release_all(self) -> None:
        """Let go of every hold: the work that held the keys has failed and will not do it."""
        for hold in tuple(self.holds):
            hold.release()

    def clear(self) -> None:
        """Forget what was typed and not acted on yet."""
        self._typed.clear()
        self._note_rest()

    def _note_rest(self) -> None:
        if self.settled:
            self._at_rest.set()

    def proceed(self) -> None:
        """Look again, from the app's own queue, whether a key can be sent off."""
        self._place.call_later(self.next)

    async def next(self) -> None:
        """Send off the next key, if there is one and nothing stands in its way. Runs in the app's own queue."""
        if self._under_way or self.holds or not self._typed:
            return
        screen = self._place.top_screen()
        if screen is None:
            return
        if screen is not self._standing:
            # A screen answers once it is composed and mounted and its first focus is set.
            self._begin()
            self._fence([screen], lambda: self._stands(screen))
            return
        self._begin()
        queues: Sequence[MessagePump] = ()
        try:
            queues = await self._place.dispatch(self._typed.popleft())
        finally:
            self._fence(queues, self._done)

    def _stands(self, screen: Screen[object]) -> None:
        self._standing = screen
        self._done()

    def _begin(self) -> None:
        self._under_way = True
        self._idle.clear()

    def _done(self) -> None:
        self._under_way = False
        self._idle.set()
        self._note_rest()
        self.proceed()

    def _fence(self, queues: Sequence[MessagePump], arrived: Callable[[], None], patience: int = _PATIENCE) -> None:
        """Call `arrived` when each queue in turn has been worked off; those that are closing are passed over.

        What a key's handler posts to its own queue is behind the fence: so it goes to the back until it is alone.
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
