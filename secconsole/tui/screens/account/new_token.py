"""A personal access token, just created."""

from __future__ import annotations

from datetime import datetime

from textual.content import Content

from secconsole.domain.scope import scope_phrase
from secconsole.domain.secret import Secret
from secconsole.operations.tokens import NewToken
from secconsole.tui.screens.secret_dialog import HIDE_AFTER
from secconsole.tui.screens.secret_once import SecretOnceDialog, bullets, free_path
from secconsole.tui.text.format import exact
from secconsole.tui.text.safe import join, safe


class TokenDialog(SecretOnceDialog):
    """Shows a token once.

    Returns True when it is saved.
    """

    TICK = "I have saved it"
    NOT_YET = "Save or copy it first, then tick this with space."

    def __init__(self, made: NewToken, now: datetime, *, hide_after: float = HIDE_AFTER) -> None:
        self._token: Secret[str] | None = made.token
        self._facts = f"{scope_phrase(made.scopes)}, until {exact(made.expires)}"
        self._called = made.name
        suggested = free_path(f"secconsole-{made.name}", ".token", f"{now.astimezone():%Y%m%d-%H%M%S}")
        super().__init__("Your new token", suggested, hide_after=hide_after)

    def forget(self) -> None:
        self._token = None

    def words(self, *, shown: bool) -> list[Content]:
        token = self.to_copy().reveal()
        return [
            join((self._called, "bold"), (f"   {self._facts}   ", "$muted"), ("Shown once", "bold")),
            safe(""),
            safe(token if shown else bullets(token), "bold"),
            safe(""),
            safe("Put it into a file that only the program's user can read."),
            safe("secconsole itself reads it with --token-file FILE."),
        ]

    def to_copy(self) -> Secret[str]:
        return self._token or Secret("")

    def to_write(self) -> Secret[str]:
        return Secret(self.to_copy().reveal() + "\n")
