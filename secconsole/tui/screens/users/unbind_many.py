"""Unbinding more users than fit one transaction: in portions under one event, with progress and Stop."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from secconsole.domain.errors import SecconsoleError
from secconsole.operations.approvals import Approval
from secconsole.operations.bypass import BypassIssued
from secconsole.operations.portions import unbind_in_portions
from secconsole.operations.unbinding import Unbind, Unbound
from secconsole.operations.whitelist import NotDone
from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.text.format import count
from secconsole.tui.text.safe import lines
from secconsole.tui.widgets.form_fields import cancel

_STOPPED = "You stopped it."


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an unbinding. `left`: how many were not processed, and `why`."""

    unbound: tuple[Unbound, ...] = ()
    failed: tuple[NotDone, ...] = ()
    event: str = ""
    undo_until: datetime | None = None
    left: int = 0
    why: str = ""
    bypass: BypassIssued | None = None
    asked: Approval | None = None


class BulkDialog(Dialog[Outcome]):
    """Shows the progress.

    Stop finishes the current portion and leaves the rest unchanged.
    """

    def __init__(self, operation: Unbind) -> None:
        self._operation = operation
        self._stopped = False
        super().__init__("Unbinding", lines(*self._words(Outcome())), (), [cancel("Stop")])

    def on_mount(self) -> None:
        self.run_worker(self._run(), exit_on_error=False)

    def action_cancel(self) -> None:
        self._stopped = True
        self.set_body("Stopping after the users in progress.")

    async def _run(self) -> None:
        done, whole = Outcome(), len(self._operation.users)
        try:
            async for part in unbind_in_portions(self.app.perform, self._operation):
                done = Outcome(part.unbound, part.failed, part.event, part.undo_until)
                if self._stopped:
                    break
                self.set_body(lines(*self._words(done)))
        except SecconsoleError as error:
            done = replace(done, why=error.message)
        if left := whole - len(done.unbound) - len(done.failed):
            done = replace(done, left=left, why=done.why or _STOPPED)
        self.dismiss(done)

    def _words(self, done: Outcome) -> tuple[str, str]:
        all_of_them = len(self._operation.users)
        come_to = len(done.unbound) + len(done.failed)
        return (
            f"{count(come_to)} of {count(all_of_them)} users",
            "What is done stays done; the rest can be unbound later.",
        )
