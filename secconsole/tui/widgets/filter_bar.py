"""The search line above a table: the query at the left, the number of matches at the right."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Offset, Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from secconsole.domain.text import one_line, visible
from secconsole.tui.widgets.columns import cut
from secconsole.tui.widgets.line_edit import Effect, LineEdit

_HEAD = " / "
OPENS = "/"
_LEAST = 16  # cells kept for the query, however long the text at the right is
_MOST = 200  # characters
_LEAVE = frozenset({"enter", "ctrl+j", "ctrl+m", "down", "tab", "shift+tab"})


class FilterBar(Widget, can_focus=True):
    """One line of text.

    It has no hot keys, so every printable key is text while it has the focus.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "filter--head",
        "filter--text",
        "filter--caret",
        "filter--hint",
        "filter--info",
        "filter--problem",
    }
    DEFAULT_CSS = """
    FilterBar {
        height: 1;
        width: 100%;
        & > .filter--head { color: $key; text-style: bold; }
        & > .filter--text { color: $foreground; }
        & > .filter--caret { color: $foreground; text-style: reverse; }
        & > .filter--hint { color: $muted; }
        & > .filter--info { color: $muted; }
        & > .filter--problem { color: $danger; }
    }
    """

    class Changed(Message):
        """Posted when the text changes."""

        def __init__(self, bar: FilterBar, text: str) -> None:
            super().__init__()
            self.bar, self.text = bar, text

    class Left(Message):
        """Posted when the user leaves the line for the results."""

        def __init__(self, bar: FilterBar) -> None:
            super().__init__()
            self.bar = bar

    def __init__(self, hint: str, text: str = "", *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._hint = hint
        self._edit = LineEdit(_MOST)
        self._edit.insert(one_line(text))
        self._info = self._problem = ""
        self._shown: Strip | None = None

    @property
    def text(self) -> str:
        return self._edit.text

    @text.setter
    def text(self, text: str) -> None:
        """Replace the text.

        Posts `Changed` as typing does.
        """
        if text != self._edit.text:
            self._edit.text = text
            self._changed()

    def show_info(self, info: str, problem: str = "") -> None:
        """Show a text at the right, such as the number of matches.

        A problem takes its place.
        """
        if (info, problem) != (self._info, self._problem):
            self._info, self._problem = info, problem
            self._paint()

    # ---- keys ------------------------------------------------------------------------------------------------------

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return character is not None and character.isprintable()

    def on_key(self, event: events.Key) -> None:
        if self._take(event.key, event.character if event.is_printable else None):
            event.stop()
            event.prevent_default()

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        if self._edit.insert(one_line(event.text)):
            self._changed()

    def on_click(self, event: events.Click) -> None:
        at = event.get_content_offset(self)
        if at is not None and at.x >= len(_HEAD):
            self._edit.move_to_column(at.x - len(_HEAD))
            self._paint()

    def _take(self, key: str, character: str | None) -> bool:
        if key == "escape" and self._edit.clear():
            self._changed()
        elif key == "escape" or key in _LEAVE:
            self.post_message(self.Left(self))
        elif character != OPENS or self.text:  # otherwise it is the key that leads here, pressed once more
            effect = self._edit.take(key, character)
            if effect is Effect.CHANGED:
                self._changed()
            elif effect is Effect.MOVED:
                self._paint()
            return effect is not Effect.NONE
        return True

    def _changed(self) -> None:
        self._paint()
        self.post_message(self.Changed(self, self.text))

    # ---- looks -----------------------------------------------------------------------------------------------------

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        self._paint()

    def _paint(self) -> None:
        self.refresh(Region(0, 0, self.size.width, 1))

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        right = visible(self._problem or self._info)
        room = max(_LEAST, width - len(_HEAD) - cell_len(right) - 2)
        right = cut(right, max(0, min(cell_len(right), width - len(_HEAD) - room - 2)))
        segments = [Segment(_HEAD, self._look("head")), *self._draw_text(room), Segment(" ", self.rich_style)]
        segments.append(Segment(right, self._look("problem" if self._problem else "info")))
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _draw_text(self, room: int) -> list[Segment]:
        view = self._edit.view(room)
        if not self.has_focus:
            if not self.text:
                return [Segment(cut(self._hint, room), self._look("hint"))]
            return [Segment(cut(view.before + view.under + view.after, room), self._look("text"))]
        self.app.cursor_position = self.content_region.offset + Offset(len(_HEAD) + view.caret, 0)
        rest = " " * (room - cell_len(view.before + view.under + view.after))
        text = self._look("text")
        return [Segment(view.before, text), Segment(view.under, self._look("caret")), Segment(view.after + rest, text)]

    def _look(self, part: str) -> Style:
        return self.get_component_rich_style(f"filter--{part}")
