"""Content of the screen, and the part of each write that changes it."""

from __future__ import annotations

import re

from secconsole.tui.runtime.output.cells import Row, pieces_of
from secconsole.tui.runtime.output.frame import draw
from secconsole.tui.runtime.output.pen import Pen

_MOVE = re.compile(r"\x1b\[(\d+);(\d+)H")
# Sequences that change no cell: modes other than the alternate screen's, queries, keyboard protocol, strings, bell.
_HARMLESS = re.compile(
    r"(?:\x07|\x1b\[\?(?!1049|1047|47[hl]|3[hl])[0-9;]*[hl]|\x1b\[\??[0-9;]*\$p|\x1b\[[<>=][0-9;]*u"
    r"|\x1b[\]P][^\x07\x1b]*(?:\x1b\x1b[^\x07\x1b]*)*(?:\x07|\x1b\\))*\Z"
)
_ANY = 10_000  # cells: more than any screen has


class Shown:
    """Content of the screen, by row and column.

    `erases`: whether the terminal erases in the current background, as most do.
    """

    def __init__(self, *, erases: bool = False) -> None:
        self._rows: dict[int, Row] = {}
        self._cursor: tuple[int, int] | None = None
        self._pen = Pen()
        self._erases = erases

    def forget(self) -> None:
        """Forget the screen, so that the next frame is sent whole."""
        self._rows.clear()
        self._cursor = None
        self._pen = Pen()

    def changes(self, data: str, size: tuple[int, int] | None = None) -> str:
        """Return the part of one write that changes a screen of this size, in columns and rows.

        Pass on unknown sequences and forget the screen. A frame composed before the window shrank reaches beyond the
        screen, where a terminal would write into its last row and column: that part is dropped.
        """
        if _MOVE.match(data) is None:
            return data if _HARMLESS.match(data) else self._passed_on(data)
        columns, rows = size or (_ANY, _ANY)
        moves = _MOVE.split(data)
        before = ""
        wanted: dict[int, Row] = {}
        target: tuple[int, int] | None = None
        for i in range(1, len(moves), 3):
            y, x, body = int(moves[i]) - 1, int(moves[i + 1]) - 1, moves[i + 2].rstrip("\n")
            if not body:
                target = (y, x)
            elif y < rows and x < columns:
                pieces = pieces_of(body)
                if pieces is None:
                    return before + self._passed_on(data)
                if y in wanted and wanted[y].splits(x, pieces):
                    before += self._draw(wanted, None, size)
                    wanted = {}
                if y not in wanted:
                    wanted[y] = self._rows[y].copy() if y in self._rows else Row()
                wanted[y].write(x, pieces, columns)
                target = None
        return before + self._draw(wanted, target, size)

    def _passed_on(self, data: str) -> str:
        reset = "" if self._pen.style == "" else "\x1b[m"
        self.forget()
        self._pen.style = None
        return reset + data

    def _draw(self, wanted: dict[int, Row], target: tuple[int, int] | None, size: tuple[int, int] | None) -> str:
        rows = [(y, self._rows.get(y, Row()), row) for y, row in sorted(wanted.items()) if self._rows.get(y) != row]
        pen = self._pen
        pen.columns, pen.rows = size or (None, None)
        pen.at, pen.out = None, []
        if rows:
            pen = draw(pen, rows, self._erases)
        # The cursor is hidden. Its place counts for what the terminal shows beside a text that is typed.
        if target is not None and (target != self._cursor or pen.out) and (target != (0, 0) or self._cursor is None):
            pen.move(*target)
        if target is not None:
            self._cursor = target
        self._rows.update(wanted)
        written = pen.written
        self._pen = pen.trial()
        return written
