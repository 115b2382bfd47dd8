"""The tenant's secret key: which one there is, making it anew, and the new one, shown once."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from textual import events
from textual.content import Content

from secconsole.domain.errors import Invalid
from secconsole.domain.limits import LONGEST_OVERLAP
from secconsole.operations.tokens import NewSecretKey, RotateSecretKey, SecretKey
from secconsole.tui.safe_text import Part, join, lines
from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.screens.doing_dialog import DoingDialog, Values
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, CheckField, CodeField, cancel
from secconsole.tui.words import exact, moment, until

if TYPE_CHECKING:
    from secconsole.tui.app import SecConsole

_HIDDEN = "•" * 24
_WHAT = (
    "Programs of this organisation send it as a bearer: it checks users'",
    "codes and reads within the organisation. It changes nothing.",
)


class SecretKeyDialog(Dialog[bool]):
    """Which key there is; True to make it anew. `why_not`: why one may only look."""

    cancelled = False

    def __init__(self, key: SecretKey, now: datetime, *, why_not: str = "") -> None:
        rows: list[Part] = [*_WHAT, ""]
        if key.id is None:
            rows.append("There is none: no program signs in with one.")
        else:
            rows.append(_row("Key", key.id))
            rows.append(_row("Made", exact(key.created) if key.created else ""))
            rows.append(_row("Last used", moment(key.last_used, now)))
        if key.previous_id and key.previous_until:
            rows.append(_row("Before it", f"{key.previous_id}, works until {exact(key.previous_until)}"))
        if why_not:
            rows += ["", (f"Only to look at. {why_not}", "$muted")]
        buttons = [cancel("Close")]
        if not why_not:
            buttons.append(Button("renew", "Make one" if key.id is None else "Make it anew", danger=key.id is not None))
        super().__init__("Secret key", lines(*rows), (), buttons, focus="cancel")

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        self.dismiss(True)


class RenewKeyDialog(DoingDialog["NewSecretKey | None"]):
    """Says what renewing means, asks how long the old key works on, and makes the new one."""

    def __init__(self, key: SecretKey) -> None:
        rows: list[Part] = [
            join("The key ", (str(key.id), "bold"), " stops working."),
            "Every program that uses it has to be given the new one: until then its",
            "calls are refused, and it cannot check anybody's codes.",
        ]
        if key.previous_id:
            rows.append(f"{key.previous_id}, which still works beside it, ends now.")
        said = f"0 to {LONGEST_OVERLAP} that the old key works on; 0 after a leak."
        hours = CodeField(name="hours", label="Overlap, hours", digits=2, help=said)
        buttons = [cancel(), Button("renew", "Make it anew", danger=True)]
        super().__init__("Make the secret key anew", lines(*rows), [hours], buttons, danger=True)

    async def do(self, button: str, values: Values) -> NewSecretKey | None:
        hours = int(str(values["hours"]) or "0")
        if hours > LONGEST_OVERLAP:
            raise Invalid(f"At most {LONGEST_OVERLAP} hours.", "hours")
        return await self.app.perform(RotateSecretKey(tenant=self.app.tenant, overlap_hours=hours))


class NewKeyDialog(Dialog[None]):
    """Shows a key this once, hidden as soon as the terminal loses the focus. Copying it, or saying so, lets one go."""

    def __init__(self, made: NewSecretKey, now: datetime) -> None:
        self._made: NewSecretKey | None = made
        self._now = now
        self._shown = True
        kept = CheckField(
            name="kept", label="Kept", text="I have put it where the programs find it", help="Space ticks it."
        )
        buttons = [Button("copy", "Copy"), Button("hide", "Hide"), Button("close", "Close")]
        super().__init__("The new secret key", self._words(), [kept], buttons, focus="hide")

    def on_mount(self) -> None:
        super().on_mount()
        self.watch(self.app, "app_focus", self._on_terminal_focus, init=False)

    def on_unmount(self) -> None:
        self._made = None

    def _on_terminal_focus(self, focused: bool) -> None:
        if not focused and self.is_attached:
            self._show(False)

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        if event.button == "hide":
            self._show(not self._shown)
        elif event.button == "copy" and self._made is not None:
            self.app.copy_to_clipboard(self._made.key.reveal())
            self.form.set_value("kept", True)
            self.form.focus_field("close")
        elif event.button == "close":
            self.action_cancel()

    def action_cancel(self) -> None:
        """Escape too: what is shown once is not lost by a key too many."""
        if self.form.values["kept"]:
            self.dismiss(None)
        else:
            self.form.set_error("kept", "It cannot be shown again: keep it first, and tick this.")

    def on_key(self, event: events.Key) -> None:
        if not self._shown and event.key == "h":
            self._show(True)

    def _show(self, shown: bool) -> None:
        if shown != self._shown:
            self._shown = shown
            self.set_body(self._words())

    def _words(self) -> Content:
        made = self._made
        if made is None:
            return lines("")
        rows: list[Part] = [
            _row("Id", made.id),
            join(("Key       ", "$muted"), (made.key.reveal() if self._shown else _HIDDEN, "bold")),
            "",
            "It is shown this once. Give it to the programs that use it."
            if self._shown
            else "Hidden. Hide, or h, shows it again.",
        ]
        if made.previous_id and made.previous_until:
            rows.append(f"The old one, {made.previous_id}, works until {until(made.previous_until, self._now)}.")
        return lines(*rows)


def _row(label: str, words: str) -> Content:
    return join((f"{label:<10}", "$muted"), words)


async def look_after_key(app: SecConsole, key: SecretKey, *, why_not: str = "") -> bool:
    """Show which key there is and make it anew where that is wanted; whether it was."""
    if not await app.ask(SecretKeyDialog(key, app.clock(), why_not=why_not)):
        return False
    if key.id is None:
        made: NewSecretKey | None = await app.perform(RotateSecretKey(tenant=app.tenant))
    else:
        made = await app.ask(RenewKeyDialog(key))
    if made is None:
        return False
    await app.ask(NewKeyDialog(made, app.clock()))
    return True
