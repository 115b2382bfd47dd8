"""A list of users to look through, with a note on each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from secconsole.tui.text.safe import safe
from secconsole.tui.widgets.table import Column, Row, WindowedTable

_COLUMNS = (
    Column("login", "Login", 20, min_width=12, grow=12),
    Column("name", "Name", 20, min_width=10, grow=12),
    Column("what", "", 30, min_width=20, grow=60),
)


class _Listed:
    """Rows that are all loaded."""

    def __init__(self, rows: Sequence[tuple[str, str, str]]) -> None:
        self._rows = rows
        self.total: int | None = len(rows)

    async def load(self, first: int, count: int) -> Sequence[Row]:
        return [Row(str(at), row) for at, row in enumerate(self._rows[first : first + count], first)]


class NamesDialog(ModalScreen[None]):
    """Shows (login, name, note) of each user, and `more` below.

    Escape, Enter or the key that opened it closes it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,d,f2", "close", "Close", show=False)]
    DEFAULT_CSS = """
    NamesDialog WindowedTable { height: 1fr; }
    NamesDialog Static { height: auto; }
    """

    def __init__(self, title: str, rows: Sequence[tuple[str, str, str]], more: str = "") -> None:
        super().__init__()
        self._card_title, self._rows, self._more = title, rows, more

    def compose(self) -> ComposeResult:
        with Vertical(classes="card") as card:
            card.border_title = safe(self._card_title)
            yield WindowedTable(_COLUMNS, _Listed(self._rows))
            yield Static(safe(" · ".join(part for part in (self._more, "escape closes") if part), "$muted"))

    def on_windowed_table_row_activated(self) -> None:
        self.dismiss()

    def action_close(self) -> None:
        self.dismiss()
