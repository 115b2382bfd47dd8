"""Where somebody is told of changes to their account."""

from __future__ import annotations

from secconsole.operations.account import SetContact
from secconsole.tui.safe_text import lines
from secconsole.tui.screens.doing_dialog import DoingDialog, Values
from secconsole.tui.widgets.form_fields import Button, TextField, cancel


class ContactDialog(DoingDialog[str]):
    """The address that is on record now, or nothing if that was put off."""

    cancelled = ""

    def __init__(self) -> None:
        body = lines(
            "Your account has no e-mail address. Without one nobody can tell you when your phone is unbound,",
            "your password reset or a recovery code used. It is asked for again at your next sign-in.",
        )
        field = TextField(name="email", label="E-mail", needed=True)
        super().__init__("Where can you be told?", body, [field], [cancel("Later"), Button("set", "Use it")])

    async def do(self, button: str, values: Values) -> str:
        return (await self.app.perform(SetContact(email=str(values["email"]).strip()))).email
