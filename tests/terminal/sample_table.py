"""A table with a given number of rows: `python -m tests.terminal.sample_table ROWS [hostile]`."""

from __future__ import annotations

import resource
import sys
from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from secconsole.tui.runtime.base_app import ConsoleApp
from secconsole.tui.runtime.terminal import Terminal, enter
from secconsole.tui.text.safe import safe
from secconsole.tui.widgets.table import Column, Row, WindowedTable

COLUMNS = (
    Column("login", "Login", 18, min_width=12, grow=14),
    Column("name", "Name", 23, min_width=12, priority=2, grow=17),
    Column("status", "Status", 10),
    Column("factors", "Factors", 9, priority=3),
    Column("seen", "Last sign-in", 12, priority=1, grow=4),
)
FIRST = ("maria", "marek", "marta", "marius", "jana", "ivo", "日本", "sören")
HOSTILE = (
    "\x1b]0;owned\x07",
    "\x1b[2J\x1b[31mred",
    "[b]bold[/b] [@click=app.quit]x[/]",
    "\u202egnp.exe",
    "a\x9bb\x85c",
    "new\nline\ttab\r",
    "zero\u200bwidth\ufeff",
    "z\u0301\u0302\u0303\u0304algo",
    "\U000e0041tag\ud800",
)


class Synthetic:
    """Rows made from their number."""

    def __init__(self, total: int, hostile: bool = False) -> None:
        self.total: int | None = total
        self._hostile = hostile

    async def load(self, first: int, count: int) -> Sequence[Row]:
        return [self._row(at) for at in range(first, min(first + count, self.total or 0))]

    async def index_of(self, key: str) -> int | None:
        return int(key[1:])

    def _row(self, at: int) -> Row:
        if self._hostile:
            evil = HOSTILE[at % len(HOSTILE)]
            return Row(f"k{at}", (evil, evil * 3, evil, evil, evil))
        name = FIRST[at % len(FIRST)]
        status = ("○ unbound", "● bound", "◐ pending")[at * 7 % 3]
        return Row(
            f"k{at}",
            (
                f"{name}.{at:07}",
                f"{name.title()} Lindqvist {at % 97}",
                status,
                ("–", "totp")[at % 2],
                f"{at % 30} days ago",
            ),
        )


class TableApp(ConsoleApp):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("m", "middle", "Middle"),
        Binding("r", "memory", "Memory"),
        Binding("u", "update", "Update"),
    ]
    CSS = "#line { height: 1; }"

    def __init__(self, terminal: Terminal, total: int, hostile: bool) -> None:
        super().__init__(terminal)
        self._source = Synthetic(total, hostile)

    def compose(self) -> ComposeResult:
        yield WindowedTable(COLUMNS, self._source)
        yield Static(id="line")

    def action_middle(self) -> None:
        self.query_one(WindowedTable).move_to((self._source.total or 0) // 2)

    def action_update(self) -> None:
        self.query_one(WindowedTable).refresh_rows()

    def action_memory(self) -> None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        self.query_one("#line", Static).update(safe(f"peak {peak} MiB, {self.query_one(WindowedTable).loaded} rows"))


if __name__ == "__main__":
    sys.exit(enter(lambda terminal: TableApp(terminal, int(sys.argv[1]), "hostile" in sys.argv[2:]).run_console()))
