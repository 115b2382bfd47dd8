"""Dialogs that ask for one of a few."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from secconsole.tui.safe_text import join, lines, safe
from secconsole.tui.screens.dialog import Dialog, T
from secconsole.tui.widgets.pick_list import Pick, PickList


class PickDialog(Dialog[T]):
    """A list in place of a form. Subclasses handle `PickList.Picked`; `back` says what escape does."""

    def __init__(self, title: str, body: Content | str, picks: Sequence[Pick], *, back: str = "Cancel") -> None:
        super().__init__(title, body)
        self._picks = picks
        self._back = back

    def compose(self) -> ComposeResult:
        card = VerticalScroll(classes="card", can_focus=False)
        card.border_title = safe(self._card_title)
        with card:
            yield from self.compose_body()
            yield PickList(self._picks)
            yield Static(pick_keys(self._back), classes="pick-keys")


def pick_keys(back: str) -> Content:
    """The keys of a list, in a line below it."""
    keys = (("1-9", "take that one"), ("up down", "choose"), ("enter", "take it"), ("esc", back.lower()))
    parts = (part for key, does in keys for part in ((f" {key}", "bold $key"), (f" {does} ", "$muted")))
    return lines("", join(*parts))
