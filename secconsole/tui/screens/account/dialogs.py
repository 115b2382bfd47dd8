"""Dialogs of My account."""

from __future__ import annotations

from secconsole.domain.errors import Invalid, SecconsoleError
from secconsole.domain.limits import LONGEST_LABEL, LONGEST_TOKEN
from secconsole.domain.model import FactorState
from secconsole.domain.roles import Role
from secconsole.domain.scope import Scope, may_have
from secconsole.domain.secret import Secret
from secconsole.operations.account import CancelMfa, ChangePassword, ContactSet, SetContact
from secconsole.operations.base import Operation
from secconsole.operations.factors import FactorList, RemoveFactor, RenameFactor
from secconsole.operations.recovery import CreateRecoveryCodes
from secconsole.operations.sessions import EndOtherSessions, EndSession
from secconsole.operations.tokens import CreateToken, NewToken, RevokeToken
from secconsole.operations.users import FactorRow
from secconsole.tui.screens.account.rows import Own, factor_name, others_end, session_name
from secconsole.tui.screens.dialog import ConfirmDialog, Dialog
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.text.format import exact, plural
from secconsole.tui.text.safe import lines
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, CheckField, PasswordField, TextField, cancel

_DAYS = 30
_SCOPES = {Scope.READ: "read what you may see", Scope.VERIFY: "check users' codes (verify)", Scope.CHALLENGE: ""}


# ---- before something ends -----------------------------------------------------------------------------------------


def remove_dialog(factor: FactorRow, own: Own) -> ConfirmDialog:
    """Return the confirmation for removing a factor."""
    if factor.state is FactorState.PENDING:
        parts = ["It was never verified and does not count: nothing else changes."]
    else:
        parts = ["Its codes stop working now, and your other sessions end. This cannot be undone."]
    if own.is_last(factor):
        parts.append("It is your only one: your password alone is then enough to act as you.")
    body = lines((factor_name(factor), "bold"), "", *parts)
    does = RemoveFactor(tenant=own.me.tenant, factor=factor.id)
    return ConfirmDialog("Remove a factor", body, "Remove", danger=True, does=does)


def cancel_dialog(own: Own) -> ConfirmDialog:
    """Return the confirmation for removing all factors: what ends, and what that means."""
    codes = own.me.recovery_left
    parts = [
        *(f"{factor_name(factor)} stops working" for factor in own.detail.factors),
        *([f"{plural(codes, 'recovery code')} can no longer be used"] if codes else []),
        f"{others_end(own)}, this one stays" if len(own.sessions) > 1 else "this session stays",
    ]
    body = lines(
        "Your password alone then signs you in: anyone who learns it can act as you.",
        "",
        *(f"  - {line}" for line in parts),
        "",
        "This cannot be undone: you would have to bind again.",
    )
    return ConfirmDialog("Cancel MFA", body, "Cancel MFA", danger=True, does=CancelMfa())


def new_codes_dialog(own: Own) -> ConfirmDialog:
    """Return the confirmation for new recovery codes while old ones are left."""
    left = plural(own.me.recovery_left, "recovery code")
    are = "is" if own.me.recovery_left == 1 else "are"
    does = CreateRecoveryCodes(tenant=own.me.tenant, user=own.me.id)
    body = lines(f"{left} {are} left, and stop working when you create new ones.", "You get ten new ones.")
    return ConfirmDialog("New recovery codes", body, "Create new codes", danger=True, does=does)


def end_dialog(own: Own, row: str) -> ConfirmDialog:
    """Return the confirmation for ending a session."""
    session = own.session(row)
    assert session is not None  # the action has excluded it
    does = EndSession(tenant=own.me.tenant, user=own.me.id, session=session.id)
    since = f"since {exact(session.created)}, last seen {exact(session.last_seen)}"
    body = lines((session_name(session), "bold"), since, "", "It ends at once, even in the middle of something.")
    return ConfirmDialog("End a session", body, "End it", danger=True, does=does)


def end_others_dialog(own: Own) -> ConfirmDialog:
    """Return the confirmation for ending all other sessions."""
    does = EndOtherSessions(tenant=own.me.tenant, user=own.me.id)
    body = lines(f"{others_end(own)} at once, and so do pending sign-ins.", "This one stays.")
    return ConfirmDialog("End other sessions", body, "End them", danger=True, does=does)


def revoke_dialog(own: Own, row: str) -> ConfirmDialog:
    """Return the confirmation for revoking a token."""
    token = own.token(row)
    assert token is not None  # the action has excluded it
    does = RevokeToken(tenant=own.me.tenant, token=token.id)
    used = f"last used {exact(token.last_used)}" if token.last_used else "never used"
    body = lines((token.name, "bold"), used, "", "Programs that use it stop working now. This cannot be undone.")
    return ConfirmDialog("Revoke a token", body, "Revoke", danger=True, does=does)


# ---- input ---------------------------------------------------------------------------------------------------------


