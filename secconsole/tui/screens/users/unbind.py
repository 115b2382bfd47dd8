"""Unbinding from the console: look first, name the person beyond doubt, do it, say what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from textual import events

from secconsole.domain.errors import Invalid
from secconsole.operations.unbinding import (
    TYPED_ABOVE,
    PreviewUnbind,
    Unbind,
    UnbindPreview,
    added_up,
)
from secconsole.tui.screens.doing_dialog import DoingDialog, Values
from secconsole.tui.screens.users.names import NamesDialog
from secconsole.tui.screens.users.unbind_many import AT_ONCE, BulkDialog, Outcome
from secconsole.tui.screens.users.unbind_words import about_many, about_one, more, names
from secconsole.tui.widgets.form_fields import Button, Field, TextField, cancel
from secconsole.tui.words import plural

if TYPE_CHECKING:
    from secconsole.tui.app import SecConsole


async def preview(app: SecConsole, ids: Sequence[str]) -> UnbindPreview:
    """What unbinding these would do, asked in portions and added up."""
    parts = [
        await app.perform(PreviewUnbind(tenant=app.tenant, users=tuple(ids[start : start + AT_ONCE])))
        for start in range(0, len(ids), AT_ONCE)
    ]
    return added_up(parts)


class UnbindDialog(DoingDialog["Outcome | None"]):
    """Whom it is about is settled by their ids when it opens: nothing that moves below it changes that."""

    def __init__(self, ids: tuple[str, ...], found: UnbindPreview, now: datetime, *, utf8: bool) -> None:
        self._ids, self._found = ids, found
        self._many = len(ids) > 1
        fields: list[Field] = [
            TextField(name="reason", label="Reason", needed=True, help="Others will go by it later."),
            TextField(name="ticket", label="Ticket", max_length=100, help="May stay empty."),
        ]
        self._typed = str(len(ids)) if len(ids) > TYPED_ABOVE else ""
        if self._typed:
            fields.append(TextField(name="number", label=f"Type {self._typed}", needed=True, max_length=12))
        title = f"Unbind {plural(len(ids), 'user')}"
        body = about_many(found, now, len(ids)) if self._many else about_one(found, now, utf8=utf8)
        super().__init__(title, body, fields, [cancel(), Button("unbind", "Unbind", danger=True)], danger=True)

    async def on_key(self, event: events.Key) -> None:
        """On a button, letters begin the reason: lost ones would leave a space after them to press Cancel."""
        if self._many and event.key == "f2":
            event.stop()
            await self.app.push_screen(
                NamesDialog("Who they are", names(self._found, utf8=self.app.terminal.utf8), more(self._found))
            )
        elif self.form.focused_name in ("cancel", "unbind") and event.is_printable and event.key != "space":
            self.form.focus_field("reason")
            self.form.on_key(event)

    async def do(self, button: str, values: Values) -> Outcome | None:
        if self._typed and str(values["number"]).strip().replace(",", "") != self._typed:
            raise Invalid(f"That is not {self._typed}.", "number")
        operation = Unbind(
            tenant=self.app.tenant, users=self._ids, reason=str(values["reason"]), ticket=str(values["ticket"])
        )
        if len(self._ids) > AT_ONCE:
            return await self.app.ask(BulkDialog(operation))
        result = await self.app.perform(operation)
        return Outcome(result.unbound, result.failed, result.event, result.undo_until)
