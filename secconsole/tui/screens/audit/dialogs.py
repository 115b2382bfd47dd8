"""What is asked about the audit: which entries to show, and where to write them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime

from secconsole.operations.audit import ListAudit
from secconsole.tui import audit_export
from secconsole.tui.audit_export import Export
from secconsole.tui.screens.audit.words import GROUPS, OUTCOMES, Narrowed
from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.screens.doing_dialog import DoingDialog, Values
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, ChoiceField, TextField, cancel

ALL = [("", "all")]
_HOW = "Left and right choose."


class NarrowDialog(Dialog["Narrowed | None"]):
    """Which entries to show."""

    def __init__(self, now: Narrowed) -> None:
        groups, outcomes = [(name, name) for name in GROUPS], [(name, name) for name in OUTCOMES]
        fields = [
            ChoiceField(name="group", label="What", options=ALL + groups, value=now.group, help=_HOW),
            ChoiceField(name="outcome", label="Outcome", options=ALL + outcomes, value=now.outcome,
                        help=_HOW),
        ]  # fmt: skip
        super().__init__("Show only", "", fields, [cancel(), Button("show", "Show")], focus="group")

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        self.dismiss(Narrowed(str(event.values["group"]), str(event.values["outcome"])))


class ExportDialog(DoingDialog["Export | None"]):
    """Where to, as what, and which entries."""

    def __init__(self, shown: ListAudit, now: datetime) -> None:
        self._shown, self._now = shown, now
        everything = ListAudit(tenant=shown.tenant)
        which = [("all", "all entries")] + ([("shown", "those shown now")] if shown != everything else [])
        self._path = str(audit_export.suggested_path(shown.tenant, "csv", now))
        fields = [
            ChoiceField(name="format", label="Format", options=[("csv", "CSV"), ("json", "JSON")], help=_HOW),
            ChoiceField(name="which", label="Which", options=which, help=_HOW),
            TextField(name="path", label="File", needed=True, value=self._path, max_length=1000,
                      help="Only you will be able to read it."),
        ]  # fmt: skip
        super().__init__("Export the audit", "", fields, [cancel(), Button("export", "Export")], focus="format")

    def on_form_changed(self, event: Form.Changed) -> None:
        if event.name == "format" and event.form.values["path"] == self._path:
            self._path = str(audit_export.suggested_path(self._shown.tenant, str(event.value), self._now))
            event.form.set_value("path", self._path)

    async def do(self, button: str, values: Values) -> Export:
        query = self._shown if values["which"] == "shown" else ListAudit(tenant=self._shown.tenant)
        path, format = str(values["path"]), str(values["format"])
        return await asyncio.to_thread(audit_export.begin, path, format, replace(query))
