"""Countdown until another code may be requested."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from textual.timer import Timer
from textual.widgets import Static

from secconsole.domain.messages.sending import wait_words
from secconsole.tui.text.safe import safe

if TYPE_CHECKING:
    from secconsole.tui.console import Console

_TICK = 1.0  # seconds


class WaitLine(Static):
    """Redraws only when its text changes, and stops its timer at the end."""

    DEFAULT_CSS = """
    WaitLine {
        width: 100%;
        height: auto;
        margin-bottom: 1;
        color: $muted;
        display: none;
    }
    """

    def __init__(self, *, classes: str | None = None) -> None:
        super().__init__(classes=classes)
        self._until: datetime | None = None
        self._then = self._shown = ""
        self._timer: Timer | None = None

    @property
    def app(self) -> Console:  # type: ignore[override]
        return cast("Console", super().app)

    def count_down(self, then: str, wait: timedelta | None = None) -> None:
        """Count down `wait` from now and show `then` at the end, at once if there is nothing to wait for."""
        self._until = self.app.clock() + wait if wait is not None and wait > timedelta(0) else None
        self._then = then
        self._tick()
        if self._until is not None and self._timer is None:
            self._timer = self.set_interval(_TICK, self._tick, name="wait")

    def _tick(self) -> None:
        now, text = self.app.clock(), self._then
        if self._until is not None and now < self._until:
            text = wait_words(_milliseconds(self._until), _milliseconds(now))
        elif self._timer is not None:
            self._timer.stop()
            self._timer = None
        if text != self._shown:
            self._shown = text
            self.update(safe(text))
            self.display = bool(text)


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)
