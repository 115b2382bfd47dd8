"""How long until another code may be asked for, counted down."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from textual.timer import Timer
from textual.widgets import Static

from secconsole.domain.sending import wait_words
from secconsole.tui.safe_text import safe

if TYPE_CHECKING:
    from secconsole.tui.app import SecConsole

_TICK = 1.0  # seconds


class WaitLine(Static):
    """Drawn anew only when its words change; once the time has come nothing runs any more."""

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
        self._then = self._said = ""
        self._timer: Timer | None = None

    @property
    def app(self) -> SecConsole:  # type: ignore[override]
        return cast("SecConsole", super().app)

    def say(self, then: str, wait: timedelta | None = None) -> None:
        """Say how long to `wait`, counted from now, and from then on `then`; at once where there is no wait."""
        self._until = self.app.clock() + wait if wait is not None and wait > timedelta(0) else None
        self._then = then
        self._tick()
        if self._until is not None and self._timer is None:
            self._timer = self.set_interval(_TICK, self._tick, name="wait")

    def _tick(self) -> None:
        now, words = self.app.clock(), self._then
        if self._until is not None and now < self._until:
            words = wait_words(_milliseconds(self._until), _milliseconds(now))
        elif self._timer is not None:
            self._timer.stop()
            self._timer = None
        if words != self._said:
            self._said = words
            self.update(safe(words))
            self.display = bool(words)


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)
