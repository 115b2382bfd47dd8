"""Choosing the country of a phone number by its name, its letters or its dialling code."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from secconsole.domain.messages.countries import Country, countries, found
from secconsole.tui.text.safe import join, safe

_MOST_TYPED = 100


class CountryDialog(ModalScreen[Country | None]):
    """Typing filters, arrows select, Enter picks.

    Escape empties the line first. Then it leaves the number as it was.
    """

    CSS_PATH = Path(__file__).parents[2] / "styles" / "country.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", show=False, priority=True),
        Binding("up", "move(-1)", "Up", show=False, priority=True),
        Binding("down", "move(1)", "Down", show=False, priority=True),
        Binding("pageup", "move(-8)", "Page up", show=False, priority=True),
        Binding("pagedown", "move(8)", "Page down", show=False, priority=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._countries = countries()
        self._found: list[Country] = []

    def compose(self) -> ComposeResult:
        card = Vertical(classes="card", id="country")
        card.border_title = safe("Country of the number")
        card.border_subtitle = safe("up down choose · enter pick · esc cancel")
        with card:
            entry = Input(placeholder="part of its name, or its dialling code", max_length=_MOST_TYPED, compact=True)
            entry.cursor_blink = False
            yield entry
            listing = OptionList(compact=True)
            listing.can_focus = False
            yield listing
            yield Static(safe("No country matches."), id="no-country")

    def on_mount(self) -> None:
        self._show("")

    def action_cancel(self) -> None:
        """Empty the line, as in a search, or leave if it is empty."""
        entry = self.query_one(Input)
        if entry.value:
            entry.value = ""
        else:
            self.dismiss(None)

    def on_input_changed(self, event: Input.Changed) -> None:
        self._show(event.value)

    def _show(self, typed: str) -> None:
        self._found = found(self._countries, typed)
        listing = self.query_one(OptionList)
        listing.set_options([Option(join((one.dialling.rjust(5), "$key"), "  ", one.name)) for one in self._found])
        listing.highlighted = 0 if self._found else None
        listing.display = bool(self._found)
        self.query_one("#no-country").display = not self._found

    def action_move(self, by: int) -> None:
        listing = self.query_one(OptionList)
        if self._found:
            listing.highlighted = max(0, min(len(self._found) - 1, (listing.highlighted or 0) + by))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        at = self.query_one(OptionList).highlighted
        if at is not None and self._found:
            self.dismiss(self._found[at])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._found[event.option_index])
