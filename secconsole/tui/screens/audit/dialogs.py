"""Dialogs of the audit: which entries to show, and where to export them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime

from secconsole.domain.errors import Invalid, NotFound
from secconsole.operations.audit import AuditEntry, ListAudit
from secconsole.operations.base import Operation
from secconsole.operations.events import EventGroup
from secconsole.tui.screens.audit import export
from secconsole.tui.screens.audit.export import Export
from secconsole.tui.screens.audit.text import OUTCOMES, Narrowed, in_full
from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.text.entry_commands import operation_of
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, ChoiceField, TextField, cancel

ALL = [("", "all")]
_FORMATS = [("csv", "CSV"), ("json", "JSON"), ("jsonl", "JSON Lines")]
_HOW = "Left and right choose."


class NarrowDialog(SubmitDialog["Narrowed | None"]):
    """Asks which entries to show, with the words of `audit list`."""

    def __init__(self, now: Narrowed, tenant: str) -> None:
        self._tenant = tenant
        groups, outcomes = [(name.value, name.value) for name in EventGroup], [(name, name) for name in OUTCOMES]
        dates = "2027-01-31 or 2027-01-31T18:00, in your zone."
        fields = [
            ChoiceField(name="group", label="What", options=ALL + groups, value=now.group, help=_HOW),
            ChoiceField(name="outcome", label="Outcome", options=ALL + outcomes, value=now.outcome, help=_HOW),
            TextField(name="actor", label="Who", value=now.actor, help="The login of who did it."),
            TextField(name="user", label="User", value=now.user, help="The login of the user it concerns."),
            TextField(name="ticket", label="Ticket", value=now.ticket, max_length=100, help="The whole ticket."),
            TextField(name="address", label="Address", value=now.address, max_length=100, help="As entries show it."),
            TextField(name="since", label="Since", value=now.since, max_length=40, help=dates),
            TextField(name="until", label="Until", value=now.until, max_length=40, help=f"{dates} A day is included."),
        ]
        super().__init__("Show only", "", fields, [cancel(), Button("show", "Show")], focus="group")

    async def submit(self, button: str, values: Values) -> Narrowed:
        narrowed = _narrowed(values)
        query = narrowed.query(self._tenant, "", self.app.clock())
        try:
            await self.app.perform(replace(query, limit=1))  # an unknown user is reported here
        except NotFound as error:
            raise Invalid(error.message, "user") from None
        return narrowed

    async def operation_now(self) -> Operation[object] | None:
        if not self.form.check():
            return None
        try:
            return _narrowed(self.form.values).query(self._tenant, "", self.app.clock())
        except Invalid as error:
            self.form.set_error(error.field or "since", error.message)
            return None


def _narrowed(values: Values) -> Narrowed:
    return Narrowed(**{name: str(values[name]).strip() for name in Narrowed.__dataclass_fields__})


class EntryDialog(Dialog[None]):
    """Shows one entry in full, to be copied as a command where one does the same."""

    def __init__(self, entry: AuditEntry) -> None:
        self._entry = entry
        buttons = [cancel("Close")]
        if operation_of(entry, "") is not None:
            buttons.append(Button("copy", "Copy as command"))
        super().__init__("Audit entry", in_full(entry), (), buttons, focus="cancel")

    async def operation_now(self) -> Operation[object] | None:
        return operation_of(self._entry, self.app.tenant) or await super().operation_now()

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        self.action_copy_command()


class ExportDialog(SubmitDialog["Export | None"]):
    """Asks for file, format and entries of an export."""

    has_command = False

    def __init__(self, shown: ListAudit, now: datetime) -> None:
        self._shown, self._now = shown, now
        everything = ListAudit(tenant=shown.tenant)
        which = [("shown", "those shown now")] if shown != everything else []
        which.append(("all", "all entries"))
        self._path = str(export.suggested_path(shown.tenant, "csv", now))
        fields = [
            ChoiceField(name="format", label="Format", options=_FORMATS, help=_HOW),
            ChoiceField(name="which", label="Which", options=which, value=which[0][0], help=_HOW),
            TextField(
                name="path",
                label="File",
                needed=True,
                value=self._path,
                max_length=1000,
                help="Only you will be able to read it.",
            ),
        ]
        super().__init__("Export the audit", "", fields, [cancel(), Button("export", "Export")], focus="format")

    def on_form_changed(self, event: Form.Changed) -> None:
        if event.name == "format" and event.form.values["path"] == self._path:
            self._path = str(export.suggested_path(self._shown.tenant, str(event.value), self._now))
            event.form.set_value("path", self._path)

    async def submit(self, button: str, values: Values) -> Export:
        query = self._shown if values["which"] == "shown" else ListAudit(tenant=self._shown.tenant)
        path, format = str(values["path"]), str(values["format"])
        return await asyncio.to_thread(export.begin, path, format, replace(query))
