"""Export of a list as it is shown, to a file that only its owner may read: CSV without formulas, or JSON."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import msgspec

from secconsole.config import locations
from secconsole.domain.errors import SecconsoleError, Unavailable
from secconsole.domain.safe_csv import cell, record
from secconsole.tui.runtime.private_file import open_new
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.text.format import count
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, ChoiceField, TextField, cancel

FORMATS = (("csv", "CSV"), ("json", "JSON"))


@dataclass(frozen=True, slots=True)
class ListFile:
    """A new file, empty and private, for the rows of a list."""

    path: Path
    file: BinaryIO
    format: str


class ListExportDialog(SubmitDialog["ListFile | None"]):
    """Asks for format and file."""

    has_command: ClassVar[bool] = False

    def __init__(self, title: str, what: str, name: str, now: datetime) -> None:
        self._list_name, self._now = name, now
        self._path = self._suggested("csv")
        fields = [
            ChoiceField(name="format", label="Format", options=FORMATS, help="left and right choose"),
            TextField(
                name="path",
                label="File",
                needed=True,
                value=self._path,
                max_length=1000,
                help="Only you will be able to read it.",
            ),
        ]
        super().__init__(title, what, fields, [cancel(), Button("export", "Export")], focus="format")

    def _suggested(self, format: str) -> str:
        return str(locations.data_home() / f"{self._list_name}-{self._now.astimezone():%Y%m%d-%H%M%S}.{format}")

    def on_form_changed(self, event: Form.Changed) -> None:
        if event.name == "format" and event.form.values["path"] == self._path:
            self._path = self._suggested(str(event.value))
            event.form.set_value("path", self._path)

    async def submit(self, button: str, values: Values) -> ListFile:
        format = str(values["format"])
        path, file = await asyncio.to_thread(open_new, str(values["path"]), f".{format}", locations.data_home())
        return ListFile(path, file, format)


async def export_list(
    place: Any, title: str, what: str, name: str, columns: Sequence[str], pages: Callable[[], AsyncIterator[Any]]
) -> None:
    """Ask for a file and write all rows of a list to it.

    `pages` yields them in order, a sequence at a time. `columns`: their fields, in the order of a CSV.
    """
    app = place.app
    # Names of filters are typed by users and must not lead to another folder.
    safe_name = "".join(char if char.isalnum() or char in "-_" else "-" for char in f"{name}-{app.tenant}")
    target: ListFile | None = await app.ask(ListExportDialog(title, what, safe_name, app.clock()))
    if target is None:
        return
    try:
        written = await write_rows(target, columns, pages())
    except SecconsoleError as error:
        app.work_failed(error)
    else:
        app.notify_done(f"{count(written)} written to {target.path}\nOnly you can read it.")


async def write_rows(target: ListFile, columns: Sequence[str], pages: AsyncIterator[Sequence[object]]) -> int:
    """Write all rows and return their number.

    Remove the file on any failure.
    """
    done = 0
    try:
        with target.file as file:
            file.write(_line(columns) if target.format == "csv" else b'{"items":[')
            async for rows in pages:
                await asyncio.to_thread(file.write, _encoded(rows, columns, target.format, first=not done))
                done += len(rows)
            file.write(b"" if target.format == "csv" else b'],"next":null}\n')
            await asyncio.to_thread(_finish, file)
    except BaseException as error:
        target.path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise Unavailable(f"{target.path} could not be written: {error.strerror}. It was removed.") from None
        raise
    return done


def _encoded(rows: Sequence[object], columns: Sequence[str], format: str, *, first: bool) -> bytes:
    if format == "csv":
        return b"".join(_line([cell(getattr(row, name)) for name in columns]) for row in rows)
    text = b",".join(msgspec.json.encode({name: getattr(row, name) for name in columns}) for row in rows)
    return text if first or not rows else b"," + text


def _finish(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _line(cells: Sequence[str]) -> bytes:
    return record(cells).encode("utf-8", "backslashreplace")
