"""Undoing an unbinding, for one user or for all users affected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from secconsole.operations.unbinding import UndoResult, UndoUnbind
from secconsole.operations.users import Undoable, UserDetail
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.text.about import about
from secconsole.tui.text.format import exact, moment, plural, until
from secconsole.tui.text.safe import Part, join, lines
from secconsole.tui.widgets.form_fields import Button, TextField, cancel


@dataclass(frozen=True, slots=True)
class Bulk:
    """An unbinding of many users done from this console."""

    event: str
    users: int
    undo_until: datetime


class UndoDialog(SubmitDialog["UndoResult | None"]):
    """Undoes the unbinding of one user, of all, or asks which if both were the same unbinding."""

    def __init__(self, detail: UserDetail | None, undo: Undoable | None, bulk: Bulk | None, now: datetime) -> None:
        self._user = detail.user if detail is not None and undo is not None else None
        self._event = undo.event if undo is not None else bulk.event if bulk is not None else ""
        both = bulk is not None and bulk.event == self._event
        buttons = [cancel()]
        if self._user is not None:
            buttons.append(Button("one", f"Undo for {self._user.login}" if both else "Undo", main=True))
        if bulk is not None and both:
            buttons.append(Button("all", f"Undo all {bulk.users:,}"))
        text = _about(undo, bulk if both else None, now)
        body = about(detail, *text) if detail is not None and undo is not None else lines(*text)
        reason = TextField(name="reason", label="Reason", needed=True, help="Others will rely on it later.")
        super().__init__("Undo an unbinding", body, [reason], buttons, focus="reason")

    async def submit(self, button: str, values: Values) -> UndoResult | None:
        # No users means all of the event.
        users = (self._user.id,) if button == "one" and self._user is not None else ()
        reason = str(values["reason"])
        return await self.app.perform(UndoUnbind(tenant=self.app.tenant, event=self._event, users=users, reason=reason))


def _about(undo: Undoable | None, bulk: Bulk | None, now: datetime) -> list[Part]:
    rows: list[Part] = []
    if undo is not None:
        rows += [
            f"Unbound by {undo.by} {moment(undo.at, now)} ({exact(undo.at)})",
            join(("Reason  ", "$muted"), undo.reason),
            *([join(("Ticket  ", "$muted"), undo.ticket)] if undo.ticket else []),
            "",
        ]
    if bulk is not None:
        rows.append(f"That unbinding affected {plural(bulk.users, 'user')}.")
    end = undo.until if undo is not None else bulk.undo_until if bulk is not None else now
    rows += [
        "The same factors and recovery codes work again at once.",
        "Sessions and tokens that ended stay ended; newer ones end too.",
        f"Can be undone until {until(end, now)}.",
    ]
    return rows
