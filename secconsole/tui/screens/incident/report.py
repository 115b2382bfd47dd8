"""Writing of the report to a file that only its owner can read."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

import msgspec

from secconsole.config import locations
from secconsole.config.dates import local_words
from secconsole.domain.secret import Secret
from secconsole.operations.incident import IncidentReport, ReportIncident
from secconsole.operations.incident_text import markdown
from secconsole.operations.portions import whole_report
from secconsole.tui.runtime.private_file import write_secret
from secconsole.tui.screens.incident.incident_view import IncidentView
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.text.format import plural
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, ChoiceField, TextField, cancel

_ENDINGS = {"markdown": "md", "json": "json"}


class ReportDialog(SubmitDialog["tuple[Path, int] | None"]):
    """Asks for format and file, writes the report, and returns the path and the number of entries."""

    has_command = False

    def __init__(self, tenant: str, since: datetime, window: str, now: datetime) -> None:
        self._tenant, self._since, self._now = tenant, since, now
        self._path = self._suggested("md")
        formats = [("markdown", "Markdown"), ("json", "JSON")]
        fields = [
            ChoiceField(name="format", label="Format", options=formats, help="Left and right choose."),
            TextField(
                name="path",
                label="File",
                needed=True,
                value=self._path,
                max_length=1000,
                help="Only you will be able to read it.",
            ),
        ]
        body = f"Who did what and when, {window}, from the audit."
        super().__init__("Report", body, fields, [cancel(), Button("write", "Write")], focus="format")

    def _suggested(self, ending: str) -> str:
        name = "".join(c if c.isalnum() or c in "-_" else "-" for c in self._tenant)
        return str(locations.data_home() / f"incident-{name}-{self._now.astimezone():%Y%m%d-%H%M%S}.{ending}")

    def on_form_changed(self, event: Form.Changed) -> None:
        if event.name == "format" and event.form.values["path"] == self._path:
            self._path = self._suggested(_ENDINGS[str(event.value)])
            event.form.set_value("path", self._path)

    async def submit(self, button: str, values: Values) -> tuple[Path, int]:
        format = str(values["format"])
        report = await whole_report(self.app.perform, ReportIncident(tenant=self._tenant, since=self._since))
        text = Secret(_written(report, format))
        path = await asyncio.to_thread(write_secret, str(values["path"]), f".{_ENDINGS[format]}", text)
        return path, len(report.items)


def _written(report: IncidentReport, format: str) -> str:
    if format == "markdown":
        return markdown(report, local_words)
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"


async def write_report(place: IncidentView) -> None:
    """Write the report of the window shown."""
    app = place.app
    written = await app.ask(ReportDialog(app.tenant, place.since, place.window, app.clock()))
    if written is not None:
        path, number = written
        app.notify_done(f"{plural(number, 'entry', 'entries')} written to {path}\nOnly you can read it.")