class LabelDialog(Dialog[str | None]):
    """Asks for the name of a new factor.

    Returns None if cancelled.
    """

    def __init__(self, example: str, *parts: str) -> None:
        field = TextField(
            name="label",
            label="Name",
            max_length=LONGEST_LABEL,
            placeholder=example,
            help="To recognise it, and know which to remove when it is lost. Optional.",
        )
        body = lines(*parts, "Give it a name.")
        super().__init__("Add a factor", body, [field], [cancel(), Button("on", "Go on")], focus="label")

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        self.dismiss(str(event.values["label"]).strip())


class RenameDialog(SubmitDialog["FactorList | None"]):
    """Renames a factor."""

    def __init__(self, factor: FactorRow, tenant: str) -> None:
        self._factor, self._tenant = factor, tenant
        field = TextField(name="label", label="Name", max_length=LONGEST_LABEL, value=factor.label)
        body = lines((factor_name(factor), "bold"))
        super().__init__("Rename a factor", body, [field], [cancel(), Button("rename", "Rename")], focus="label")

    async def submit(self, button: str, values: Values) -> FactorList:
        label = str(values["label"]).strip()
        return await self.app.perform(RenameFactor(tenant=self._tenant, factor=self._factor.id, label=label))


class ContactDialog(SubmitDialog["ContactSet | None"]):
    """Sets the address for notices of changes.

    `asked_for`: opened by the console, because the user has no address yet.
    """

    def __init__(self, now: str, *, asked_for: bool = False) -> None:
        body = lines(
            *(["Your account has no e-mail address. Give one now, or at your next sign-in.", ""] if asked_for else []),
            "We tell you there when a factor is bound or removed, a recovery code used, or your password "
            "reset: so that you notice changes you did not make.",
            *([f"The current one, {now}, is notified of the change too."] if now else []),
        )
        field = TextField(name="email", label="E-mail", needed=True, value=now, max_length=254)
        buttons = [cancel("Later" if asked_for else "Cancel"), Button("set", "Set")]
        super().__init__("Contact e-mail", body, [field], buttons, focus="email")

    async def submit(self, button: str, values: Values) -> ContactSet:
        return await self.app.perform(SetContact(email=str(values["email"]).strip()))


class PasswordDialog(Dialog[int | None]):
    """Changes the password.

    Returns the number of other sessions ended, or None if cancelled.
    """

    def __init__(self) -> None:
        super().__init__(
            "Change your password",
            lines("A few unrelated words make a good one; spaces are fine.", "Your other sessions end."),
            [
                PasswordField(name="password", label="New password", needed=True),
                PasswordField(name="again", label="Repeat it", needed=True),
            ],
            [cancel(), Button("change", "Change it")],
            focus="password",
        )

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        password = event.values["password"]
        assert isinstance(password, Secret)
        if password != event.values["again"]:
            self._ask_again("The passwords do not match. Type both again.")
            return
        self.form.busy = True
        self.run_worker(self._change(password), exit_on_error=False)

    async def operation_now(self) -> Operation[object] | None:
        return ChangePassword(password=Secret(""))  # the command asks for it

    async def _change(self, password: Secret[str]) -> None:
        try:
            changed = await self.app.perform(ChangePassword(password=password))
        except Invalid as error:
            self._ask_again(error.message)
        except SecconsoleError:
            self.form.busy = False
            raise
        else:
            self.dismiss(changed.sessions_ended)

    def _ask_again(self, problem: str) -> None:
        self.form.busy = False
        self.form.set_value("again", "")
        self.form.set_value("password", "")
        self.form.focus_field("password")
        self.set_body(lines((f"! {problem}", "$danger")))


class NewTokenDialog(SubmitDialog["NewToken | None"]):
    """Creates a token: its purpose, its rights and its lifetime."""

    def __init__(self, role: Role) -> None:
        scopes = [scope for scope in Scope if may_have(role, scope)]
        fields = [
            TextField(
                name="name",
                label="Name",
                needed=True,
                max_length=LONGEST_LABEL,
                placeholder="backup script",
                help="What it is for, so that you recognise it.",
            ),
            *(
                CheckField(name=scope, label="Allow it to" if at == 0 else "", text=_SCOPES[scope], value=at == 0)
                for at, scope in enumerate(scopes)
            ),
            TextField(
                name="days",
                label="Days",
                needed=True,
                value=str(_DAYS),
                max_length=4,
                help=f"It ends after so many days, at most {LONGEST_TOKEN}.",
            ),
        ]
        body = lines("A program that has it acts as you, within what you tick here.", "It is shown once.")
        super().__init__("New token", body, fields, [cancel(), Button("make", "Create")], focus="name")

    async def submit(self, button: str, values: Values) -> NewToken:
        days = str(values["days"]).strip()
        if not days.isascii() or not days.isdigit():
            raise Invalid("Enter a number of days, such as 30.", "days")
        scopes = tuple(scope for scope in Scope if values.get(scope))
        if not scopes:
            raise Invalid("Tick at least one of these.", Scope.READ)
        return await self.app.perform(CreateToken(name=str(values["name"]), scopes=scopes, days=int(days)))
