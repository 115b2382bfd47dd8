"""Result of unbinding many users."""

from __future__ import annotations

from datetime import datetime

from textual import events
from textual.content import Content

from secconsole.operations.base import Operation
from secconsole.operations.unbinding import UndoResult, UndoUnbind
from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.screens.users.names_dialog import NamesDialog
from secconsole.tui.screens.users.unbind_many import UnbindOutcome
from secconsole.tui.text.format import plural, until
from secconsole.tui.text.safe import Part, lines
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, cancel


class OutcomeDialog(Dialog[bool]):
    """Returns True if all of it is to be undone."""

    cancelled = False

    def __init__(self, outcome: UnbindOutcome, now: datetime) -> None:
        self._outcome = outcome
        buttons = [cancel("Close"), Button("undo", "Undo all")] if outcome.unbound else [cancel("Close")]
        super().__init__("Done", _words(outcome, now), (), buttons)

    async def operation_now(self) -> Operation[object] | None:
        if not self._outcome.unbound:
            return await super().operation_now()
        return UndoUnbind(tenant=self.app.tenant, event=self._outcome.event)

    async def on_key(self, event: events.Key) -> None:
        if event.key == "d" and self._outcome.failed:
            event.stop()
            rows = [(failed.login, "", failed.reason) for failed in self._outcome.failed]
            await self.app.push_screen(NamesDialog("Not unbound", rows))
        elif event.key == "x" and self._outcome.unbound:
            event.stop()
            self.dismiss(True)

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        self.dismiss(True)


def _words(outcome: UnbindOutcome, now: datetime) -> Content:
    rows: list[Part] = [(f"{plural(len(outcome.unbound), 'user')} unbound", "bold")]
    if outcome.failed:
        rows.append(f"{plural(len(outcome.failed), 'user')} not: d lists them with the reasons")
    if outcome.undo_until is not None:
        rows += ["", f"x undoes all of it until {until(outcome.undo_until, now)}."]
    return lines(*rows)


def undone_words(result: UndoResult) -> str:
    """Return a message about an undone unbinding."""
    done = len(result.restored)
    who = f"{result.restored[0].login} is" if done == 1 else f"{plural(done, 'user')} are"
    message = f"{who} bound again, with the same phone." if done else "No user was bound again."
    if result.failed:
        first = result.failed[0]
        message += f" {plural(len(result.failed), 'user')} not: {first.login}: {first.reason}"
    return message
