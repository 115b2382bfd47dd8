"""off · optional · required on one line, looked at with left and right without changing anything."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from secconsole.domain.model import PolicyMode
from secconsole.tui.text.safe import join

_MODES = tuple(PolicyMode)
_GAP = 3


class PolicyChoice(Widget, can_focus=True):
    """The choice.

    `mode` is the one looked at, `now` the one in effect, which is labelled as such.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    PolicyChoice {
        width: 1fr;
        height: 1;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "step(-1)", "Less", show=False),
        Binding("right", "step(1)", "More", show=False),
    ]

    class Looked(Message):
        """Posted when another mode is looked at."""

    class Left(Message):
        """Posted when the user moves down to the fields."""

    def __init__(self, *, utf8: bool = True) -> None:
        super().__init__()
        self._dot = "•" if utf8 else "*"
        self.mode = PolicyMode.OFF
        self.now: PolicyMode | None = None

    def show(self, mode: PolicyMode, now: PolicyMode) -> None:
        """Set both modes without posting a message."""
        if (mode, now) != (self.mode, self.now):
            self.mode, self.now = mode, now
            self.refresh()

    def action_step(self, by: int) -> None:
        self.look_at(_MODES[max(0, min(_MODES.index(self.mode) + by, len(_MODES) - 1))])

    def look_at(self, mode: PolicyMode) -> None:
        """Look at a mode, as left and right do."""
        if mode is not self.mode and self.now is not None:
            self.mode = mode
            self.refresh()
            self.post_message(self.Looked())

    def on_click(self, event: events.Click) -> None:
        at = event.get_content_offset(self)
        x = 0
        for mode in _MODES:
            x += len(self._words(mode)) + _GAP
            if at is not None and at.x < x:
                self.look_at(mode)
                return

    def _words(self, mode: PolicyMode) -> str:
        return f"({self._dot if mode is self.mode else ' '}) {mode}" + (" (now)" if mode is self.now else "")

    def render(self) -> Content:
        if self.now is None:  # not known yet: nothing may look chosen
            return join("…" if self._dot == "•" else "...")
        here = "$block-cursor-foreground on $block-cursor-background $cursor-row-style" if self.has_focus else "bold"
        parts = [(self._words(mode), here if mode is self.mode else "") for mode in _MODES]
        hint = ("left, right", "$muted") if self.has_focus else ("", "")
        return join(*(part for pair in parts for part in (pair, " " * _GAP)), hint)
