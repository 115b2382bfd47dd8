"""The tenant's secret keys: their state, rotation and end, and a new key, shown once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from textual.content import Content

from secconsole.domain.errors import Invalid
from secconsole.domain.limits import LONGEST_LABEL, LONGEST_OVERLAP
from secconsole.domain.scope import Scope, scope_phrase
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.operations.secret_keys import (
    DEFAULT_KEY,
    USUAL_SCOPES,
    CreateSecretKey,
    NewSecretKey,
    RevokeSecretKey,
    RotateSecretKey,
    SecretKey,
)
from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.screens.pick_dialog import PickDialog
from secconsole.tui.screens.secret_dialog import HIDE_AFTER
from secconsole.tui.screens.secret_once import SecretOnceDialog, bullets, free_path
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.text.format import exact, moment, until
from secconsole.tui.text.safe import Part, join, lines, safe
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, CheckField, NumberField, TextField, cancel
from secconsole.tui.widgets.pick_list import Pick, PickList

if TYPE_CHECKING:
    from secconsole.tui.console import Console

_CREATE, _RENEW, _REVOKE = "create", "renew", "revoke"
_WHAT = "Programs of this organisation send a key as a bearer token. Give each its own."
SCOPE_WORDS = {
    Scope.READ: "read data of this organisation",
    Scope.VERIFY: "check users' codes (verify)",
    Scope.CHALLENGE: "ask users for a second factor (challenge)",
}


class SecretKeysDialog(PickDialog["str | None"]):
    """Returns the name of the key that was picked, or an empty one for a new key.

    `why_not`: why the user may only look.
    """

    def __init__(self, keys: Sequence[SecretKey], now: datetime, *, why_not: str = "") -> None:
        rows: list[Part] = [_WHAT]
        if not keys:
            rows.append("There is no secret key, so no program can use one.")
        if why_not:
            rows += ["", (f"Read-only. {why_not}", "$muted")]
        picks = [] if why_not else [Pick(_CREATE, "Create a key")]
        self._names = dict(enumerate((key.name for key in keys), start=len(picks)))
        picks += [
            Pick(str(at), name, f"{scope_phrase(key.scopes)}, last used {moment(key.last_used, now)}")
            for (at, name), key in zip(self._names.items(), keys, strict=True)
        ]
        super().__init__("Secret keys", lines(*rows), picks, back="Close")

    def on_pick_list_picked(self, event: PickList.Picked) -> None:
        event.stop()
        self.dismiss("" if event.value == _CREATE else self._names[int(event.value)])


class CreateKeyDialog(SubmitDialog["NewSecretKey | None"]):
    """Creates a key: the program it is for, and what it may do."""

    def __init__(self, taken: Collection[str]) -> None:
        fields = [
            TextField(
                name="name",
                label="Name",
                needed=True,
                value="" if DEFAULT_KEY in taken else DEFAULT_KEY,
                max_length=LONGEST_LABEL,
                help="The program that it is for. The audit names it.",
            ),
            *(
                CheckField(
                    name=scope,
                    label="Allow it to" if at == 0 else "",
                    text=SCOPE_WORDS[scope],
                    value=scope in USUAL_SCOPES,
                )
                for at, scope in enumerate(Scope)
            ),
        ]
        body = "It cannot change any setting. It is shown once."
        super().__init__("New secret key", body, fields, [cancel(), Button("make", "Create")], focus="name")

    async def submit(self, button: str, values: Values) -> NewSecretKey:
        scopes = tuple(scope for scope in Scope if values.get(scope))
        if not scopes:
            raise Invalid("Tick at least one of these.", Scope.READ)
        return await self.app.perform(CreateSecretKey(tenant=self.app.tenant, name=str(values["name"]), scopes=scopes))


class SecretKeyDialog(Dialog[str]):
    """Shows one key.

    Returns the button that was pressed: to rotate it or to revoke it. `why_not`: why the user may only look.
    """

    cancelled = ""

    def __init__(self, key: SecretKey, now: datetime, *, why_not: str = "") -> None:
        rows: list[Part] = [_row("Name", key.name), _row("Allowed to", scope_phrase(key.scopes))]
        if key.id is not None:
            rows.append(_row("Key", key.id))
            rows.append(_row("Created", exact(key.created) if key.created else ""))
            rows.append(_row("Last used", moment(key.last_used, now)))
        if key.previous_id and key.previous_until:
            rows.append(_row("Before it", f"{key.previous_id}, works until {exact(key.previous_until)}"))
        if why_not:
            rows += ["", (f"Read-only. {why_not}", "$muted")]
        buttons = [cancel("Close")]
        if not why_not:
            buttons += [Button(_RENEW, "Rotate", danger=True), Button(_REVOKE, "Revoke", danger=True)]
        self._called, self._why_not = key.name, why_not
        super().__init__("Secret key", lines(*rows), (), buttons, focus="cancel")

    async def operation_now(self) -> Operation[object] | None:
        if self._why_not:
            return await super().operation_now()
        if self.form.button_now == _REVOKE:
            return RevokeSecretKey(tenant=self.app.tenant, key=self._called)
        return RotateSecretKey(tenant=self.app.tenant, name=self._called)

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        self.dismiss(event.button)


class RevokeKeyDialog(SubmitDialog[bool]):
    """Explains the end of a key, and ends it."""

    cancelled = False

    def __init__(self, key: SecretKey, now: datetime) -> None:
        self._called = key.name
        rows: list[Part] = [
            join("The key ", (key.name, "bold"), f", {key.id or key.previous_id}, stops working at once."),
            f"It was last used {moment(key.last_used, now)}. Programs that use it are refused from now on.",
        ]
        buttons = [cancel(), Button(_REVOKE, "Revoke", danger=True)]
        super().__init__("Revoke the secret key", lines(*rows), (), buttons, focus="cancel", danger=True)

    async def submit(self, button: str, values: Values) -> bool:
        await self.app.perform(RevokeSecretKey(tenant=self.app.tenant, key=self._called))
        return True


class RenewKeyDialog(SubmitDialog["NewSecretKey | None"]):
    """Explains a rotation, asks how long the old key keeps working, and creates the new one."""

    def __init__(self, key: SecretKey) -> None:
        self._called = key.name
        rows: list[Part] = [
            join("The key ", (key.name, "bold"), f", {key.id}, stops working."),
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
        return await self.app.perform(RotateSecretKey(tenant=self.app.tenant, name=self._called, overlap_hours=hours))


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
            _row("Name", made.name),
            _row("Id", made.id),
            join(("Key        ", "$muted"), (key if shown else bullets(key), "bold")),
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
    return join((f"{label:<11}", "$muted"), words)


async def manage_secret_keys(app: Console, keys: Sequence[SecretKey], *, why_not: str = "") -> str:
    """Show the keys, and create, rotate or revoke one.

    Return in words what was done, empty if nothing was.
    """
    name = await app.ask(SecretKeysDialog(keys, app.clock(), why_not=why_not))
    if name is None:
        return ""
    if not name:
        made: NewSecretKey | None = await app.ask(CreateKeyDialog({key.name for key in keys}))
        return await _show_once(app, made)
    key = next(key for key in keys if key.name == name)
    match await app.ask(SecretKeyDialog(key, app.clock(), why_not=why_not)):
        case "renew":
            return await _show_once(app, await app.ask(RenewKeyDialog(key)))
        case "revoke" if await app.ask(RevokeKeyDialog(key, app.clock())):
            return f"The secret key {name} no longer works."
    return ""


async def _show_once(app: Console, made: NewSecretKey | None) -> str:
    if made is None:
        return ""
    await app.ask(NewKeyDialog(made, app.clock()))
    return "The secret key was created. Give it to the programs that use it."
