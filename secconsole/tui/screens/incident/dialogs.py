"""Dialogs of the steps: what it does, the organisation's name typed to confirm, progress, and the window."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.content import Content

from secconsole.domain.errors import Invalid, SecconsoleError
from secconsole.domain.limits import LONGEST_OVERLAP, LONGEST_REASON
from secconsole.domain.roles import Role
from secconsole.operations.incident import (
    AllSessionsEnded,
    EndTenantSessions,
    Freeze,
    FreezeSignIns,
    RoleCount,
    ThawSignIns,
)
from secconsole.operations.portions import end_all_in_portions
from secconsole.operations.secret_keys import NewSecretKeys, RotateSecretKeys
from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.screens.incident.text import WINDOWS
from secconsole.tui.screens.pick_dialog import PickDialog
from secconsole.tui.screens.submit_dialog import SubmitDialog, T, Values
from secconsole.tui.screens.typed_name import check_name, name_field
from secconsole.tui.text.format import count
from secconsole.tui.text.safe import lines
from secconsole.tui.widgets.form_fields import Button, CheckField, Field, NumberField, TextField, cancel
from secconsole.tui.widgets.pick_list import Pick, PickList


class StepDialog(SubmitDialog[T]):
    """Base of the dialogs of steps that need the organisation's name.

    Subclasses take the step in `take`.
    """

    def __init__(self, title: str, body: Content, label: str, tenant: str, fields: list[Field]) -> None:
        self._tenant = tenant
        buttons = [cancel(), Button("do", label, danger=True)]
        super().__init__(title, body, [*fields, name_field(tenant)], buttons, danger=True)

    async def submit(self, button: str, values: Values) -> T:
        check_name(values, self._tenant)
        return await self.take(values)

    async def take(self, values: Values) -> T:
        """Take the step."""
        raise NotImplementedError


class FreezeDialog(StepDialog["Freeze | None"]):
    def __init__(self, body: Content, tenant: str) -> None:
        reason = TextField(name="reason", label="Reason", max_length=LONGEST_REASON, help="For the audit.")
        super().__init__("Freeze sign-ins", body, "Freeze", tenant, [reason])

    async def take(self, values: Values) -> Freeze | None:
        return await self.app.perform(FreezeSignIns(tenant=self._tenant, reason=str(values["reason"]).strip()))


class ThawDialog(SubmitDialog["Freeze | None"]):
    """Thaws: it destroys nothing, so no name is typed."""

    def __init__(self, body: Content) -> None:
        reason = TextField(name="reason", label="Reason", max_length=LONGEST_REASON, help="For the audit.")
        super().__init__("Thaw sign-ins", body, [reason], [cancel(), Button("do", "Thaw")], focus="cancel")

    async def submit(self, button: str, values: Values) -> Freeze | None:
        return await self.app.perform(ThawSignIns(tenant=self.app.tenant, reason=str(values["reason"]).strip()))


class EndAllDialog(StepDialog["AllSessionsEnded | None"]):
    def __init__(self, body: Content, tenant: str) -> None:
        mine = CheckField(name="own", label="Mine", text="ends too, after all others", help="Space changes it.")
        super().__init__("End all sessions and tokens", body, "End all", tenant, [mine])

    async def take(self, values: Values) -> AllSessionsEnded | None:
        operation = EndTenantSessions(tenant=self._tenant, own=bool(values["own"]))
        first = await self.app.perform(operation)  # asks for password and factor if needed
        if not first.left:
            return first
        ended: AllSessionsEnded = await self.app.ask(EndingDialog(operation, first))
        return ended


class EndingDialog(Dialog[AllSessionsEnded]):
    """Shows the progress.

    Stop leaves the rest open, and the step can be repeated.
    """

    def __init__(self, operation: EndTenantSessions, done: AllSessionsEnded) -> None:
        self._operation, self._done = operation, done
        self._stopped = False
        super().__init__("Ending", self._words(), (), [cancel("Stop")])

    def on_mount(self) -> None:
        self.run_worker(self._run(), exit_on_error=False)

    def action_cancel(self) -> None:
        self._stopped = True
        self.set_body("Stopping after those under way.")

    async def _run(self) -> None:
        try:
            async for done in end_all_in_portions(self.app.perform, self._operation, self._done):
                self._done = done
                if self._stopped:
                    break
                self.set_body(self._words())
        except SecconsoleError as error:
            self.app.work_failed(error)
        self.dismiss(self._done)

    def _words(self) -> Content:
        ended = self._done.sessions + self._done.tokens
        return lines(
            f"{count(ended)} of {count(ended + self._done.left)} sessions and tokens", "What has ended stays ended."
        )


class RotateDialog(StepDialog["NewSecretKeys | None"]):
    def __init__(self, body: Content, tenant: str) -> None:
        text = f"0 to {LONGEST_OVERLAP} that the old keys keep working; 0 after a leak."
        hours = NumberField(name="hours", label="Overlap, hours", digits=2, help=text)
        super().__init__("Rotate all secret keys", body, "Rotate", tenant, [hours])

    async def take(self, values: Values) -> NewSecretKeys | None:
        hours = int(str(values["hours"]) or "0")
        if hours > LONGEST_OVERLAP:
            raise Invalid(f"At most {LONGEST_OVERLAP} hours.", "hours")
        return await self.app.perform(RotateSecretKeys(tenant=self._tenant, overlap_hours=hours))


class WindowDialog(PickDialog["str | None"]):
    """Returns the name of a window."""

    def __init__(self) -> None:
        super().__init__("Window", "How far back to look.", [Pick(name, name) for name, _ in WINDOWS])

    def on_pick_list_picked(self, event: PickList.Picked) -> None:
        event.stop()
        self.dismiss(event.value)


class RoleDialog(PickDialog["Role | None"]):
    """Returns the role whose users a step is about.

    `number`: how many of its users the step affects, in words.
    """

    def __init__(self, title: str, roles: Sequence[RoleCount], number: Callable[[RoleCount], str]) -> None:
        picks = [Pick(each.role.value, str(each.role), number(each)) for each in roles]
        super().__init__(title, "Whose? Each role is a separate job.", picks)

    def on_pick_list_picked(self, event: PickList.Picked) -> None:
        event.stop()
        self.dismiss(Role(event.value))
