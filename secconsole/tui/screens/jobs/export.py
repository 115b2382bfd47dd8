"""Export of a job's users to a file that only its owner may read."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from secconsole.config import locations
from secconsole.domain.errors import Unavailable
from secconsole.domain.safe_csv import cell, record
from secconsole.operations.jobs import Job, JobItem, ShowJob
from secconsole.operations.paging import pages
from secconsole.operations.portions import Perform
from secconsole.tui.runtime.private_file import open_new
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, ChoiceField, TextField, cancel

FIELDS = ("login", "name", "id", "state", "reason", "at")


class ExportJobDialog(SubmitDialog["Path | None"]):
    """Asks for file and format, and writes the result of a job."""

    has_command = False

    def __init__(self, job: Job, now: datetime) -> None:
        self._job, self._now = job, now
        self._path = self._suggested("csv")
        fields = [
            ChoiceField(
                name="format", label="Format", options=[("csv", "CSV"), ("json", "JSON")], help="Left and right choose."
            ),
            TextField(
                name="path",
                label="File",
                needed=True,
                value=self._path,
                max_length=1000,
                help="Only you will be able to read it.",
            ),
        ]
        super().__init__("Export the job", "", fields, [cancel(), Button("export", "Export")], focus="format")

    def _suggested(self, format: str) -> str:
        name = f"job-{self._job.kind}-{self._now.astimezone():%Y%m%d-%H%M%S}.{format}"
        return str(locations.data_home() / name)

    def on_form_changed(self, event: Form.Changed) -> None:
        if event.name == "format" and event.form.values["path"] == self._path:
            self._path = self._suggested(str(event.value))
            event.form.set_value("path", self._path)

    async def submit(self, button: str, values: Values) -> Path:
        format = str(values["format"])
        items, job = await read_all(self.app.perform, self.app.tenant, self._job.id)
        return await asyncio.to_thread(_write, str(values["path"]), format, job, items)


async def read_all(perform: Perform, tenant: str, job: str) -> tuple[list[JobItem], Job]:
    """Return all users of a job, and the job."""
    query, items = ShowJob(tenant=tenant, job=job), list[JobItem]()
    async for page in pages(lambda at, size: perform(replace(query, cursor=at, limit=size))):
        items += page.items
        last = page.job
    return items, last


def _write(typed: str, format: str, job: Job, items: list[JobItem]) -> Path:
    """Write a new private file and return its path, or leave none on a failure."""
    path, file = open_new(typed, f".{format}", locations.data_home())
    try:
        with file:
            file.write(_json(job, items) if format == "json" else _csv(items))
            file.flush()
            os.fsync(file.fileno())
    # Half an export looks like a whole one, so an interruption removes it as well.
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise Unavailable(f"{path} could not be written: {error.strerror}. It was removed.") from None
        raise
    return path


def _json(job: Job, items: list[JobItem]) -> bytes:
    shown = [replace(item, at=item.at.astimezone(UTC) if item.at else None) for item in items]
    return msgspec.json.encode({"job": job, "items": shown, "next": None}) + b"\n"


def _csv(items: list[JobItem]) -> bytes:
    rows = [record(FIELDS), *(record([cell(getattr(item, name)) for name in FIELDS]) for item in items)]
    return "".join(rows).encode("utf-8", "backslashreplace")
