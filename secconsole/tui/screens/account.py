"""My account: who I am, my factors, my password."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Static

from secconsole.tui.actions import Action
from secconsole.tui.safe_text import lines
from secconsole.tui.screens.place import Place


class Account(Place):
    NAME = "account"
    NUMBER = "7"
    TITLE = "My account"
    HELP_FILE = "account.md"
    ACTIONS: ClassVar[tuple[Action, ...]] = ()

    def compose_body(self) -> ComposeResult:
        who = self.app.identity
        yield Static(lines(who.name or who.login, f"{who.role} in {who.tenant}"))
