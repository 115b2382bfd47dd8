"""Users of a tenant as rows of a table: one list, filtered and sorted, read a block at a time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar, overload

from secconsole.domain.errors import SecconsoleError
from secconsole.domain.limits import MOST_PER_PAGE
from secconsole.domain.users.search import EVERYBODY, UserFilter
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
    """Signature of the app's `perform`."""

    async def __call__(self, operation: Operation[R], /) -> R: ...


@dataclass(frozen=True, slots=True)
class UserQuery:
    """Filter and order of a list of users."""

    filter: UserFilter = EVERYBODY
    sort: UserSort = UserSort.LOGIN
    descending: bool = False


class _Presented(Sequence[Row]):
    """Rows of users, each built when it is first drawn: of a block that is read, few are in sight."""

    def __init__(self, users: Sequence[UserRow], present: Present) -> None:
        self._users, self._present = users, present
        self._rows: dict[int, Row] = {}

    def __len__(self) -> int:
        return len(self._users)

    @overload
    def __getitem__(self, index: int) -> Row: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...

    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        row = self._rows.get(index)
        if row is None:
            row = self._rows[index] = self._present(self._users[index])
        return row


class UserSource:
    """A `RowSource` that also finds rows by id, counts them, and remembers the users it has shown.

    Pages next to one that was read are reached by its cursor, all others by position. `counted` is called with every
    new count, or with None if counting failed.
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
        """Number of rows.

        None until they are counted to the end.
        """
        return None if self.count is None or self.count.capped else self.count.count

    def person(self, key: str | None) -> UserRow | None:
        """Return a recently read user by id."""
        return self._people.get(key) if key is not None else None

    def renew(self, *, keep_count: bool = False) -> None:
        """Discard cursors after a change, and the count unless `keep_count`.

        Rows read from now on are placed again.
        """
        self._generation += 1
        self._after.clear()
        self._before.clear()
        if not keep_count or self.count is None:
            self._counting = None

    async def load(self, first: int, count: int) -> Sequence[Row]:
        counting = self._start_counting()
        generation = self._generation
        page = await self._perform(self._page(first, count))
        if generation == self._generation:
            self._note_cursors(first, page)
        if not self.query.filter.words:  # without a query the count is ready first, with one the rows are
            await asyncio.wait({counting}, timeout=COUNT_PATIENCE)
        self.was_read = True
        for user in page.items:
            self._people[user.id] = user
            self._people.move_to_end(user.id)
        while len(self._people) > _REMEMBERED:
            self._people.popitem(last=False)
        return _Presented(page.items, self.present)

    async def index_of(self, key: str) -> int | None:
        query = self.query
        return await self._perform(
            FindPosition(
                tenant=self._tenant, user=key, filter=query.filter, sort=query.sort, descending=query.descending
            )
        )

    async def all_ids(self) -> AsyncIterator[Sequence[str]]:
        """Yield the ids of all users of the list, a page at a time."""
        async for users in self.all_users():
            yield [user.id for user in users]

    async def all_users(self) -> AsyncIterator[Sequence[UserRow]]:
        """Yield all users of the list in order, a page at a time."""
        cursor: str | None = None
        while True:
            page = await self._perform(self._list(MOST_PER_PAGE, cursor=cursor))
            yield page.items
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
            found = None  # loading the rows fails too, and reports the reason
        if generation == self._generation:
            self.count = found
            self._counted(found)
