"""Base of the table: loads and draws its rows, and takes no keys.

Every change takes the same path: the lines are composed, compared with those on the screen, and painted only up to the
last cell that differs. So a cursor step, a live update and a block that arrives late cost what they change.

It is not a ScrollView: scrolling there repaints the whole window, and moves it off its rows when others arrive above.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import ClassVar

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget
from textual.worker import Worker

from secconsole.domain.errors import SecconsoleError
from secconsole.tui.widgets import table_messages as messages
from secconsole.tui.widgets.columns import Column
from secconsole.tui.widgets.row_feed import RowFeed, View
from secconsole.tui.widgets.row_window import Row, RowSource
from secconsole.tui.widgets.table_lines import TableLines, TableStyles, last_difference

NOT_READ = "Not loaded yet."
HEAD = 1  # lines of the header


class TableView(Widget):
    """Draws a `RowSource`, with a cursor and marks."""

    CursorMoved = messages.CursorMoved
    RowsLoaded = messages.RowsLoaded
    LoadFailed = messages.LoadFailed

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--header",
        "table--row",
        "table--cursor",
        "table--marked",
        "table--empty",
        "table--placeholder",
    }
    DEFAULT_CSS = """
    TableView {
        height: 1fr;
        overflow: hidden;

        & > .table--header { text-style: bold; }
        & > .table--row { text-style: none; }
        & > .table--marked { text-style: bold; }
        & > .table--empty { text-style: italic; }
        & > .table--placeholder { text-style: dim; }
        & > .table--cursor {
            color: $block-cursor-blurred-foreground;
            background: $block-cursor-blurred-background;
            text-style: $block-cursor-blurred-text-style;
        }
        &:focus > .table--cursor {
            color: $block-cursor-foreground;
            background: $block-cursor-background;
            text-style: $block-cursor-text-style;
        }
    }
    """

    def __init__(
        self,
        columns: Sequence[Column],
        source: RowSource,
        *,
        chosen: Sequence[str] = (),
        empty: str = "Nothing here.",
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.view = View()
        self._columns = tuple(columns)
        self._chosen = tuple(chosen)
        self._sort: tuple[str, bool] | None = None
        self._empty = empty
        self._feed = RowFeed(self, source)
        self._reported_cursor: tuple[str | None, int] | None = None
        self._marks: set[str] = set()
        self._last_marked: str | None = None
        self._lines: list[Strip] = []
        self._composer: TableLines | None = None

    @property
    def count(self) -> int:
        """Number of rows, as far as it is known."""
        return self._feed.rows.count

    @property
    def cursor_key(self) -> str | None:
        return self.view.key

    @property
    def cursor_index(self) -> int:
        return self.view.cursor

    @property
    def cursor_row(self) -> Row | None:
        return self._feed.rows.row(self.view.cursor)

    @property
    def marks(self) -> frozenset[str]:
        """Keys of all marked rows, in this list or not."""
        return frozenset(self._marks)

    @property
    def loaded(self) -> int:
        """Number of rows in memory."""
        return len(self._feed.rows)

    @property
    def shown_columns(self) -> tuple[str, ...]:
        """Names of the columns in sight."""
        return self._composer.shown if self._composer is not None else ()

    @property
    def unread(self) -> bool:
        """True if nothing is known of the rows because they could not be loaded."""
        return self._feed.failed and not self.loaded

    @property
    def settled(self) -> bool:
        """True if nothing is being fetched."""
        return self._feed.settled

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns of the rows, in their usual order."""
        return self._columns

    def choose_columns(self, names: Sequence[str]) -> None:
        """Show only these columns, in this order.

        None of them: the usual ones.
        """
        self._chosen = tuple(names)
        self._composer = None
        self._update()

    def set_sort(self, column: str | None, *, descending: bool = False) -> None:
        """Show the column that the source sorts by.

        The source does the sorting.
        """
        self._sort = None if column is None else (column, descending)
        self._update()

    def set_empty(self, message: str) -> None:
        """Set the message shown when there are no rows."""
        self._empty = message
        self._update()

    # ---- loading ---------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self._feed.refresh()

    def start_loading(self, work: Callable[[], Coroutine[None, None, None]], group: str) -> Worker[None]:
        # Blocks load side by side. A reload replaces the one before it, whose rows nobody would see.
        return self.run_worker(work, group=group, exclusive=group != "rows")

    def call_in(self, seconds: float, callback: Callable[[], None]) -> None:
        self.set_timer(seconds, callback)

    def rows_arrived(self) -> None:
        """Update after rows arrived: the window may reach past their end, and the cursor's row may be known now."""
        self.view.cursor = max(0, min(self.view.cursor, self.count - 1))
        self.view.top = self._clamped_top(self.view.top)
        self._know_cursor()
        self._update()
        self.post_message(self.RowsLoaded(self, self.count))

    def loading_failed(self, error: SecconsoleError) -> None:
        self._update()
        self.post_message(self.LoadFailed(self, error))

    # ---- position --------------------------------------------------------------------------------------------------

    def _clamped_top(self, top: int) -> int:
        return max(0, min(top, self.count - self.view.page))

    def _know_cursor(self) -> None:
        row = self.cursor_row
        self.view.key = row.key if row is not None else None

    # ---- drawing ---------------------------------------------------------------------------------------------------

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._composer = None  # it holds the colours of the theme before

    def render_line(self, y: int) -> Strip:
        if self._composer is None or len(self._lines) != self.size.height:
            self._compose_lines()
        return self._lines[y] if y < len(self._lines) else Strip.blank(self.size.width, self.rich_style)

    def _compose_lines(self) -> None:
        if self._composer is None:
            self._composer = TableLines(self._columns, self.size.width, self._styles(), self._chosen)
        self._lines = [self._line(self._composer, y) for y in range(self.size.height)]

    def _styles(self) -> TableStyles:
        style = self.get_component_rich_style
        return TableStyles(
            header=style("table--header"),
            row=style("table--row"),
            marked=style("table--marked"),
            cursor=style("table--cursor"),
            empty=style("table--empty"),
            placeholder=style("table--placeholder"),
        )

    def _line(self, composer: TableLines, y: int) -> Strip:
        if y < HEAD:
            return composer.header(self._sort)
        index = self.view.top + y - HEAD
        if index >= self.count:
            # While the first rows load, "no users" would be a claim that nobody has checked.
            nothing = index == 0 and not self._feed.first_rows_awaited
            text = NOT_READ if self._feed.failed else self._empty
            return composer.empty(text) if nothing else composer.blank()
        row = self._feed.rows.row(index)
        return composer.row(row, at_cursor=index == self.view.cursor, marked=row is not None and row.key in self._marks)

    def _update(self) -> None:
        """Compose the lines and paint those that differ from the screen."""
        shown, whole = self._lines, self._composer is None
        if self.size.height:
            self._compose_lines()
            if whole or len(shown) != len(self._lines):
                self.refresh()
            else:
                ends = [last_difference(old, new) for old, new in zip(shown, self._lines, strict=True)]
                if changed := [Region(0, y, end, 1) for y, end in enumerate(ends) if end]:
                    self.refresh(*changed)
        if self._reported_cursor != (self.view.key, self.view.cursor):
            self._reported_cursor = (self.view.key, self.view.cursor)
            self.post_message(self.CursorMoved(self, self.view.key, self.view.cursor))
