"""Checking a caller: a code from an address on record, or from their own app, typed as they read it out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from secconsole.domain.errors import Invalid
from secconsole.domain.secret import Secret
from secconsole.operations.caller_check import (
    CallerCheck,
    CallerCheckStarted,
    CallerCheckState,
    CallerVerdict,
    CallerWay,
    ConfirmCallerCheck,
    ShowCallerCheck,
    StartCallerCheck,
)
from secconsole.operations.users import UserRow
from secconsole.tui.actions import Action
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.screens.users.dialogs import about
from secconsole.tui.text.format import ago
from secconsole.tui.text.safe import Part
from secconsole.tui.text.users import channel_words, checked_words
from secconsole.tui.widgets.form_fields import Button, ChoiceField, CodeField, cancel

NEVER_DICTATED = "Only to what is on record, never to an address that the caller names."


class StartCheckDialog(SubmitDialog["CallerCheckStarted | None"]):
    """Asks where the code should come from, and sends it."""

    def __init__(self, user: UserRow, found: CallerCheckState, now: datetime) -> None:
        self._user = user
        said: list[Part] = [f"The caller reads out a code from their app or from a message. {NEVER_DICTATED}"]
        if found.check is not None and found.check.confirmed is not None:
            said.append((f"Caller {checked_words(found.check, now)}.", "$status-bound"))
        said += [(f"{_way_words(way)}: {_why(way, now)}", "$status-pending") for way in found.ways if _why(way, now)]
        options = [(way.id, _way_words(way)) for way in found.ways if not way.problem]
        fields = [ChoiceField(name="way", label="By", options=options, help="left and right choose")] if options else []
        buttons = [cancel(), Button("start", "Start")] if options else [cancel("Close")]
        focus = "way" if options else "cancel"
        super().__init__(f"Check the caller: {user.login}", about(user, *said), fields, buttons, focus=focus)

    async def submit(self, button: str, values: Values) -> CallerCheckStarted | None:
        operation = StartCallerCheck(tenant=self.app.tenant, user=self._user.id, way=str(values["way"]))
        return await self.app.perform(operation)


class ConfirmCheckDialog(SubmitDialog["CallerCheck | None"]):
    """Takes the code that the caller reads out, until it is right or the check is over."""

    def __init__(self, user: UserRow, started: CallerCheckStarted) -> None:
        self._user = user
        said: list[Part] = [started.message]
        if started.check is not None and started.check.recent:
            said.append(("That address changed in the last 24 hours: the caller may have changed it.", "$danger"))
        fields = [CodeField(name="code", label="Code", needed=True, prefix=started.prefix)]
        buttons = [cancel(), Button("confirm", "Check")]
        super().__init__(f"Check the caller: {user.login}", about(user, *said), fields, buttons, focus="code")

    async def submit(self, button: str, values: Values) -> CallerCheck | None:
        code = Secret(str(values["code"]))
        verdict: CallerVerdict = await self.app.perform(
            ConfirmCallerCheck(tenant=self.app.tenant, user=self._user.id, code=code)
        )
        if not verdict.accepted and verdict.check is not None:
            raise Invalid(verdict.message, "code")
        if not verdict.accepted:
            self.app.notify_refused(verdict.message)
        return verdict.check


def _way_words(way: CallerWay) -> str:
    return channel_words(way.channel, way.masked)


def _why(way: CallerWay, now: datetime) -> str:
    if way.problem:
        return way.problem
    return f"changed {ago(way.changed, now)}, so be careful" if way.changed is not None else ""


async def check_caller(place: Any) -> None:
    """Check who calls about the user under the cursor."""
    app, user = place.app, place.person_at_cursor()
    found = await app.perform(ShowCallerCheck(tenant=app.tenant, user=user.id))
    if not found.ways:
        app.forget_typed()
        app.notify_refused(found.message)
        return
    started = await app.ask(StartCheckDialog(user, found, app.clock()))
    if started is None:
        return
    if started.check is None:
        app.notify_refused(started.message)
        return
    check = await app.ask(ConfirmCheckDialog(user, started))
    if check is not None:
        app.notify_done(f"{user.login}: the caller is {checked_words(check, app.clock())}.")


ACTION = Action(
    "users.check-caller", "Check caller", "c", "Check who is calling, by a code from what is on record or their app.",
    StartCallerCheck, priority=2, command="secconsole caller-check start LOGIN", acts_on="one", run=check_caller,
)  # fmt: skip
