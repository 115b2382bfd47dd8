"""A dialog with a secret, hidden while nobody looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from textual import events
from textual.timer import Timer

from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.text.safe import safe
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, Field

HIDE_AFTER = 120.0  # seconds without a key until it hides
HIDDEN = "Hidden. Press h to show it again."

T = TypeVar("T")


class SecretDialog(Dialog[T]):
    """Hides its secret when the terminal loses the focus or after a while without a key.

    `h` toggles it. `hide_after`: seconds. Subclasses call `keep_shown` when a button is pressed.
    """

    def __init__(
        self,
        title: str,
        fields: Sequence[Field],
        buttons: Sequence[Button],
        *,
        focus: str,
        hide_after: float = HIDE_AFTER,
    ) -> None:
        super().__init__(title, safe("…"), fields, buttons, focus=focus)
        self._hide_after = hide_after
        self._timer: Timer | None = None
        self.shown = True

    # ---- for subclasses --------------------------------------------------------------------------------------------

    def redraw(self) -> None:
        """Draw the secret with its explanation, or bullets in its place while it is not `shown`."""
        raise NotImplementedError

    def forget(self) -> None:
        """Drop the secret: the dialog is gone."""
        raise NotImplementedError

    # ---- showing and hiding ----------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self.watch(self.app, "app_focus", self._on_terminal_focus, init=False)
        self.keep_shown()
        self.redraw()

    def on_unmount(self) -> None:
        self.forget()

    def _on_terminal_focus(self, focused: bool) -> None:
        if not focused and self.is_attached:
            self._hide()

    def keep_shown(self) -> None:
        """Restart the time until the secret hides: the user is active."""
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(self._hide_after, self._hide)

    def _hide(self) -> None:
        if self.shown:
            self.toggle()

    def toggle(self) -> None:
        """Hide or show the secret."""
        self.shown = not self.shown
        if self.shown:
            self.keep_shown()
        self.redraw()

    def on_key(self, event: events.Key) -> None:
        if event.key == "h":
            event.stop()
            self.toggle()

    def on_form_changed(self, event: Form.Changed) -> None:
        self.keep_shown()
