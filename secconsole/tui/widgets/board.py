"""Panels of short lines, some of which lead somewhere, with a cursor over those."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.visual import Visual
from textual.widget import Widget

from secconsole.tui.widgets.bars import BAR
from secconsole.tui.widgets.columns import cut

SIDE_BY_SIDE = 72  # cells from which two panels fit side by side
GAP = 4  # cells between them
GUTTER = 2  # cursor, blank


class Cell(NamedTuple):
    """A line: its text in a number of cells, and its target ("" for a line that is only read).

    `wraps`: a longer text takes more lines, instead of being cut.
    """

    content: Callable[[int], Content]
    target: str = ""
    wraps: bool = False


class Panel(NamedTuple):
    """Lines below a title.

    An empty title takes no line.
    """

    title: str
    cells: Sequence[Cell]


class Arrangement(NamedTuple):
    """Panels for windows with at least so many cells: columns side by side, and others below them."""

    least: int
    columns: Sequence[Sequence[Panel]]
    below: Sequence[Panel] = ()


class _Spot(NamedTuple):
    x: int
    y: int
    width: int
    content: Content
    target: str


class Board(Widget, can_focus=True):
    """Panels in columns where there is room, stacked elsewhere.

    The cursor stops only at lines with a target.
    """

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"board--title", "board--cursor"}
    DEFAULT_CSS = """
    Board {
        width: 100%;
        height: auto;
        & > .board--title { color: $heading; text-style: bold; }
        & > .board--cursor {
            color: $block-cursor-foreground;
            background: $block-cursor-background;
            text-style: $block-cursor-text-style;
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", "Up", show=False),
        Binding("down,j", "step(1)", "Down", show=False),
        Binding("left", "across(-1)", "Left", show=False),
        Binding("right", "across(1)", "Right", show=False),
        Binding("home,g,pageup", "first", "First", show=False),
        Binding("end,G,pagedown", "last", "Last", show=False),
    ]

    class Moved(Message):
        """Posted when the cursor moves to another line."""

    class Chosen(Message):
        """Posted when a line is double-clicked."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._arrangements: Sequence[Arrangement] = ()
        self._spots: list[_Spot] = []
        self._titles: dict[int, list[tuple[int, str]]] = {}
        self._laid_out = (0, 0)  # width and rows
        self._target = ""
        self._at = 0  # index of the cursor among the lines with a target

    def show(self, beside: Sequence[Panel], below: Sequence[Panel]) -> None:
        """Replace the panels, two of which stand side by side where there is room."""
        stacked = Arrangement(0, (), (*beside, *below))
        self.show_arranged([stacked, Arrangement(SIDE_BY_SIDE, [[panel] for panel in beside], below)])

    def show_arranged(self, arrangements: Sequence[Arrangement]) -> None:
        """Replace the panels, with an arrangement for each width, the narrowest first.

        The cursor stays on its target if it is still there.
        """
        self._arrangements = arrangements
        rows = self._laid_out[1]
        self._lay_out(self.content_size.width)
        self.refresh(layout=rows != self._laid_out[1])

    @property
    def target(self) -> str:
        """Target of the line under the cursor.

        Empty if there is none.
        """
        return self._target

    def go_to(self, target: str) -> None:
        """Move the cursor to the line with that target, if there is one."""
        for index, spot in enumerate(self._live()):
            if spot.target == target:
                self._go(index)

    # ---- laying out ------------------------------------------------------------------------------------------------

    def _lay_out(self, width: int) -> None:
        self._spots, self._titles = [], {}
        fitting = [each for each in self._arrangements if each.least <= width]
        columns, below = (fitting[-1].columns, fitting[-1].below) if fitting else ((), ())
        each = (width - GAP * (len(columns) - 1)) // max(1, len(columns))
        ends = [self._stack(column, at * (each + GAP), 0, each) for at, column in enumerate(columns)]
        y = self._stack(below, 0, max(ends, default=0), width)
        self._laid_out = (width, y)
        targets = [spot.target for spot in self._live()]
        if self._target not in targets:
            # If its target is gone, the cursor keeps its position instead of jumping to the top.
            self._target = targets[min(self._at, len(targets) - 1)] if targets else ""
        self._at = self._index()

    def _stack(self, panels: Iterable[Panel], x: int, y: int, width: int) -> int:
        for panel in panels:
            y = self._place(panel, x, y + (1 if y else 0), width)
        return y

    def _place(self, panel: Panel, x: int, y: int, width: int) -> int:
        if panel.title:
            self._titles.setdefault(y, []).append((x, panel.title))
            y += 1
        for cell in panel.cells:
            content = cell.content(width - GUTTER)
            for line in content.wrap(max(1, width - GUTTER)) if cell.wraps else [content]:
                self._spots.append(_Spot(x, y, width, line, cell.target))
                y += 1
        return y

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        if self._laid_out[0] != width:
            self._lay_out(width)
        return max(1, self._laid_out[1])

    def on_resize(self) -> None:
        if self._laid_out[0] != self.content_size.width:
            self._lay_out(self.content_size.width)
            self.refresh(layout=True)

    # ---- keys ------------------------------------------------------------------------------------------------------

    def action_step(self, by: int) -> None:
        self._go(self._index() + by)

    def action_across(self, by: int) -> None:
        """Move to the nearest line in the next column."""
        live = self._live()
        if not live:
            return
        here = live[self._index()]
        beside = [spot for spot in live if (spot.x - here.x) * by > 0]
        if beside:
            near = min(beside, key=lambda spot: (abs(spot.x - here.x), abs(spot.y - here.y)))
            self._go(live.index(near))

    def action_first(self) -> None:
        self._go(0)

    def action_last(self) -> None:
        self._go(len(self._spots))

    def _live(self) -> list[_Spot]:
        return [spot for spot in self._spots if spot.target]

    def _index(self) -> int:
        return next((at for at, spot in enumerate(self._live()) if spot.target == self._target), 0)

    def _go(self, index: int) -> None:
        live = self._live()
        if not live:
            return
        before, now = live[self._index()], live[max(0, min(index, len(live) - 1))]
        self._target = now.target
        self._at = self._index()
        self.refresh(Region(0, before.y, self.size.width, 1), Region(0, now.y, self.size.width, 1))
        if isinstance(self.parent, Widget):
            self.parent.scroll_to_region(Region(0, now.y, 1, 1), animate=False, immediate=True)
        self.post_message(self.Moved())

    def on_click(self, event: events.Click) -> None:
        at = event.get_content_offset(self)
        if at is None:
            return
        for index, spot in enumerate(self._live()):
            if spot.y == at.y and spot.x <= at.x < spot.x + spot.width:
                self._go(index)
                if event.chain == 2:
                    self.post_message(self.Chosen())

    # ---- drawing ---------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        width = self.content_size.width
        pieces: list[tuple[int, Strip]] = []
        for x, title in self._titles.get(y, ()):
            pieces.append((x, self._plain(cut(title, width - x).rstrip(" "), "board--title")))
        pieces += [(spot.x, self._line(spot)) for spot in self._spots if spot.y == y]
        line = Strip([])
        for x, strip in sorted(pieces, key=lambda piece: piece[0]):
            line = Strip.join([line.adjust_cell_length(x, self.rich_style), strip])
        return line.adjust_cell_length(width, self.rich_style)

    def _line(self, spot: _Spot) -> Strip:
        if spot.target and spot.target == self._target and self.has_focus:
            return self._selected(spot)
        return self._strip(Content("  ") + spot.content, spot.width)

    def _selected(self, spot: _Spot) -> Strip:
        """Return the line under the cursor, whose bars keep their look: reversed, a full one would seem empty."""
        sign = "▌ "
        line, at = cut(sign + spot.content.plain, spot.width), 0
        strips: list[Strip] = []
        for bar in BAR.finditer(line, len(sign)):
            start, end = bar.span()
            own = spot.content[start - len(sign) : end - len(sign)]
            strips += [self._plain(line[at:start], "board--cursor"), self._strip(own, end - start)]
            at = end
        return Strip.join([*strips, self._plain(line[at:], "board--cursor")])

    def _strip(self, content: Content, width: int) -> Strip:
        content = content.truncate(width, ellipsis=True)
        strips = Visual.to_strips(self, content, max(1, width), 1, self.visual_style)
        return strips[0] if strips else Strip([])

    def _plain(self, text: str, look: str) -> Strip:
        """Return text in one style.

        A visual style of Textual would drop `reverse`, which is needed without colour.
        """
        return Strip([Segment(text, self.get_component_rich_style(look))])
