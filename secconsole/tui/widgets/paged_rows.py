"""Access by row number to lists that the store pages by cursors."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from secconsole.tui.widgets.row_window import Row

PAGE = 500  # rows requested at once while walking to a row
_REMEMBERED = 20_000  # positions of rows kept; beyond that the oldest half is forgotten


class RowPage(NamedTuple):
    """Some rows in order, and the cursor of the next page.

    None at the end.
    """

    rows: Sequence[Row]
    next: str | None


Fetch = Callable[[str | None, int], Awaitable[RowPage]]


class _Walk:
    """Knowledge of one state of the list: cursors of some positions, and positions of rows."""

    def __init__(self) -> None:
        self.starts: list[int] = [0]
        self.cursors: list[str | None] = [None]
        self.places: dict[str, int] = {}
        self.total: int | None = None

    def note(self, first: int, page: RowPage) -> None:
        for at, row in enumerate(page.rows, first):
            self.places[row.key] = at
        if len(self.places) > _REMEMBERED:
            for key in list(self.places)[: _REMEMBERED // 2]:
                del self.places[key]
        after = first + len(page.rows)
        if page.next is None:
            self.total = after
        elif (at := bisect_right(self.starts, after)) and self.starts[at - 1] != after:
            self.starts.insert(at, after)
            self.cursors.insert(at, page.next)

    def nearest(self, position: int) -> tuple[int, str | None]:
        """Return the last position with a known cursor at or before this one."""
        at = bisect_right(self.starts, position) - 1
        return self.starts[at], self.cursors[at]


class PagedRows:
    """A `RowSource` over a list with forward cursors.

    It walks to rows that it has not seen yet.
    """

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._walk = _Walk()

    @property
    def total(self) -> int | None:
        return self._walk.total

    def forget(self) -> None:
        """Drop what is known because the list may have changed.

        Replies to requests in progress are ignored.
        """
        self._walk = _Walk()

    async def load(self, first: int, count: int) -> Sequence[Row]:
        walk = self._walk
        found: list[Row] = []
        at, cursor = walk.nearest(first)
        while True:
            page = await self._fetch(cursor, count if at >= first else min(PAGE, first - at))
            walk.note(at, page)
            found += page.rows[max(0, first - at) :]
            at += len(page.rows)
            cursor = page.next
            if cursor is None or at >= first + count:
                return found[:count]

    async def index_of(self, key: str) -> int | None:
        """Return the position of a row, walking on from what is known until it is found."""
        walk = self._walk
        at, cursor = walk.starts[-1], walk.cursors[-1]
        while key not in walk.places:
            if walk.total is not None and at >= walk.total:
                return None
            page = await self._fetch(cursor, PAGE)
            walk.note(at, page)
            at += len(page.rows)
            if page.next is None:
                break
            cursor = page.next
        return walk.places.get(key)


class GrowingRows(PagedRows):
    """A list that grows only at its beginning: new rows shift the known positions, and nothing is read again."""

    async def grown(self) -> int:
        """Read the beginning and return the number of new rows, as far as one page shows it."""
        walk = self._walk
        newest = await self._fetch(None, PAGE)
        new = next((at for at, row in enumerate(newest.rows) if walk.places.get(row.key) == 0), None)
        if new == 0:
            return 0
        after = _Walk()
        if new is None:  # nothing is known of the list, or more than one page is new
            after.note(0, newest)
        else:
            after.places = {row.key: at for at, row in enumerate(newest.rows[:new])}
            after.places |= {key: place + new for key, place in walk.places.items()}
            after.total = None if walk.total is None else walk.total + new
            after.starts = [0] + [start + new for start in walk.starts[1:]]
            after.cursors = list(walk.cursors)
        self._walk = after
        if new is not None:
            return new
        return len(newest.rows) if walk.places else 0
