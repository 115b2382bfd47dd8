"""The tenant's secret key: which one there is, making it anew, and the new one, shown once."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from textual.content import Content

from secconsole.domain.errors import Invalid
from secconsole.domain.limits import LONGEST_OVERLAP
from secconsole.domain.secret import Secret
from secconsole.operations.tokens import NewSecretKey, RotateSecretKey, SecretKey
from secconsole.tui.safe_text import Part, join, lines, safe
from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.screens.doing_dialog import DoingDialog, Values
from secconsole.tui.screens.secret_dialog import HIDE_AFTER
from secconsole.tui.screens.shown_once import ShownOnceDialog, bullets, free_path
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, CodeField, cancel
from secconsole.tui.words import exact, moment, until

if TYPE_CHECKING:
    from secconsole.tui.app import SecConsole

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


class NewKeyDialog(ShownOnceDialog):
    """Shows a key once; True when it is saved."""

    TICK = "I have put it where the programs find it"
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
            safe("It is shown this once. Give it to the programs that use it."),
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
