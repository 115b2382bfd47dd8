"""Lists that come a page at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from secconsole.domain.errors import Unavailable
from secconsole.domain.limits import MOST_PER_PAGE


class Page(Protocol):
    """Some of a list, and where it goes on."""

    @property
    def items(self) -> Sequence[object]: ...

    @property
    def next(self) -> str | None: ...


PageT = TypeVar("PageT", bound=Page)


async def pages(
    ask: Callable[[str | None, int], Awaitable[PageT]], *, most: int | None = None, cursor: str | None = None
) -> AsyncIterator[PageT]:
    """The pages of a list, from a cursor on, up to so many items in all; `ask` gets a cursor and how many are wanted.

    Raises `Unavailable` when a server goes round in circles: its list would never end.
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
            raise Unavailable("The server's answer makes no sense: its list goes on where it began.")
        cursor = page.next
