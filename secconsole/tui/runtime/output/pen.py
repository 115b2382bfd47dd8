"""Writes texts of any style anywhere on the screen, and changes only the attributes that differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from secconsole.tui.runtime.output.cells import is_sure
from secconsole.tui.runtime.output.changes import TO_THE_END, Change, Erase
from secconsole.tui.runtime.output.styles import blank, paints_blank, restyle

_SAVE = "\x1b7"  # position and style
_RESTORE = "\x1b8"  # followed by a save, as some terminals forget what they restored
_NEXT_ROW = "\r\n"


@dataclass(slots=True)
class Pen:
    """Style and position of the terminal, None where unknown.

    The terminal keeps one style and position beside the current ones. Restoring it takes four bytes, and naming its
    colours about forty. `chosen` is the style to keep, `kept` the one that the terminal keeps already, with the
    position `kept_at`. In a position, the column alone may be unknown: -1.
    """

    style: str | None = None
    kept: str | None = None
    chosen: str | None = None
    at: tuple[int, int] | None = None
    kept_at: tuple[int, int] = (0, 0)
    rows: int | None = None
    columns: int | None = None
    out: list[str] = field(default_factory=list)

    def trial(self) -> Pen:
        """Return the same pen with nothing written."""
        return replace(self, out=[])

    @property
    def written(self) -> str:
        return "".join(self.out)

    def put_all(self, y: int, changes: Sequence[Change]) -> None:
        """Make the changes of one row."""
        for number, change in enumerate(changes):
            self.put(y, change, changes[number + 1 :])

    def put(self, y: int, change: Change, following: Sequence[Change] = ()) -> None:
        """Make one change, in view of the following ones: a blank looks the same in several styles."""
        target = self._target(change, following)
        self._go(y, change.x, target)
        if isinstance(change, Erase):
            self.out.append("\x1b[K" if change.width == TO_THE_END else f"\x1b[{change.width}X")
            return
        self.out.append(change.text)
        end = change.x + change.width
        # A terminal may give some characters another width. In the last column the cursor may wait or stay.
        sure = is_sure(change.text) and (self.columns is None or end < self.columns)
        self.at = (y, end if sure else -1)

    def move(self, y: int, x: int) -> None:
        """Leave the cursor there."""
        self.out.append(self._way(self.at, y, x))
        self.at = (y, x)

    def cost(self, style: str) -> int:
        """Return about how many bytes a change to this style takes."""
        direct = len(restyle(self.style, style))
        return direct if self.kept is None else min(direct, len(_RESTORE + _SAVE) + len(restyle(self.kept, style)))

    def _target(self, change: Change, following: Sequence[Change]) -> str:
        style = change.style
        if isinstance(change, Erase) or not change.text.strip(" "):
            if self.style is not None and paints_blank(self.style, style):
                return self.style
            others = [*(later.style for later in following), *filter(None, [self.kept])]
            return next((other for other in others if blank(other) == style), style)
        return style

    def _go(self, y: int, x: int, style: str) -> None:
        direct = self._way(self.at, y, x) + restyle(self.style, style)
        if self.kept is not None and style != self.style:
            restored = _RESTORE + self._way(self.kept_at, y, x) + _SAVE + restyle(self.kept, style)
            if len(restored) < len(direct):
                direct, self.kept_at = restored, (y, x)
        self.out.append(direct)
        self.style, self.at = style, (y, x)
        if style == self.chosen and self.kept != style:
            self.out.append(_SAVE)
            self.kept, self.kept_at = style, (y, x)

    def _way(self, start: tuple[int, int] | None, y: int, x: int) -> str:
        """Return how to get from a position to another."""
        if start == (y, x):
            return ""
        ways = [f"\x1b[{y + 1};{x + 1}H" if x else f"\x1b[{y + 1}H" if y else "\x1b[H"]
        if start is not None:
            row, column = start
            if row == y and 0 <= column < x:
                ways.append(_right(x - column))
            elif row == y:
                ways.append("\r" + _right(x))
            elif row == y - 1 and self.rows is not None and y < self.rows:
                ways.append(_NEXT_ROW + _right(x))
        return min(ways, key=len)


def _right(steps: int) -> str:
    return "" if not steps else "\x1b[C" if steps == 1 else f"\x1b[{steps}C"
