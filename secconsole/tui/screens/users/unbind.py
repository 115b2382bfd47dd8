"""Unbinding: preview the consequences, identify the user beyond doubt, unbind, report the result."""

from __future__ import annotations

from datetime import datetime

from textual import events

from secconsole.domain.errors import Invalid
from secconsole.domain.jobs import JobKind
from secconsole.operations.approvals import Approval, RequestApproval
from secconsole.operations.jobs import Job, StartJob
from secconsole.operations.portions import fits_one_request
from secconsole.operations.unbinding import TYPED_ABOVE, Unbind, UnbindPreview
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.screens.users.names_dialog import NamesDialog
from secconsole.tui.screens.users.unbind_many import UnbindOutcome
from secconsole.tui.screens.users.unbind_text import about_many, about_one, more, names
from secconsole.tui.text.format import plural
from secconsole.tui.widgets.form_fields import Button, Field, TextField, cancel

_BUTTONS = ("cancel", "unbind", "bypass", "ask")


class UnbindDialog(SubmitDialog["UnbindOutcome | None"]):
    """Unbinds the users given by id when it opens, even if the list below it changes.

    `bypass`: minutes of a bypass code that can be issued in the same step, or None.
    """

    def __init__(
        self, ids: tuple[str, ...], found: UnbindPreview, now: datetime, *, utf8: bool, bypass: int | None
    ) -> None:
        self._ids, self._found = ids, found
        self._many = len(ids) > 1
        self._bypass = bypass
        fields: list[Field] = [
            TextField(
                name="reason",
                label="Reason",
                needed=True,
                value=_asked_reason(found),
                help="Others will rely on it later.",
            ),
            TextField(
                name="ticket",
                label="Ticket",
                value=found.approval.ticket if found.approval is not None else "",
                max_length=100,
                help="Optional.",
            ),
        ]
        self._typed = str(len(ids)) if len(ids) > TYPED_ABOVE else ""
        if self._typed:
            fields.append(TextField(name="number", label=f"Type {self._typed}", needed=True, max_length=12))
        title = f"Unbind {plural(len(ids), 'user')}"
        if not self._many and found.targets:  # a low window scrolls the body away
            title += f": {found.targets[0].login}"
        body = about_many(found, now, len(ids)) if self._many else about_one(found, now)
        buttons = [cancel(), Button("unbind", "Unbind", danger=True, main=True)]
        if found.lacks:
            buttons = [cancel(), Button("ask", "Ask for approval")]
        elif self._bypass is not None and not self._many:
            buttons.append(Button("bypass", "Unbind + bypass code", danger=True))
        super().__init__(title, body, fields, buttons, danger=True)

    async def on_key(self, event: events.Key) -> None:
        """On a button, start the reason with letters typed there: dropped ones would leave a space to press Cancel."""
        if self._many and event.key == "f2":
            event.stop()
            await self.app.push_screen(
                NamesDialog("Who they are", names(self._found, utf8=self.app.terminal.utf8), more(self._found))
            )
        elif (
            self.form.focused_name in ("cancel", "unbind", "bypass", "ask")
            and event.is_printable
            and event.key != "space"
        ):
            self.form.focus_field("reason")
            self.form.on_key(event)

    async def submit(self, button: str, values: Values) -> UnbindOutcome | None:
        if self._typed and str(values["number"]).strip().replace(",", "") != self._typed:
            raise Invalid(f"That is not {self._typed}.", "number")
        if button == "ask":
            return UnbindOutcome(asked=await self._ask_approval(values))
        operation = Unbind(
            tenant=self.app.tenant,
            users=self._ids,
            reason=str(values["reason"]),
            ticket=str(values["ticket"]),
            bypass=self._bypass if button == "bypass" else None,
        )
        if not fits_one_request(self._ids):
            return UnbindOutcome(job=await self._start_job(values))
        result = await self.app.perform(operation)
        return UnbindOutcome(
            result.unbound,
            result.failed,
            result.event,
            result.undo_until,
            bypass=result.bypass,
            warning=result.warning,
        )

    async def _start_job(self, values: Values) -> Job:
        return await self.app.perform(
            StartJob(
                tenant=self.app.tenant,
                kind=JobKind.UNBIND,
                users=self._ids,
                reason=str(values["reason"]),
                ticket=str(values["ticket"]),
                expect=len(self._ids),
            )
        )

    async def _ask_approval(self, values: Values) -> Approval:
        return await self.app.perform(
            RequestApproval(
                tenant=self.app.tenant, user=self._ids[0], reason=str(values["reason"]), ticket=str(values["ticket"])
            )
        )


def _asked_reason(found: UnbindPreview) -> str:
    """Return the reason that an approval was asked with, which the unbinding must have too."""
    return found.approval.reason if found.approval is not None else ""
