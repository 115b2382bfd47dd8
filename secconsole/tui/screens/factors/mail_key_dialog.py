"""Dialog for mailing the key that is being bound, for users who cannot scan it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from secconsole.domain.errors import Invalid
from secconsole.operations.signin import KeyMailed
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.text.safe import lines, safe
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, TextField, cancel

_WHOEVER = "Anyone who reads that mail can create the codes: delete it once the app shows them."
_ON_RECORD = "the address on record"


class MailKeyDialog(SubmitDialog["KeyMailed | None"]):
    """Returns the mail sent, or None.

    Asks for confirmation of an address other than the one on record.
    """

    cancelled = None

    def __init__(self, mail: Callable[[str], Awaitable[KeyMailed]]) -> None:
        self._mail = mail
        self._warned_of = ""
        super().__init__(
            "Mail the key",
            lines("The key goes to the e-mail address on record.", _WHOEVER),
            [TextField(name="address", label="To", placeholder=_ON_RECORD, help=f"Empty: {_ON_RECORD}.")],
            [cancel(), Button("mail", "Mail it")],
            focus="mail",
        )

    def on_form_submitted(self, event: Form.Submitted) -> None:
        address = str(event.values["address"]).strip()
        if address in ("", self._warned_of):
            return  # the base class handles it
        event.stop()
        event.prevent_default()
        self._warned_of = address
        self.set_body(
            lines(
                safe(f"! Only if nobody else reads {address}:", "$danger"),
                _WHOEVER,
                "The address on record is notified, and the audit records it. Press Mail it again to continue.",
            )
        )
        self.form.focus_field("mail")

    async def submit(self, button: str, values: Values) -> KeyMailed | None:
        mailed = await self._mail(str(values["address"]).strip())
        if not mailed.sent:
            raise Invalid(mailed.message, "address")
        return mailed
