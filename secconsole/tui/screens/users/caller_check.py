"""Checking a caller: a code from an address on record, or from their own app, typed as they read it out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from secconsole.domain.errors import Invalid
from secconsole.domain.helpdesk import ApprovalKind, recent_words
from secconsole.domain.model import FactorKind
from secconsole.domain.secret import Secret
from secconsole.operations.approvals import Approval, RequestApproval
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
from secconsole.operations.users import ShowUser, UserDetail, UserRow
from secconsole.tui.actions import Action
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.screens.users.users_place import UsersPlace
from secconsole.tui.text.about import about
from secconsole.tui.text.format import ago
from secconsole.tui.text.safe import Part
from secconsole.tui.text.users import asked_words, channel_words, checked_words
from secconsole.tui.widgets.form_fields import Button, ChoiceField, CodeField, TextField, cancel

if TYPE_CHECKING:
    from secconsole.tui.console import Console

NOTHING = "Nothing is on record that a code could go to, and no app is bound."
NEVER_DICTATED = "Only to what is on record, never to an address that the caller names."


@dataclass(frozen=True, slots=True)
class Draft:
    """Reason and ticket as typed so far."""

    reason: str = ""
    ticket: str = ""


class StartCheckDialog(SubmitDialog["CallerCheckStarted | Approval | None"]):
    """Asks where the code should come from, and sends it.

    Without a way to check the caller, it asks a second person instead.
    """

    def __init__(self, detail: UserDetail, found: CallerCheckState, now: datetime, draft: Draft) -> None:
        self._user = user = detail.user
        if not any(not way.problem for way in found.ways):
            self._ask_instead(detail, found, draft)
            return
        said: list[Part] = [f"The caller reads out a code from their app or from a message. {NEVER_DICTATED}"]
        if found.check is not None and found.check.confirmed is not None:
            said.append((f"Caller {checked_words(found.check, now)}.", "$status-bound"))
        said += [(f"{_way_words(way)}: {_why(way, now)}", "$status-pending") for way in found.ways if _why(way, now)]
        options = [(way.id, _way_words(way)) for way in found.ways if not way.problem]
        fields = [ChoiceField(name="way", label="By", options=options, help="left and right choose")]
        buttons = [cancel(), Button("start", "Start")]
        super().__init__(f"Check the caller: {user.login}", about(detail, *said), fields, buttons, focus="way")

    def _ask_instead(self, detail: UserDetail, found: CallerCheckState, draft: Draft) -> None:
        said: list[Part] = [(f"{_way_words(way)}: {way.problem}", "$status-pending") for way in found.ways]
        body = about(detail, *said, NOTHING, "Another operator has to approve the reset. They see your reason.")
        fields = [
            TextField(
                name="reason", label="Reason", needed=True, value=draft.reason, help="The reset must have it too."
            ),
            TextField(name="ticket", label="Ticket", value=draft.ticket, max_length=100, help="Optional."),
        ]
        buttons = [cancel("Close"), Button("ask", "Ask a second person")]
        super().__init__(f"Check the caller: {detail.user.login}", body, fields, buttons, focus="reason")

    async def submit(self, button: str, values: Values) -> CallerCheckStarted | Approval | None:
        if button == "ask":
            return await self.app.perform(
                RequestApproval(
                    tenant=self.app.tenant,
                    user=self._user.id,
                    reason=str(values["reason"]),
                    ticket=str(values["ticket"]),
                    kind=ApprovalKind.RESET,
                )
            )
        operation = StartCallerCheck(tenant=self.app.tenant, user=self._user.id, way=str(values["way"]))
        return await self.app.perform(operation)


class ConfirmCheckDialog(SubmitDialog["CallerCheck | None"]):
    """Takes the code that the caller reads out, until it is right or the check is over."""

    def __init__(self, detail: UserDetail, started: CallerCheckStarted) -> None:
        self._user = user = detail.user
        said: list[Part] = [started.message]
        if started.check is not None and started.check.recent:
            said.append((recent_words(started.check.channel), "$danger"))
        fields = [CodeField(name="code", label="Code", needed=True, prefix=started.prefix)]
        buttons = [cancel(), Button("confirm", "Check")]
        super().__init__(f"Check the caller: {user.login}", about(detail, *said), fields, buttons, focus="code")

    async def submit(self, button: str, values: Values) -> CallerCheck | None:
        code = Secret(str(values["code"]))
        verdict: CallerVerdict = await self.app.perform(
            ConfirmCallerCheck(tenant=self.app.tenant, user=self._user.id, code=code)
        )
        # While the check is open, another code may be tried in place.
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
    did = "bound" if way.channel is FactorKind.TOTP else "set"
    return f"{did} {ago(way.changed, now)}, so be careful" if way.changed is not None else ""


async def check_caller(place: UsersPlace) -> None:
    """Check who calls about the user under the cursor."""
    await check(place.app, place.person_at_cursor(), Draft())


async def check(app: Console, user: UserRow, draft: Draft) -> None:
    """Check who calls about a user, or ask a second person where nothing is on record."""
    found, detail = await asyncio.gather(
        app.perform(ShowCallerCheck(tenant=app.tenant, user=user.id)),
        app.perform(ShowUser(tenant=app.tenant, user=user.id)),
    )
    started = await app.ask(StartCheckDialog(detail, found, app.clock(), draft))
    if started is None:
        return
    if isinstance(started, Approval):
        app.notify_done(asked_words(started, app.clock()))
        return
    if started.check is None:
        app.notify_refused(started.message)
        return
    checked = await app.ask(ConfirmCheckDialog(detail, started))
    if checked is not None:
        app.notify_done(f"{user.login}: the caller is {checked_words(checked, app.clock())}.")


ACTION = Action(
    "users.check-caller",
    "Check caller",
    "c",
    "Check who is calling, by a code from what is on record or their app.",
    StartCallerCheck,
    priority=2,
    command="secconsole caller-check start LOGIN",
    acts_on="one",
    run=check_caller,
)
