"""Unbinding more users than one transaction takes: in portions under one event, with progress, and stoppable."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from secconsole.domain.errors import SecconsoleError
from secconsole.operations.unbinding import Unbind, Unbound
from secconsole.operations.whitelist import NotDone
from secconsole.tui.safe_text import lines
from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.widgets.form_fields import cancel
from secconsole.tui.words import count

AT_ONCE = 500
_STOPPED = "You stopped it."


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an unbinding. `left`: how many were not come to, and `why`."""

    unbound: tuple[Unbound, ...] = ()
    failed: tuple[NotDone, ...] = ()
    event: str = ""
    undo_until: datetime | None = None
    left: int = 0
    why: str = ""


class BulkDialog(Dialog[Outcome]):
    """Shows how far it has come; Stop lets the portion under way end and leaves the rest as it is."""

    def __init__(self, operation: Unbind) -> None:
        self._operation = operation
        self._stopped = False
        super().__init__("Unbinding", lines(*self._words(Outcome())), (), [cancel("Stop")])

    def on_mount(self) -> None:
        self.run_worker(self._run(), exit_on_error=False)

    def action_cancel(self) -> None:
        self._stopped = True
        self.set_body("Stopping: the users under way are still done.")

    async def _run(self) -> None:
        done = Outcome()
        users = self._operation.users
        for start in range(0, len(users), AT_ONCE):
            if self._stopped:
                done = replace(done, left=len(users) - start, why=_STOPPED)
                break
            try:
                part = await self.app.perform(
                    replace(self._operation, users=users[start : start + AT_ONCE], event=done.event)
                )
            except SecconsoleError as error:
                done = replace(done, left=len(users) - start, why=error.message)
                break
            done = Outcome(
                done.unbound + part.unbound, done.failed + part.failed, part.event or done.event,
                part.undo_until or done.undo_until,
            )  # fmt: skip
            if not self._stopped:
                self.set_body(lines(*self._words(done)))
        self.dismiss(done)

    def _words(self, done: Outcome) -> tuple[str, str]:
        all_of_them = len(self._operation.users)
        come_to = len(done.unbound) + len(done.failed)
        return (
            f"{count(come_to)} of {count(all_of_them)} users",
            "What is done stays done; the rest can be unbound later.",
        )
