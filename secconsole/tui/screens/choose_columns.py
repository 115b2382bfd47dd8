"""Choice of the columns of a list and their order, kept for the place and this context."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from secconsole.tui.actions import Action
from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.screens.pick_dialog import key_line
from secconsole.tui.text.safe import safe
from secconsole.tui.widgets.column_list import ColumnList
from secconsole.tui.widgets.pick_list import PickList
from secconsole.tui.widgets.table import WindowedTable
from secconsole.tui.widgets.table_lines import GUTTER

_KEYS = (("space", "on, off"), ("J K", "move"), ("r", "usual"), ("enter", "ok"), ("esc", "cancel"))


class ColumnsDialog(Dialog["tuple[str, ...] | None"]):
    """Returns the names of the columns in order, none for the usual ones."""

    AUTO_FOCUS = "ColumnList"

    def __init__(self, table: WindowedTable, names: tuple[str, ...]) -> None:
        super().__init__("Columns", "A narrow window leaves out the last ones.")
        self._list = ColumnList(table.columns, names, table.size.width - GUTTER)

    def compose(self) -> ComposeResult:
        card = VerticalScroll(classes="card", can_focus=False)
        card.border_title = safe(self._card_title)
        with card:
            yield from self.compose_body()
            yield self._list
            yield Static(key_line(*_KEYS), classes="pick-keys")

    def on_pick_list_picked(self, event: PickList.Picked) -> None:
        event.stop()
        self.dismiss(self._list.names)

    def action_leave(self) -> None:
        """Cancel at once: nothing can be typed here."""
        self.action_cancel()


async def choose_columns(place: Any) -> None:
    """Let the user choose the columns of the list in this place."""
    names = await place.app.ask(ColumnsDialog(place.table, place.view.columns))
    if names is not None:
        place.view = replace(place.view, columns=names)
        place.table.choose_columns(names)


def columns_action(place: str) -> Action:
    """Return the action of a place with a list in `place.table`."""
    return Action(
        f"{place}.columns",
        "Columns",
        "C",
        "Choose the columns of the list and their order.",
        priority=9,
        run=choose_columns,
    )
