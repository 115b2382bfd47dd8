"""A table over any number of rows, of which only those near the window are loaded.

The key handlers never wait for a row. Rows are identified by key: cursor and marks stay with their row when others come
and go. `table_view.py` draws it, and `row_feed.py` loads the rows.
"""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType

from secconsole.domain.errors import SecconsoleError
from secconsole.tui.widgets import table_messages as messages
from secconsole.tui.widgets.columns import Column, TableCell
from secconsole.tui.widgets.row_window import BLOCK, FindsRows, Row, RowSource
from secconsole.tui.widgets.table_lines import GUTTER
from secconsole.tui.widgets.table_view import HEAD, TableView

__all__ = ["Column", "Row", "RowSource", "TableCell", "WindowedTable"]

_WHEEL = 3  # rows


class WindowedTable(TableView, can_focus=True):
    """Shows a `RowSource` and posts a message for each action of the user.

    No key handler waits for rows.
    """

    MarksChanged = messages.MarksChanged
    RowActivated = messages.RowActivated
    HeaderClicked = messages.HeaderClicked

    ALLOW_SELECT = False
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

    # ---- interface for screens -------------------------------------------------------------------------------------

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

    def on_resize(self) -> None:
        self.view.page = max(1, self.size.height - HEAD)
        self._composer = None
        self._go(self.view.cursor)

    def _scroll(self, by: int) -> None:
        top = self._clamped_top(self.view.top + by)
        self._go(max(top, min(self.view.cursor, top + self.view.page - 1)), top=top)

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
