"""Lists read page by page by commands."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from secconsole.domain.errors import Unavailable
from secconsole.operations.paging import pages


@dataclass(frozen=True)
class Numbers:
    items: tuple[int, ...]
    next: str | None


async def _numbers(cursor: str | None, limit: int) -> Numbers:
    """0 to 6, three at a time at most."""
    first = int(cursor or 0)
    last = min(7, first + min(3, limit))
    return Numbers(tuple(range(first, last)), str(last) if last < 7 else None)


async def test_all_pages_are_read_once_and_in_order() -> None:
    assert [page.items async for page in pages(_numbers)] == [(0, 1, 2), (3, 4, 5), (6,)]


async def test_no_more_items_are_requested_than_needed() -> None:
    found = [page async for page in pages(_numbers, most=4, cursor="1")]
    assert [page.items for page in found] == [(1, 2, 3), (4,)]
    assert found[-1].next == "5"


async def test_a_repeated_cursor_is_not_followed() -> None:
    async def circle(cursor: str | None, limit: int) -> Numbers:
        return Numbers((1,), "again")

    with pytest.raises(Unavailable, match="response is invalid"):
        [page async for page in pages(circle)]
