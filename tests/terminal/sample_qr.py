"""A QR code beside text, as on the screen that binds a phone: `python -m tests.terminal.sample_qr URI`.

`t` selects the next theme, `i` inverts, `o` changes the font, `b` hides. The last line shows the state.
"""

from __future__ import annotations

import sys
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from secconsole.domain.secret import Secret
from secconsole.tui.runtime.base_app import ConsoleApp
from secconsole.tui.runtime.terminal import Terminal, enter
from secconsole.tui.text.safe import safe
from secconsole.tui.widgets.qr import QrCode


class QrApp(ConsoleApp):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("t", "next_theme", "Theme"),
        Binding("i", "invert", "Invert"),
        Binding("o", "other_font", "Other font"),
        Binding("b", "hide", "Hide"),
    ]
    CSS = """
    #words { padding: 0 0 0 2; width: 1fr; }
    #state { dock: bottom; height: 1; }
    """

    def __init__(self, terminal: Terminal, uri: str) -> None:
        super().__init__(terminal)
        self._uri = Secret(uri)

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield QrCode(self._uri)
            with Vertical(id="words"):
                yield Static("Bind your phone")
                yield Static("Scan the code, or type the key.")
                yield Static(id="state")

    def on_mount(self) -> None:
        super().on_mount()
        self._say()

    def _say(self) -> None:
        code = self.query_one(QrCode)
        state = "hidden" if code.redacted else "inverted" if code.inverted else code.form
        self.query_one("#state", Static).update(safe(f"[{self.theme}] {state}"))

    def action_next_theme(self) -> None:
        names = sorted(self.available_themes)
        self.theme = names[(names.index(self.theme) + 1) % len(names)]
        self._say()

    def action_invert(self) -> None:
        self.query_one(QrCode).toggle_invert()
        self._say()

    def action_other_font(self) -> None:
        self.query_one(QrCode).toggle_form()
        self._say()

    def action_hide(self) -> None:
        self.query_one(QrCode).redact()

    @on(QrCode.Concealed)
    def concealed(self) -> None:
        self._say()


if __name__ == "__main__":
    sys.exit(enter(lambda terminal: QrApp(terminal, sys.argv[1]).run_console()))
