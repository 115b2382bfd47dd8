"""The smallest Textual app, as the baseline for the console's start and memory."""

from __future__ import annotations

from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.widgets import Footer, Static

TEXT = "nothing in here"
SHOWN = f"{TEXT}.*Quit"  # the frame is complete


class Bare(App[None]):
    BINDINGS: ClassVar[list[BindingType]] = [("q", "quit", "Quit")]

    def compose(self) -> ComposeResult:
        yield Static(TEXT)
        yield Footer()


if __name__ == "__main__":
    Bare().run()
