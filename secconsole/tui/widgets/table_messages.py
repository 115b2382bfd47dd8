"""Messages that a table posts."""

from __future__ import annotations

from textual.message import Message
from textual.widget import Widget

from secconsole.domain.errors import SecconsoleError


class TableMessage(Message, namespace="windowed_table"):
    """Base of all messages of a table."""

    def __init__(self, table: Widget) -> None:
        super().__init__()
        self.table = table

    @property
    def control(self) -> Widget:
        return self.table


class CursorMoved(TableMessage, namespace="windowed_table"):
    """Posted when the cursor is on another row.

    The key is None if that row is not loaded or there is none.
    """

    def __init__(self, table: Widget, key: str | None, index: int) -> None:
        super().__init__(table)
        self.key = key
        self.index = index

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, CursorMoved)


class MarksChanged(TableMessage, namespace="windowed_table"):
    """Posted when rows are marked or unmarked.

    `marks` are the keys of all marked rows.
    """

    def __init__(self, table: Widget, marks: frozenset[str]) -> None:
        super().__init__(table)
        self.marks = marks


class RowActivated(TableMessage, namespace="windowed_table"):
    """Posted for Enter or a double click."""

    def __init__(self, table: Widget, key: str) -> None:
        super().__init__(table)
        self.key = key


class HeaderClicked(TableMessage, namespace="windowed_table"):
    """Posted when the title of a column is clicked."""

    def __init__(self, table: Widget, column: str) -> None:
        super().__init__(table)
        self.column = column


class RowsLoaded(TableMessage, namespace="windowed_table"):
    """Posted when rows arrive.

    `count` is the number of rows now, as far as it is known.
    """

    def __init__(self, table: Widget, count: int) -> None:
        super().__init__(table)
        self.count = count

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, RowsLoaded)


class LoadFailed(TableMessage, namespace="windowed_table"):
    """Posted when rows could not be loaded.

    The old ones stay, and the next move or refresh tries again.
    """

    def __init__(self, table: Widget, error: SecconsoleError) -> None:
        super().__init__(table)
        self.error = error
