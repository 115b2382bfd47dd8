"""Dialogs that ask for one of a few choices."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from secconsole.tui.screens.dialog import Dialog, T
from secconsole.tui.text.safe import join, lines, safe
from secconsole.tui.widgets.pick_list import Pick, PickList


class PickDialog(Dialog[T]):
    """A dialog with a list instead of a form.

    Subclasses handle `PickList.Picked`; `back` labels Escape, `at` is where the cursor begins.
    """

    def __init__(
        self, title: str, body: Content | str, picks: Sequence[Pick], *, back: str = "Cancel", at: int = 0
    ) -> None:
        super().__init__(title, body)
        self._at = at
        self._picks = picks
        self._back = back

    def compose(self) -> ComposeResult:
        card = VerticalScroll(classes="card", can_focus=False)
        card.border_title = safe(self._card_title)
        with card:
            yield self.compose_who()
            yield from self.compose_body()
            yield PickList(self._picks, at=self._at)
            yield Static(pick_keys(self._back), classes="pick-keys")

    def action_leave(self) -> None:
        """Cancel at once: nothing can be typed here."""
        self.action_cancel()


def pick_keys(back: str) -> Content:
    """Return the keys of a list, for the line below it."""
    return key_line(("1-9", "pick"), ("up down", "choose"), ("enter", "pick"), ("esc", back.lower()))


def key_line(*keys: tuple[str, str]) -> Content:
    """Return keys and what each does, below a blank line."""
    parts = (part for key, does in keys for part in ((f" {key}", "bold $key"), (f" {does} ", "$muted")))
    return lines("", join(*parts))
