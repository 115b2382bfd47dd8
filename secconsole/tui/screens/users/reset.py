"""Reset of a user who calls: one dialog with the check of the caller, the consequences, and all that is done."""

from __future__ import annotations

from datetime import datetime

from textual import events

from secconsole.domain.helpdesk import ApprovalKind, PasswordChange
from secconsole.domain.roles import Permission, Role, may, outranks
from secconsole.operations.approvals import Approval, RequestApproval
from secconsole.operations.portions import preview_unbinding
from secconsole.operations.reset import ResetResult, ResetUser
from secconsole.operations.unbinding import UnbindPreview
from secconsole.operations.users import UserRow
from secconsole.tui.actions import Action
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.screens.users import bypass
from secconsole.tui.screens.users.caller_check import Draft, check
from secconsole.tui.screens.users.one_time_password import OneTimePasswordDialog
from secconsole.tui.screens.users.unbind_text import about_one
from secconsole.tui.screens.users.users_place import UsersPlace
from secconsole.tui.text.format import until
from secconsole.tui.text.users import asked_words
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, CheckField, ChoiceField, Field, TextField, cancel

_BUTTONS = ("cancel", "check", "ask", "reset")


class ResetCallerDialog(SubmitDialog["ResetResult | Approval | Draft | None"]):
    """Resets one user, asks for approval, or returns what was typed so far in order to check the caller first.

    `minutes`: of a bypass code, None if the actor may not issue one for this user.
    """

    def __init__(
        self, found: UnbindPreview, draft: Draft, role: Role, now: datetime, *, utf8: bool, minutes: int | None
    ) -> None:
        target = found.targets[0]
        self._user, self._minutes = target.id, minutes
        asked = found.approval
        fields: list[Field] = [
            TextField(
                name="reason",
                label="Reason",
                needed=True,
                value=draft.reason or (asked.reason if asked else ""),
                help="Others will rely on it later.",
            ),
            TextField(
                name="ticket",
                label="Ticket",
                value=draft.ticket or (asked.ticket if asked else ""),
                max_length=100,
                help="Optional.",
            ),
            ChoiceField(
                name="password",
                label="Password",
                options=_passwords(found, role),
                value=PasswordChange.KEEP,
                help=target.no_password_mail or "left and right choose",
            ),
        ]
        if minutes is not None:
            fields.append(CheckField(name="bypass", label="Bypass", text=f"a code for one sign-in, {minutes:,} min"))
        act = Button("ask", "Ask for approval") if found.lacks else Button("reset", "Reset", danger=True)
        buttons = [cancel(), Button("check", "Check caller", free=True), act]
        body = about_one(found, now, unchecked="not checked")
        super().__init__(f"Reset: {target.login}", body, fields, buttons, focus="reason", danger=True)

    def on_form_submitted(self, event: Form.Submitted) -> None:
        """Leave the dialog for a check.

        The handler of the base class also runs, unless it is prevented.
        """
        if event.button == "check":
            event.stop()
            event.prevent_default()
            self.dismiss(Draft(str(event.values["reason"]), str(event.values["ticket"])))

    async def on_key(self, event: events.Key) -> None:
        """On a button, continue the reason with letters typed there."""
        if self.form.focused_name in _BUTTONS and event.is_printable and event.key != "space":
            self.form.focus_field("reason")
            self.form.on_key(event)

    async def submit(self, button: str, values: Values) -> ResetResult | Approval:
        tenant, reason, ticket = self.app.tenant, str(values["reason"]), str(values["ticket"])
        password = PasswordChange(str(values["password"]))
        if button == "ask":
            kind = ApprovalKind.UNBIND if password is PasswordChange.KEEP else ApprovalKind.RESET
            wanted = RequestApproval(tenant=tenant, user=self._user, reason=reason, ticket=ticket, kind=kind)
            return await self.app.perform(wanted)
        minutes = self._minutes if values.get("bypass") else None
        return await self.app.perform(
            ResetUser(tenant=tenant, user=self._user, reason=reason, ticket=ticket, password=password, bypass=minutes)
        )


def _passwords(found: UnbindPreview, role: Role) -> list[tuple[str, str]]:
    """Return the changes of the password that are possible, with their words."""
    options = [(str(PasswordChange.KEEP), "stays as it is")]
    if found.targets[0].password_mail:
        options.append((str(PasswordChange.MAIL), f"mail a new one to {found.targets[0].password_mail}"))
    if may(role, Permission.MANAGE_USERS):
        options.append((str(PasswordChange.SHOW), "show a new one once"))
    return options


async def reset(place: UsersPlace) -> None:
    """Reset the user under the cursor."""
    app, user, draft = place.app, place.person_at_cursor(), Draft()
    # Again after each check of the caller: it changes what the reset may do, and the user may have changed.
    while True:
        found = await preview_unbinding(app.perform, app.tenant, (user.id,))
        if not found.targets:
            # What was typed ahead was meant for the dialog. Here each letter is a command.
            app.forget_typed()
            app.notify_refused(found.failed[0].reason)
            return
        role = app.identity.role
        minutes = bypass.usual_minutes(app) if outranks(role, user.role) else None
        dialog = ResetCallerDialog(found, draft, role, app.clock(), utf8=app.terminal.utf8, minutes=minutes)
        done = await app.ask(dialog)
        if not isinstance(done, Draft):
            break
        draft = done
        await check(app, user, draft)
    await _report(place, user, done)


async def _report(place: UsersPlace, user: UserRow, done: ResetResult | Approval | None) -> None:
    app, now = place.app, place.app.clock()
    if done is None:
        app.notify_done("Nothing was reset.")
        return
    if isinstance(done, Approval):
        app.notify_done(asked_words(done, now))
        return
    await place.reload()
    if done.password is not None:
        await app.ask(OneTimePasswordDialog(user, done.password))
    if done.bypass is not None:
        await app.ask(bypass.BypassCodeDialog(done.bypass, now))
    app.notify_done(_done_words(done, now))


def _done_words(done: ResetResult, now: datetime) -> str:
    said = [f"{done.login} is reset."]
    if done.mailed and done.password_until is not None:
        said.append(f"A first-time password is on its way to {done.mailed}, until {until(done.password_until, now)}.")
    if done.undo_until is not None:
        said.append(f"x restores the factors until {until(done.undo_until, now)}.")
    return " ".join([*said, *([done.warning] if done.warning else [])])


ACTION = Action(
    "users.reset",
    "Reset",
    "R",
    "Reset a user who calls: factors, sessions, tokens, recovery codes, and the password.",
    ResetUser,
    dangerous=True,
    priority=1,
    command="secconsole reset LOGIN --reason TEXT",
    acts_on="one",
    run=reset,
)
