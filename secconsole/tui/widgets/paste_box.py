"""A box for many lines, pasted or typed at its end."""

from __future__ import annotations

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.geometry import Offset, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from secconsole.domain.text import visible
from secconsole.tui.widgets.columns import cut

MOST = 1_000_000  # characters


class PasteBox(Widget, can_focus=True):
    """Shows the last lines of its text.

    Every printable key is text, and Tab leaves it.
    """

    COMPONENT_CLASSES = {"paste--text", "paste--focus", "paste--hint"}  # noqa: RUF012
    DEFAULT_CSS = """
    PasteBox {
        height: 7;
        width: 100%;
        margin-right: 1;
        border: round $rule;
        &:focus { border: round $heading; }
        & > .paste--text { color: $field-text; background: $field; }
        & > .paste--focus { color: $field-text; background: $field-focus; }
        & > .paste--hint { color: $placeholder; background: $field; }
    }
    """

    class Changed(Message):
        """Posted when the text changes."""

    def __init__(self, hint: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._hint = hint
        self.text = ""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return character is not None and character.isprintable()

    def on_key(self, event: events.Key) -> None:
        if event.key in ("enter", "ctrl+j", "ctrl+m"):
            self._put(self.text + "\n")
        elif event.key in ("backspace", "ctrl+h"):
            self._put(self.text[:-1])
        elif event.key == "ctrl+u":
            self._put("")
        elif event.is_printable and event.character is not None:
            self._put(self.text + event.character)
        else:
            return
        event.stop()
        event.prevent_default()

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        self._put(self.text + event.text.replace("\r\n", "\n").replace("\r", "\n"))

    def _put(self, text: str) -> None:
        if len(text) > MOST:
            self.app.bell()
        elif text != self.text:
            self.text = text
            self.refresh()
            self.post_message(self.Changed())

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return 5

    def render_line(self, y: int) -> Strip:
        width = self.content_size.width
        look = "paste--focus" if self.has_focus else "paste--text"
        if not self.text and y == 0 and not self.has_focus:
            return Strip([Segment(cut(" " + self._hint, width), self.get_component_rich_style("paste--hint"))])
        lines = self.text.split("\n")[-self.content_size.height :]
        line = visible(lines[y][: 4 * width]) if y < len(lines) else ""
        if self.has_focus and y == len(lines) - 1:
            at = min(width - 1, 1 + cell_len(line))
            self.app.cursor_position = self.content_region.offset + Offset(at, y)
        return Strip([Segment(cut(" " + line, width), self.get_component_rich_style(look))])
