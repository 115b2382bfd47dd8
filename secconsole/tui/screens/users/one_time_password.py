"""The new one-time password of a user."""

from __future__ import annotations

from secconsole.domain.secret import Secret
from secconsole.operations.users import UserRow
from secconsole.tui.screens.secret_dialog import HIDDEN, SecretDialog
from secconsole.tui.text.about import about
from secconsole.tui.text.safe import join
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button

_BULLETS = "•" * 14


class OneTimePasswordDialog(SecretDialog[None]):
    """Shows the password for handing over.

    Hide has the focus: one Enter too many must not lose it.
    """

    def __init__(self, user: UserRow, password: Secret[str]) -> None:
        self._user = user
        self._password: Secret[str] | None = password
        buttons = [
            Button("close", "I have handed it over", cancels=True),
            Button("hide", "Hide"),
            Button("copy", "Copy"),
        ]
        super().__init__("One-time password", (), buttons, focus="hide")

    def forget(self) -> None:
        self._password = None

    def redraw(self) -> None:
        password = self._password.reveal() if self.shown and self._password is not None else _BULLETS
        shown = join(("Password   ", "$muted"), (password, "bold"))
        below = "It is shown only once. It must be changed at the next sign-in." if self.shown else HIDDEN
        self.set_body(about(self._user, shown, "", below))

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        self.keep_shown()
        if event.button == "hide":
            self.toggle()
        elif self._password is not None:
            self.app.copy_to_clipboard(self._password.reveal())
