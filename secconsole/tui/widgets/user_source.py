"""The users of a tenant as the rows of a table: one list of them, filtered and sorted, read a block at a time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from secconsole.domain.errors import SecconsoleError
from secconsole.domain.limits import MOST_PER_PAGE
from secconsole.domain.search import EVERYBODY, UserFilter
from secconsole.operations.base import Operation
from secconsole.operations.users import (
    CountUsers,
    FindPosition,
    ListUsers,
    UserCount,
    UserPage,
    UserRow,
    UserSort,
)
from secconsole.tui.widgets.row_window import BLOCK, KEPT, Row

COUNT_PATIENCE = 0.03  # seconds that rows wait for their count at most
_REMEMBERED = BLOCK * KEPT

R = TypeVar("R")
Present = Callable[[UserRow], Row]


class Perform(Protocol):
    """How operations are done: the app's `perform`."""

    async def __call__(self, operation: Operation[R], /) -> R: ...


@dataclass(frozen=True, slots=True)
class UserQuery:
    """Which users, in which order."""

    filter: UserFilter = EVERYBODY
    sort: UserSort = UserSort.LOGIN
    descending: bool = False


class UserSource:
    """A `RowSource` that also finds rows by id, counts them, and remembers whom it has shown.

    Pages next to one that was read are reached by its cursor, the others by their position. `counted` is called
    whenever the count is known anew, or with None when it could not be had.
    """

    def __init__(
        self,
        perform: Perform,
        tenant: str,
        query: UserQuery,
        present: Present,
        counted: Callable[[UserCount | None], None] = lambda count: None,
    ) -> None:
        self._perform, self._tenant, self.query = perform, tenant, query
        self.present, self._counted = present, counted
        self._people: OrderedDict[str, UserRow] = OrderedDict()
        self.count: UserCount | None = None
        self.was_read = False
        self._counting: asyncio.Task[None] | None = None
        self._after: dict[int, str] = {}
        self._before: dict[int, str] = {}
        self._generation = 0

    @property
    def total(self) -> int | None:
        """How many rows there are; None while that is not known to the last one."""
        return None if self.count is None or self.count.capped else self.count.count

    def person(self, key: str | None) -> UserRow | None:
        """A user who was read lately, by id."""
        return self._people.get(key) if key is not None else None

    def renew(self) -> None:
        """Something changed: what is read from now on is counted and placed afresh."""
        self._generation += 1
        self._after.clear()
        self._before.clear()
        self._counting = None

    async def load(self, first: int, count: int) -> Sequence[Row]:
        counting = self._start_counting()
        generation = self._generation
        page = await self._perform(self._page(first, count))
        if generation == self._generation:
            self._note_cursors(first, page)
        if not self.query.filter.words:  # without words the count is kept ready; with them the rows are there first
            await asyncio.wait({counting}, timeout=COUNT_PATIENCE)
        self.was_read = True
        for user in page.items:
            self._people[user.id] = user
            self._people.move_to_end(user.id)
        while len(self._people) > _REMEMBERED:
            self._people.popitem(last=False)
        return [self.present(user) for user in page.items]

    async def index_of(self, key: str) -> int | None:
        query = self.query
        return await self._perform(
            FindPosition(
                tenant=self._tenant, user=key, filter=query.filter, sort=query.sort, descending=query.descending
            )
        )

    async def everybody(self) -> AsyncIterator[Sequence[str]]:
        """The ids of all the users of the list, a page at a time."""
        cursor: str | None = None
        while True:
            page = await self._perform(self._list(MOST_PER_PAGE, cursor=cursor))
            yield [user.id for user in page.items]
            cursor = page.next
            if cursor is None:
                return

    def _page(self, first: int, count: int) -> ListUsers:
        if first in self._after:
            return self._list(count, cursor=self._after[first])
        if first + count in self._before:
            return self._list(count, cursor=self._before[first + count], backwards=True)
        return self._list(count, at=first or None)

    def _list(
        self, limit: int, *, cursor: str | None = None, backwards: bool = False, at: int | None = None
    ) -> ListUsers:
        query = self.query
        return ListUsers(
            tenant=self._tenant,
            filter=query.filter,
            sort=query.sort,
            descending=query.descending,
            limit=limit,
            cursor=cursor,
            backwards=backwards,
            at=at,
        )

    def _note_cursors(self, first: int, page: UserPage) -> None:
        if page.next is not None:
            self._after[first + len(page.items)] = page.next
        if page.previous is not None:
            self._before[first] = page.previous

    def _start_counting(self) -> asyncio.Task[None]:
        if self._counting is None:
            self._counting = asyncio.create_task(self._do_count(self._generation))
        return self._counting

    async def _do_count(self, generation: int) -> None:
        found: UserCount | None
        try:
            found = await self._perform(CountUsers(tenant=self._tenant, filter=self.query.filter))
        except SecconsoleError:
            found = None  # the rows say what is wrong: they were asked for too
        if generation == self._generation:
            self.count = found
            self._counted(found)
