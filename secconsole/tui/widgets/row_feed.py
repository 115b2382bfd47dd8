"""Keeps the rows around the window loaded, and replaces them without moving what the user looks at."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from secconsole.domain.errors import SecconsoleError
from secconsole.tui.widgets.row_window import BLOCK, FindsRows, RowSource, RowWindow

REFRESH_PAUSE = 0.1  # least seconds between two live updates
AT_ONCE = 2  # blocks in sight that are fetched at the same time


@dataclass(slots=True)
class View:
    """Position of the table: the row under the cursor (key None while it is not loaded) and the first row in sight."""

    cursor: int = 0
    key: str | None = None
    top: int = 0
    page: int = 1


class FeedOwner(Protocol):
    """Interface of the table, as the feed needs it."""

    view: View

    def start_loading(self, work: Callable[[], Coroutine[None, None, None]], group: str) -> object: ...

    def call_in(self, seconds: float, callback: Callable[[], None]) -> None: ...

    def rows_arrived(self) -> None: ...

    def loading_failed(self, error: SecconsoleError) -> None: ...


class RowFeed:
    """Loads in the background.

    Drops replies to requests made before the last change of source or refresh.
    """

    def __init__(self, owner: FeedOwner, source: RowSource) -> None:
        self._owner = owner
        self.rows = RowWindow(source)
        self._generation = 0
        self._fetching: set[int] = set()
        self._next: tuple[RowSource, bool] | None = None  # a new source, and whether to look for the cursor's row in it
        self._reloading = False
        self._waiting = False  # for the pause after a reload
        self._again = False
        self.failed = False  # the last request for the rows in sight was answered by an error

    @property
    def settled(self) -> bool:
        return not (self._reloading or self._waiting or self._fetching)

    @property
    def first_rows_awaited(self) -> bool:
        """True while it is too early to report an empty list."""
        return self._reloading and not len(self.rows)

    def set_source(self, source: RowSource, *, keep_cursor: bool) -> None:
        """Show another source once the rows of its first window are loaded."""
        self._next = source, keep_cursor
        self._reload()

    def refresh(self) -> None:
        """Reload the rows in sight.

        Many calls at once lead to one reload now and one after it.
        """
        if self._reloading or self._waiting:
            self._again = True
        else:
            self._reload()

    def fetch(self) -> None:
        """Request the rows in sight, or their neighbours once those are loaded."""
        if self._reloading:
            return
        first, last = self._owner.view.top, self._owner.view.top + self._owner.view.page - 1
        self.rows.keep(first, last)
        wanted = [number for number in self.rows.missing(first, last) if number not in self._fetching]
        room = AT_ONCE - len(self._fetching)
        if not wanted and not self._fetching:
            wanted, room = self.rows.neighbours(first, last), 1
        for number in wanted[: max(0, room)]:
            self._fetching.add(number)
            self._owner.start_loading(partial(self._fetch_block, number, self._generation), "rows")

    async def _fetch_block(self, number: int, generation: int) -> None:
        try:
            await self.rows.load(number)  # a late reply goes to the window that asked, which is no longer shown
        except SecconsoleError as error:
            if generation == self._generation:
                self._fetching.discard(number)
                self._owner.loading_failed(error)
            return
        if generation == self._generation:
            self._fetching.discard(number)
            self._owner.rows_arrived()
            self.fetch()

    def _reload(self) -> None:
        self._generation += 1
        self._fetching.clear()
        self._reloading, self._again = True, False
        self._owner.start_loading(partial(self._reloaded, self._generation), "reload")

    async def _reloaded(self, generation: int) -> None:
        """Reload the rows around the cursor, then replace the old ones at once."""
        other = self._next is not None
        source, keep = self._next or (self.rows.source, True)
        rows = RowWindow(source)
        view = self._owner.view
        try:
            cursor, top = await self._place(rows, start_over=other, keep=keep)
        except SecconsoleError as error:
            if generation == self._generation:
                self.failed = True
                self._pause()
                self._owner.loading_failed(error)
            return
        if generation != self._generation:
            return
        self.failed = False
        self.rows, self._next = rows, None
        view.cursor, view.top = cursor, top
        self._pause()
        self._owner.rows_arrived()
        self.fetch()

    def _pause(self) -> None:
        self._reloading, self._waiting = False, True
        self._owner.call_in(REFRESH_PAUSE, self._paused)

    def _paused(self) -> None:
        self._waiting = False
        if self._again and not self._reloading:
            self._reload()

    async def _place(self, rows: RowWindow, *, start_over: bool, keep: bool) -> tuple[int, int]:
        """Return cursor and window among new rows, with the rows of that window loaded.

        The row under the cursor stays on its line. If it is gone, the cursor keeps its position, or goes to the first
        row in a new source. If the user moves the cursor meanwhile, the window follows.
        """
        view = self._owner.view
        start = 0 if start_over else view.top
        await _load_span(rows, start, start + view.page - 1)
        while True:
            key, cursor, line = view.key, view.cursor, view.cursor - view.top
            index = None
            if key is not None and keep:
                index = rows.index_of(key)
                if index is None and isinstance(rows.source, FindsRows):
                    index = await rows.source.index_of(key)
            if index is None:
                index, line = (0, 0) if start_over else (cursor, line)
            index = max(0, min(index, rows.count - 1))
            top = max(0, min(index - line, rows.count - view.page))
            await _load_span(rows, top, top + view.page - 1)
            if (key, cursor) == (view.key, view.cursor):
                return index, top


async def _load_span(rows: RowWindow, first: int, last: int) -> None:
    if not rows.count:  # not known yet, or none at the last look
        await rows.load(first // BLOCK)
    for number in rows.missing(first, last):
        await rows.load(number)
