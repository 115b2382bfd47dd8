"""The loaded part of a long list: blocks of rows, evicted by least recent use."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from secconsole.tui.widgets.columns import TableCell

BLOCK = 128  # rows fetched at once
KEPT = 64  # blocks in memory


class Row(NamedTuple):
    """A row: its key, which does not depend on its position, and its cells in the order of the columns."""

    key: str
    cells: tuple[TableCell, ...]


class RowSource(Protocol):
    """A source of rows in display order.

    `total` is None while it is not known, and may change with every `load`. `load` returns the rows from `first` on, at
    most `count`, fewer only at the end; it raises a `SecconsoleError` on failure.
    """

    @property
    def total(self) -> int | None: ...

    async def load(self, first: int, count: int) -> Sequence[Row]: ...


@runtime_checkable
class FindsRows(Protocol):
    """A source that also finds the position of a key.

    None if it is not in the list.
    """

    async def index_of(self, key: str) -> int | None: ...


class RowWindow:
    """The loaded blocks of one source."""

    def __init__(self, source: RowSource) -> None:
        self.source = source
        self._blocks: OrderedDict[int, Sequence[Row]] = OrderedDict()
        self._seen = 0  # rows known to exist while the source does not report a total
        self._open = True  # True if more may follow

    @property
    def count(self) -> int:
        """Number of rows, as far as it is known."""
        total = self.source.total
        if total is not None:
            return max(0, total)
        return self._seen + (BLOCK if self._open and self._seen else 0)

    def __len__(self) -> int:
        return sum(map(len, self._blocks.values()))

    def row(self, index: int) -> Row | None:
        """Return the row at an index, or None while it is not loaded."""
        number, at = divmod(index, BLOCK)
        block = self._blocks.get(number)
        return block[at] if block is not None and 0 <= at < len(block) else None

    def keep(self, first: int, last: int) -> None:
        """Mark the blocks of these rows as just used."""
        for number in range(first // BLOCK, last // BLOCK + 1):
            if number in self._blocks:
                self._blocks.move_to_end(number)

    def index_of(self, key: str) -> int | None:
        """Return the index of a key among the loaded rows."""
        for number in reversed(self._blocks):
            for at, row in enumerate(self._blocks[number]):
                if row.key == key:
                    return number * BLOCK + at
        return None

    def missing(self, first: int, last: int) -> list[int]:
        """Return the blocks of rows `first` to `last` that are not loaded."""
        last = min(last, max(self.count, 1) - 1)
        return (
            [n for n in range(max(0, first) // BLOCK, last // BLOCK + 1) if n not in self._blocks] if last >= 0 else []
        )

    def neighbours(self, first: int, last: int) -> list[int]:
        """Return the adjacent blocks that exist and are not loaded, nearer edge first."""
        before, after = max(0, first) // BLOCK - 1, last // BLOCK + 1
        order = (before, after) if first % BLOCK < BLOCK - 1 - last % BLOCK else (after, before)
        return [n for n in order if 0 <= n * BLOCK < self.count and n not in self._blocks]

    async def load(self, number: int) -> None:
        """Fetch one block."""
        rows = await self.source.load(number * BLOCK, BLOCK)
        self._blocks[number] = rows
        self._blocks.move_to_end(number)
        while len(self._blocks) > KEPT:
            self._blocks.popitem(last=False)
        self._seen = max(self._seen, number * BLOCK + len(rows)) if rows else min(self._seen, number * BLOCK)
        if len(rows) < BLOCK:
            self._open = False
