"""Import of people from a file or a paste: checked first, and written once its effect was shown."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

from textual.app import ComposeResult
from textual.widgets import Static

from secconsole.config.people_file import open_people, read_people
from secconsole.domain.errors import Invalid
from secconsole.operations.people_import import BATCH_IN_ONE_TRANSACTION, PeopleImport, split_batches
from secconsole.operations.user_import import ImportResult, NewUser, Rejected
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.screens.users.users_place import UsersPlace
from secconsole.tui.text.format import count, plural
from secconsole.tui.text.safe import Part, join, lines, safe
from secconsole.tui.widgets.form_fields import Button, TextField, cancel
from secconsole.tui.widgets.paste_box import PasteBox

if TYPE_CHECKING:
    from secconsole.tui.console import Console

NAMED = 6  # rejected lines shown; the others are counted
_COLUMNS = "login,name,email,phone,role"


@dataclass(frozen=True, slots=True)
class Checked:
    """Valid lines, rejected ones, and the effect of importing the valid ones."""

    people: tuple[NewUser, ...]
    effect: ImportResult


class ImportDialog(SubmitDialog["Checked | None"]):
    """Takes lines of people or the name of a file, and checks them before anything is written."""

    has_command = False

    def __init__(self) -> None:
        field = TextField(name="file", label="Or a file", placeholder="people.csv", max_length=1000)
        super().__init__("Import people", "", [field], [cancel(), Button("check", "Check them")], focus="file")
        self._box = PasteBox("Paste the lines here, the names of the columns first.")

    def compose_body(self) -> ComposeResult:
        rows: list[Part] = [
            join("The first line names the columns: ", (_COLUMNS, "bold")),
            "Only login is needed. Tab goes to the file, and nothing is written before you confirm.",
        ]
        yield Static(lines(*rows), classes="dialog-body")
        yield self._box

    def on_mount(self) -> None:
        super().on_mount()
        self._box.focus()

    async def submit(self, button: str, values: Values) -> Checked:
        name = str(values["file"]).strip()
        if not name and not self._box.text.strip():
            self._box.focus()
            raise Invalid("Paste some lines, or name a file.")
        source = open_people(name) if name else BytesIO(self._box.text.encode("utf-8", "surrogateescape"))
        found = await asyncio.to_thread(_read, source)
        run = PeopleImport(self.app.perform, self.app.tenant)
        people = tuple(await run.admins_first(run.valid(found)))
        await run.send(split_batches(people, BATCH_IN_ONE_TRANSACTION), check_only=True)
        return Checked(people, run.result())


def _read(source: BinaryIO) -> list[NewUser | Rejected]:
    with source:
        return list(read_people(source))


class CheckedDialog(SubmitDialog["ImportResult | None"]):
    """Shows what an import would do, including rejected lines, and does it on confirmation."""

    has_command = False

    def __init__(self, checked: Checked) -> None:
        self._checked = checked
        effect = checked.effect
        done = effect.created + effect.updated
        rows: list[Part] = [
            join((f"{count(effect.created):>7}", "bold"), "  will be created"),
            join((f"{count(effect.updated):>7}", "bold"), "  will be updated"),
            join((f"{count(effect.unchanged):>7}", "bold"), "  are already as in the list"),
            join((f"{count(len(effect.rejected)):>7}", "bold"), "  cannot be imported"),
            *(
                join(f"         line {line.line}  ", (line.login, "bold"), f"  {line.reason}")
                for line in effect.rejected[:NAMED]
            ),
        ]
        if len(effect.rejected) > NAMED:
            rows.append(f"         and {count(len(effect.rejected) - NAMED)} more")
        buttons = [cancel(), Button("import", f"Import {plural(done, 'user')}")] if done else ()
        super().__init__("Nothing has been written yet", lines(*rows), (), buttons, focus="cancel")

    async def submit(self, button: str, values: Values) -> ImportResult:
        run = PeopleImport(self.app.perform, self.app.tenant)
        await run.send(split_batches(self._checked.people), progress=self._show)
        return run.result()

    def _show(self, sent: int) -> None:
        total = len(self._checked.people)
        if total > sent:
            self.set_body(safe(f"{count(sent)} of {count(total)} lines are imported …"))


async def import_people(app: Console) -> bool:
    """Ask for people, check and import them.

    Return False if nothing was imported.
    """
    checked = await app.ask(ImportDialog())
    if checked is None:
        return False
    result = await app.ask(CheckedDialog(checked))
    if result is None:
        app.notify_done("Nothing was imported.")
        return False
    app.notify_done(_words(result))
    return bool(result.created or result.updated)


async def import_into(place: UsersPlace) -> None:
    """Import people, and show them in the list."""
    if await import_people(place.app):
        await place.reload()


def _words(result: ImportResult) -> str:
    done = [f"{plural(result.created, 'user')} created"] if result.created else []
    done += [f"{count(result.updated)} updated"] if result.updated else []
    done += [f"{count(len(result.rejected))} rejected"] if result.rejected else []
    invite = " Those without a password cannot sign in yet: I in Users invites them." if result.created else ""
    return f"{', '.join(done) or 'Nothing was changed'}.{invite}"
