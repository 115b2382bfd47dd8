"""Import of keys from a file of another program: checked first, and bound once the effect was shown."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secconsole.config.people_file import open_plain
from secconsole.config.seed_file import read_open_seed_file, read_serial_map
from secconsole.domain.errors import Invalid
from secconsole.domain.secret import Secret
from secconsole.domain.seeds.formats import read_seeds
from secconsole.domain.seeds.import_rules import ImportState
from secconsole.domain.seeds.seed import Entry
from secconsole.operations.factor_batches import import_entries, mapped
from secconsole.operations.factor_import import FactorsImported, ImportFactors
from secconsole.tui.actions import Action
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.screens.users.users_place import UsersPlace
from secconsole.tui.text.format import count, plural
from secconsole.tui.text.safe import Part, join, lines, safe
from secconsole.tui.widgets.form_fields import Button, CheckField, PasswordField, TextField, cancel

if TYPE_CHECKING:
    from secconsole.tui.console import Console

NAMED = 5  # lines that are not taken are shown up to here; the others are counted


@dataclass(frozen=True, slots=True)
class CheckedKeys:
    """Entries of a file, and the effect of importing them."""

    entries: tuple[Entry, ...]
    pending: bool
    effect: FactorsImported


class KeysDialog(SubmitDialog["CheckedKeys | None"]):
    """Takes the name of a file with keys, and checks them before anything is written."""

    has_command = False

    def __init__(self) -> None:
        fields = [
            TextField(name="file", label="File", needed=True, placeholder="tokens.pskc", max_length=1000),
            PasswordField(name="password", label="Its password", help="Or its key, if the file is encrypted."),
            TextField(
                name="map", label="Map", placeholder="serials.csv", max_length=1000, help="Columns serial, login."
            ),
            CheckField(name="pending", label="", text="Pending until each was used once at a sign-in"),
        ]
        body = lines(
            "otpauth URIs, Google Authenticator, PSKC, privacyIDEA (pi), Aegis,",
            "FreeOTP+, Keycloak, OATH or Yubico CSV. Nothing is written yet.",
        )
        super().__init__("Import keys", body, fields, [cancel(), Button("check", "Check them")], focus="file")

    async def submit(self, button: str, values: Values) -> CheckedKeys:
        password = values["password"]
        secret = password if isinstance(password, Secret) and password else None
        entries = await asyncio.to_thread(_read, str(values["file"]), str(values["map"]), secret)
        pending = bool(values["pending"])
        effect = await import_entries(self.app.perform, self.app.tenant, entries, pending=pending, check_only=True)
        return CheckedKeys(tuple(entries), pending, effect)


def _read(name: str, map_name: str, password: Secret[str] | None) -> list[Entry]:
    entries = read_seeds(read_open_seed_file(open_plain(name)), password)
    if not map_name.strip():
        return entries
    try:
        with open_plain(map_name, suffix=".csv") as file:
            return mapped(entries, read_serial_map(file))
    except Invalid as error:
        raise Invalid(error.message, "map") from None


class CheckedKeysDialog(SubmitDialog["FactorsImported | None"]):
    """Shows what an import would do, line by line for what is not taken, and does it on confirmation."""

    has_command = False

    def __init__(self, checked: CheckedKeys) -> None:
        self._checked = checked
        effect = checked.effect
        rows: list[Part] = [
            _row(effect.taken, "will be bound" + (", pending their first use" if checked.pending else "")),
            _row(effect.weak, "of these are shorter than 128 bits"),
            _row(effect.known, "are bound already"),
            _row(effect.waits, "wait for their user"),
            _row(effect.refused, "are refused"),
        ]
        others = [item for item in effect.items if item.state in (ImportState.WAITS, ImportState.REFUSED)]
        rows += [
            join(f"  line {item.line}  ", (item.user or item.serial, "bold"), f"  {item.reason}")
            for item in others[:NAMED]
        ]
        if len(others) > NAMED:
            rows.append(f"  and {count(len(others) - NAMED)} more: secconsole factor import FILE --dry-run")
        buttons = [cancel(), Button("import", f"Bind {plural(effect.taken, 'key')}")] if effect.taken else ()
        super().__init__("Nothing has been written yet", lines(*rows), (), buttons, focus="cancel")

    async def submit(self, button: str, values: Values) -> FactorsImported:
        checked = self._checked
        return await import_entries(
            self.app.perform, self.app.tenant, checked.entries, pending=checked.pending, progress=self._show
        )

    def _show(self, sent: int) -> None:
        total = len(self._checked.entries)
        if total > sent:
            self.set_body(safe(f"{count(sent)} of {count(total)} keys are imported …"))


def _row(number: int, words: str) -> Part:
    return join((f"{count(number):>7}", "bold"), f"  {words}")


async def import_keys(app: Console) -> bool:
    """Ask for a file, check and import its keys.

    Return False if nothing was imported.
    """
    checked = await app.ask(KeysDialog())
    if checked is None:
        return False
    result = await app.ask(CheckedKeysDialog(checked))
    if result is None:
        app.notify_done("Nothing was imported.")
        return False
    waits = f", {count(result.waits)} wait for their user" if result.waits else ""
    app.notify_done(f"{plural(result.taken, 'key')} bound, {count(result.refused)} refused{waits}.")
    return bool(result.taken)


async def import_keys_into(place: UsersPlace) -> None:
    """Import keys, and show the new status of their users."""
    if await import_keys(place.app):
        await place.reload()


IMPORT_KEYS = Action(
    "users.import-keys",
    "Import keys",
    "K",
    "Import authenticator keys from a file of another program, checked before anything is written.",
    ImportFactors,
    priority=9,
    command="secconsole factor import FILE",
    run=import_keys_into,
)
