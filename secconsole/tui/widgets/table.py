"""A table over any number of rows, of which only those near the window are loaded.

Every change takes the same path: the lines are composed, compared with those on the screen, and painted only up to the
last cell that differs. So a cursor step, a live update and a block that arrives late cost what they change, and the key
handler never waits for a row. Rows are identified by key: cursor and marks stay with their row when others come and go.

It is not a ScrollView: scrolling there repaints the whole window, and moves it off its rows when others arrive above.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget
from textual.worker import Worker

from secconsole.domain.errors import SecconsoleError
from secconsole.tui.widgets import table_messages as messages
from secconsole.tui.widgets.columns import Column, TableCell
from secconsole.tui.widgets.row_feed import RowFeed, View
from secconsole.tui.widgets.row_window import BLOCK, FindsRows, Row, RowSource
from secconsole.tui.widgets.table_lines import GUTTER, TableLines, TableStyles, last_difference

__all__ = ["Column", "Row", "RowSource", "TableCell", "WindowedTable"]

NOT_READ = "Not loaded yet."
HEAD = 1  # lines of the header
_WHEEL = 3  # rows


class WindowedTable(Widget, can_focus=True):
    """Shows a `RowSource` and posts a message for each action of the user.

    No key handler waits for rows.
    """

    CursorMoved = messages.CursorMoved
    MarksChanged = messages.MarksChanged
    RowActivated = messages.RowActivated
    HeaderClicked = messages.HeaderClicked
    RowsLoaded = messages.RowsLoaded
    LoadFailed = messages.LoadFailed

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--header",
        "table--row",
        "table--cursor",
        "table--marked",
        "table--empty",
        "table--placeholder",
    }
    DEFAULT_CSS = """
    WindowedTable {
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
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", "Up", show=False, id="table.up"),
        Binding("down,j", "step(1)", "Down", show=False, id="table.down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="table.page-up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="table.page-down"),
        Binding("home,g", "first", "First row", show=False, id="table.first"),
        Binding("end,G", "last", "Last row", show=False, id="table.last"),
        Binding("space", "mark", "Mark", show=False, id="table.mark"),
        Binding("enter", "activate", "Open", show=False, id="table.open"),
    ]

    def __init__(
        self,
        columns: Sequence[Column],
        source: RowSource,
        *,
        empty: str = "Nothing here.",
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.view = View()
        self._columns = tuple(columns)
        self._sort: tuple[str, bool] | None = None
        self._empty = empty
        self._feed = RowFeed(self, source)
        self._reported_cursor: tuple[str | None, int] | None = None
        self._marks: set[str] = set()
        self._last_marked: str | None = None
        self._lines: list[Strip] = []
        self._composer: TableLines | None = None

    # ---- interface for screens -------------------------------------------------------------------------------------

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

    def set_columns(self, columns: Sequence[Column]) -> None:
        self._columns = tuple(columns)
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

    def set_source(self, source: RowSource, *, keep_cursor: bool = True) -> None:
        """Show another source once its rows are loaded.

        The old rows stay until then, and marks stay.
        """
        self._feed.set_source(source, keep_cursor=keep_cursor)

    def refresh_rows(self) -> None:
        """Reload the rows in sight.

        Cheap to call for every change.
        """
        self._feed.refresh()

    def move_to(self, index: int) -> None:
        """Move the cursor to a row by its number."""
        self._go(index)

    def clear_marks(self) -> None:
        self.set_marks(frozenset())

    def set_marks(self, keys: frozenset[str]) -> None:
        """Mark exactly these rows, in sight or not."""
        if self._marks != keys:
            self._marks = set(keys)
            self._last_marked = None
            self._marks_changed()

    def mark_range(self) -> None:
        """Mark all rows from the one marked last to the cursor, loading those between them first."""
        self.start_loading(self._mark_range, "marks")

    # ---- keys and mouse --------------------------------------------------------------------------------------------

    def action_step(self, by: int) -> None:
        self._go(self.view.cursor + by, half_window=True)

    def action_page(self, by: int) -> None:
        rows = by * self.view.page
        self._go(self.view.cursor + rows, top=self.view.top + rows)

    def action_first(self) -> None:
        self._go(0)

    def action_last(self) -> None:
        self._go(self.count - 1)

    def action_mark(self) -> None:
        """Mark or unmark the row and go to the next.

        A row not loaded is not marked, since nobody chose it.
        """
        if self.view.key is None:
            self.app.bell()
            return
        self._toggle_mark(self.view.key)
        self.action_step(1)

    def action_mark_range(self) -> None:
        self.mark_range()

    def action_clear_marks(self) -> None:
        self.clear_marks()

    def action_activate(self) -> None:
        if self.view.key is not None:
            self.post_message(self.RowActivated(self, self.view.key))

    def on_click(self, event: events.Click) -> None:
        at = event.get_content_offset(self)
        if at is None or self._composer is None:
            return
        if at.y < HEAD:
            if (name := self._composer.column_at(at.x)) is not None:
                self.post_message(self.HeaderClicked(self, name))
            return
        index = self.view.top + at.y - HEAD
        if index >= self.count:
            return
        self._go(index)
        if at.x < GUTTER and self.view.key is not None:
            self._toggle_mark(self.view.key)
        elif event.chain == 2:
            self.action_activate()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self._scroll(_WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self._scroll(-_WHEEL)

    # ---- cursor, window, marks -------------------------------------------------------------------------------------

    def _scroll(self, by: int) -> None:
        top = self._clamped_top(self.view.top + by)
        self._go(max(top, min(self.view.cursor, top + self.view.page - 1)), top=top)

    def _clamped_top(self, top: int) -> int:
        return max(0, min(top, self.count - self.view.page))

    def _go(self, index: int, *, top: int | None = None, half_window: bool = False) -> None:
        """Move the cursor, and the window by half its height when the cursor leaves it.

        By half, since painting the window costs ten times as much as a step inside it.
        """
        view, page = self.view, self.view.page
        view.cursor = max(0, min(index, self.count - 1))
        top = self._clamped_top(view.top if top is None else top)
        if not top <= view.cursor < top + page:
            ahead = page // 2 if half_window else 0
            top = view.cursor - ahead if view.cursor < top else view.cursor - page + 1 + ahead
        view.top = self._clamped_top(top)
        self._know_cursor()
        self._update()
        self._feed.fetch()

    def _know_cursor(self) -> None:
        row = self.cursor_row
        self.view.key = row.key if row is not None else None

    def _toggle_mark(self, key: str) -> None:
        self._marks ^= {key}
        self._last_marked = key
        self._marks_changed()

    def _marks_changed(self) -> None:
        self._update()
        self.post_message(self.MarksChanged(self, self.marks))

    async def _mark_range(self) -> None:
        rows, end, key = self._feed.rows, self.view.cursor, self._last_marked
        try:
            start = end if key is None else rows.index_of(key)
            if start is None and key is not None and isinstance(rows.source, FindsRows):
                start = await rows.source.index_of(key)
            first, last = sorted((end if start is None else start, end))
            found: set[str] = set()
            for at in range(first, last + 1, BLOCK):
                found.update(row.key for row in await rows.source.load(at, min(BLOCK, last + 1 - at)))
        except SecconsoleError as error:
            self.loading_failed(error)
            return
        self._marks |= found
        self._marks_changed()

    # ---- loading ---------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self._feed.refresh()

    def start_loading(self, work: Callable[[], Coroutine[None, None, None]], group: str) -> Worker[None]:
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

    # ---- drawing ---------------------------------------------------------------------------------------------------

    def on_resize(self) -> None:
        self.view.page = max(1, self.size.height - HEAD)
        self._composer = None
        self._go(self.view.cursor)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._composer = None

    def render_line(self, y: int) -> Strip:
        if self._composer is None or len(self._lines) != self.size.height:
            self._compose_lines()
        return self._lines[y] if y < len(self._lines) else Strip.blank(self.size.width, self.rich_style)

    def _compose_lines(self) -> None:
        if self._composer is None:
            self._composer = TableLines(self._columns, self.size.width, self._styles())
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
