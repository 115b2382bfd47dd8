"""The columns of a table to take, drop and move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList

from secconsole.tui.text.format import glyph
from secconsole.tui.text.safe import join
from secconsole.tui.widgets.columns import Column, arranged, lay_out
from secconsole.tui.widgets.pick_list import Pick, PickList


class ColumnList(PickList):
    """Lists the columns taken, in their order, and then the others.

    A window of `room` cells has no room for those said to be out of sight. Enter posts `Picked`.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "keep", "Keep", show=False),
        Binding("space", "take", "Take or drop", show=False),
        Binding("K,shift+up", "move(-1)", "Move up", show=False),
        Binding("J,shift+down", "move(1)", "Move down", show=False),
        Binding("r", "reset", "Usual columns", show=False),
    ]

    def __init__(self, columns: Sequence[Column], names: Sequence[str], room: int) -> None:
        self._usual, self._room = tuple(columns), room
        taken = [column.name for column in arranged(columns, names)]
        self._taken = set(taken)
        self._order = taken + [column.name for column in columns if column.name not in self._taken]
        self._titles = {column.name: column.title for column in columns}
        self._in_sight = self._now_in_sight()
        super().__init__([Pick(name, self._titles[name]) for name in self._order])

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns taken, in order, or none for the usual ones."""
        names = tuple(name for name in self._order if name in self._taken)
        return () if names == tuple(column.name for column in self._usual) else names

    def on_key(self, event: events.Key) -> None:
        """Ignore digits: the lines have no numbers."""
        if event.character and event.character.isdigit():
            event.stop()
            event.prevent_default()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Take or drop the column that was clicked."""
        event.stop()
        event.prevent_default()
        self.action_take()

    def action_keep(self) -> None:
        self.post_message(self.Picked(",".join(self.names)))

    def action_take(self) -> None:
        name = self._order[self._at_cursor]
        if self._taken == {name}:
            self.app.bell()  # a table needs a column
            return
        self._taken ^= {name}
        self._redraw()

    def action_move(self, by: int) -> None:
        at, to = self._at_cursor, self._at_cursor + by
        if 0 <= to < len(self._order):
            self._order[at], self._order[to] = self._order[to], self._order[at]
            self.highlighted = to
            self._redraw()

    def action_reset(self) -> None:
        self._order = [column.name for column in self._usual]
        self._taken = set(self._order)
        self._redraw()

    @property
    def _at_cursor(self) -> int:
        return self.highlighted or 0

    def _now_in_sight(self) -> set[str]:
        return {column.name for column, _ in lay_out(arranged(self._usual, self.names), self._room)}

    def _redraw(self) -> None:
        self._in_sight = self._now_in_sight()
        for at in range(len(self._order)):
            self.replace_option_prompt_at_index(at, self._words(at))

    def _words(self, at: int) -> Content:
        name = self._order[at]
        cursor = glyph("cursor", utf8=self._utf8) if at == self._marked else " "
        box = "[x]" if name in self._taken else "[ ]"
        note = "  no room here" if name in self._taken and name not in self._in_sight else ""
        return join(cursor, (f" {box} ", "bold $key"), (self._titles[name], "bold"), note)
