"""What a table tells its screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

from secconsole.domain.errors import SecconsoleError

if TYPE_CHECKING:
    from secconsole.tui.widgets.table import WindowedTable


class TableMessage(Message, namespace="windowed_table"):
    """What all messages of a table have in common."""

    def __init__(self, table: WindowedTable) -> None:
        super().__init__()
        self.table = table

    @property
    def control(self) -> WindowedTable:
        return self.table


class CursorMoved(TableMessage, namespace="windowed_table"):
    """The cursor stands on another row; the key is None while that row is not loaded, or there is none."""

    def __init__(self, table: WindowedTable, key: str | None, index: int) -> None:
        super().__init__(table)
        self.key = key
        self.index = index

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, CursorMoved)


class MarksChanged(TableMessage, namespace="windowed_table"):
    """Rows were marked or unmarked: `marks` are the keys of all that are."""

    def __init__(self, table: WindowedTable, marks: frozenset[str]) -> None:
        super().__init__(table)
        self.marks = marks


class RowActivated(TableMessage, namespace="windowed_table"):
    """Enter, or a double click."""

    def __init__(self, table: WindowedTable, key: str) -> None:
        super().__init__(table)
        self.key = key


class HeaderClicked(TableMessage, namespace="windowed_table"):
    """A column's title was clicked."""

    def __init__(self, table: WindowedTable, column: str) -> None:
        super().__init__(table)
        self.column = column


class RowsLoaded(TableMessage, namespace="windowed_table"):
    """Rows arrived; `count` is how many the list has now, as far as is known."""

    def __init__(self, table: WindowedTable, count: int) -> None:
        super().__init__(table)
        self.count = count

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, RowsLoaded)


class LoadFailed(TableMessage, namespace="windowed_table"):
    """Rows could not be had; what is shown stays, and is tried again with the next move or refresh."""

    def __init__(self, table: WindowedTable, error: SecconsoleError) -> None:
        super().__init__(table)
        self.error = error
