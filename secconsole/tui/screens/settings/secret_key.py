"""The tenant's secret key: its state, its rotation, and the new key, shown once."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from textual.content import Content

from secconsole.domain.errors import Invalid
from secconsole.domain.limits import LONGEST_OVERLAP
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.operations.tokens import NewSecretKey, RotateSecretKey, SecretKey
from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.screens.secret_dialog import HIDE_AFTER
from secconsole.tui.screens.secret_once import SecretOnceDialog, bullets, free_path
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.text.format import exact, moment, until
from secconsole.tui.text.safe import Part, join, lines, safe
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, NumberField, cancel

if TYPE_CHECKING:
    from secconsole.tui.console import Console

_WHAT = (
    "Programs of this organisation send it as a bearer token to check codes and read data. It cannot change anything.",
)


class SecretKeyDialog(Dialog[bool]):
    """Shows the current key.

    Returns True to rotate it. `why_not`: why the user may only look.
    """

    cancelled = False

    def __init__(self, key: SecretKey, now: datetime, *, why_not: str = "") -> None:
        rows: list[Part] = [*_WHAT, ""]
        if key.id is None:
            rows.append("There is no secret key, so no program can use one.")
        else:
            rows.append(_row("Key", key.id))
            rows.append(_row("Created", exact(key.created) if key.created else ""))
            rows.append(_row("Last used", moment(key.last_used, now)))
        if key.previous_id and key.previous_until:
            rows.append(_row("Before it", f"{key.previous_id}, works until {exact(key.previous_until)}"))
        if why_not:
            rows += ["", (f"Read-only. {why_not}", "$muted")]
        buttons = [cancel("Close")]
        if not why_not:
            buttons.append(Button("renew", "Create one" if key.id is None else "Rotate", danger=key.id is not None))
        self._why_not = why_not
        super().__init__("Secret key", lines(*rows), (), buttons, focus="cancel")

    async def operation_now(self) -> Operation[object] | None:
        if self._why_not:
            return await super().operation_now()
        return RotateSecretKey(tenant=self.app.tenant)

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        self.dismiss(True)


class RenewKeyDialog(SubmitDialog["NewSecretKey | None"]):
    """Explains a rotation, asks how long the old key keeps working, and creates the new one."""

    def __init__(self, key: SecretKey) -> None:
        rows: list[Part] = [
            join("The key ", (str(key.id), "bold"), " stops working."),
            "Every program that uses it needs the new one: until then its",
            "requests are refused, and it cannot check codes.",
        ]
        if key.previous_id:
            rows.append(f"{key.previous_id}, which still works too, ends now.")
        text = f"0 to {LONGEST_OVERLAP} that the old key keeps working; 0 after a leak."
        hours = NumberField(name="hours", label="Overlap, hours", digits=2, help=text)
        buttons = [cancel(), Button("renew", "Rotate", danger=True)]
        super().__init__("Rotate the secret key", lines(*rows), [hours], buttons, danger=True)

    async def submit(self, button: str, values: Values) -> NewSecretKey | None:
        hours = int(str(values["hours"]) or "0")
        if hours > LONGEST_OVERLAP:
            raise Invalid(f"At most {LONGEST_OVERLAP} hours.", "hours")
        return await self.app.perform(RotateSecretKey(tenant=self.app.tenant, overlap_hours=hours))


class NewKeyDialog(SecretOnceDialog):
    """Shows a key once.

    Returns True when it is saved.
    """

    TICK = "I have stored it where the programs find it"
    NOT_YET = "It cannot be shown again: save or copy it first, then tick this with space."

    def __init__(self, made: NewSecretKey, now: datetime, *, hide_after: float = HIDE_AFTER) -> None:
        self._made: NewSecretKey | None = made
        self._now = now
        suggested = free_path(f"secconsole-{made.id}", ".key", f"{now.astimezone():%Y%m%d-%H%M%S}")
        super().__init__("The new secret key", suggested, hide_after=hide_after)

    def forget(self) -> None:
        self._made = None

    def words(self, *, shown: bool) -> list[Content]:
        made, key = self._made, self.to_copy().reveal()
        if made is None:
            return []
        rows = [
            _row("Id", made.id),
            join(("Key       ", "$muted"), (key if shown else bullets(key), "bold")),
            safe(""),
            safe("It is shown only once. Give it to the programs that use it."),
        ]
        if made.previous_id and made.previous_until:
            rows.append(safe(f"The old one, {made.previous_id}, works until {until(made.previous_until, self._now)}."))
        return rows

    def to_copy(self) -> Secret[str]:
        return self._made.key if self._made is not None else Secret("")

    def to_write(self) -> Secret[str]:
        return Secret(self.to_copy().reveal() + "\n")


def _row(label: str, words: str) -> Content:
    return join((f"{label:<10}", "$muted"), words)


async def manage_secret_key(app: Console, key: SecretKey, *, why_not: str = "") -> bool:
    """Show the current key and rotate it if the user wants to.

    Return True if it was rotated.
    """
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
