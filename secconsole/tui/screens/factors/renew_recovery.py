"""The reminder after a sign-in with a recovery code: how many are left, and what is due now."""

from __future__ import annotations

from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.text.format import plural
from secconsole.tui.text.safe import lines, safe
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, cancel

BIND, CODES = "bind", "codes"


class RenewRecoveryDialog(Dialog[str]):
    """Returns `BIND` for another phone, `CODES` for new codes only, or an empty string if postponed."""

    cancelled = ""

    def __init__(self, *, left: int) -> None:
        body = lines(
            safe("You used a recovery code instead of your phone.", "bold"),
            f"{plural(left, 'code')} of that set {'is' if left == 1 else 'are'} left, and new ones are due.",
            "",
            "Phone lost or new? Bind another one now: it replaces the old one, and you get ten new codes.",
            "Only left it at home? Then new codes are enough.",
            "This is shown at every sign-in until it is done.",
        )
        buttons = [cancel("Later"), Button(CODES, "New codes only"), Button(BIND, "Bind another phone")]
        super().__init__("New recovery codes are due", body, [], buttons, focus=BIND)

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        self.dismiss(event.button)
