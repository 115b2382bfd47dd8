"""The line of keys at the bottom: as many as fit, unavailable ones marked and last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.strip import Strip
from textual.widget import Widget

from secconsole.tui.actions import Action

NEVER = 9


@dataclass(frozen=True, slots=True)
class Hint:
    """A key and its label.

    `dim` if it is unavailable now.
    """

    action: Action
    dim: bool

    @property
    def width(self) -> int:
        return cell_len(self.action.key) + cell_len(self.action.title) + 3


def fitting(hints: Sequence[Hint], width: int) -> list[Hint]:
    """Return the hints that fit, in their own order, the dim ones behind the others.

    Those that are not dim stay longest, and of these the ones with the lowest priority number.
    """
    kept: set[int] = set()
    for index in sorted(range(len(hints)), key=lambda i: (hints[i].dim, hints[i].action.priority, i)):
        if hints[index].width <= width:
            kept.add(index)
            width -= hints[index].width
    return [hints[index] for index in sorted(kept, key=lambda i: (hints[i].dim, i))]


class Hints(Widget):
    """The line of hints.

    A dim one is put in round brackets, so that it differs without colour too.
    """

    COMPONENT_CLASSES = {"hints--key", "hints--word", "hints--dim", "hints--danger"}  # noqa: RUF012
    DEFAULT_CSS = """
    Hints {
        height: 1;
        background: $band;

        & > .hints--key { color: $key; background: $band; text-style: bold; }
        & > .hints--word { color: $band-text; background: $band; }
        & > .hints--danger { color: $danger; background: $band; }
        & > .hints--dim { color: $muted; background: $band; }
    }
    """

    def __init__(self, press: Callable[[Action], None]) -> None:
        super().__init__()
        self._press = press
        self._hints: list[Hint] = []
        self._spans: list[tuple[int, int, Action]] = []

    def show(self, hints: Sequence[Hint]) -> None:
        """Show these hints.

        Redraws only if they differ from the current ones.
        """
        wanted = [hint for hint in hints if hint.action.priority < NEVER]
        if wanted != self._hints:
            self._hints = wanted
            self.refresh()

    def render_line(self, y: int) -> Strip:
        segments: list[Segment] = []
        self._spans = []
        at = 0
        for hint in fitting(self._hints, self.size.width):
            action = hint.action
            if hint.dim:
                segments.append(Segment(f"({action.key} {action.title})", self._look("dim")))
            else:
                word = "danger" if action.is_dangerous else "word"
                segments += [
                    Segment(f" {action.key}", self._look("key")),
                    Segment(f" {action.title} ", self._look(word)),
                ]
            self._spans.append((at, at + hint.width, action))
            at += hint.width
        return Strip(segments).adjust_cell_length(self.size.width, self.rich_style)

    def _look(self, part: str) -> Style:
        return self.get_component_rich_style(f"hints--{part}")

    def on_click(self, event: events.Click) -> None:
        for start, end, action in self._spans:
            if start <= event.x < end:
                self._press(action)
