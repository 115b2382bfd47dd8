"""Lists that arrive page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from secconsole.domain.errors import Unavailable
from secconsole.domain.limits import MOST_PER_PAGE


class Page(Protocol):
    """One page of a list, with the cursor of the next."""

    @property
    def items(self) -> Sequence[object]: ...

    @property
    def next(self) -> str | None: ...


PageT = TypeVar("PageT", bound=Page)


async def pages(
    ask: Callable[[str | None, int], Awaitable[PageT]], *, most: int | None = None, cursor: str | None = None
) -> AsyncIterator[PageT]:
    """Yield the pages of a list from a cursor on, up to `most` items.

    `ask` receives a cursor and a page size. Raise `Unavailable` if a server repeats a cursor, since its list
    would never end.
    """
    left = most
    while True:
        size = MOST_PER_PAGE if left is None else min(left, MOST_PER_PAGE)
        page = await ask(cursor, size)
        yield page
        left = None if left is None else left - len(page.items)
        if page.next is None or left == 0:
            return
        if page.next == cursor:
            raise Unavailable("The server's response is invalid: the next page has the cursor of this one.")
        cursor = page.next
