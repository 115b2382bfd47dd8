"""What somebody is told who signed in by a recovery code: what is left, and what is due now."""

from __future__ import annotations

from secconsole.tui.safe_text import lines, safe
from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, cancel
from secconsole.tui.words import plural

BIND, CODES = "bind", "codes"


class RenewRecoveryDialog(Dialog[str]):
    """`BIND` for another phone, `CODES` for new codes alone, or nothing if that was put off."""

    cancelled = ""

    def __init__(self, *, left: int) -> None:
        body = lines(
            safe("A recovery code was used in place of your phone.", "bold"),
            f"{plural(left, 'code')} of that set {'is' if left == 1 else 'are'} left, and new ones are due.",
            "",
            "Phone lost or new? Bind another one now: its app replaces the old one's, and you get ten new codes.",
            "Phone only left at home? Then new codes are enough.",
            "You are asked again at every sign-in until that is done.",
        )
        buttons = [cancel("Later"), Button(CODES, "New codes only"), Button(BIND, "Bind another phone")]
        super().__init__("New recovery codes are due", body, [], buttons, focus=BIND)

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        self.dismiss(event.button)
