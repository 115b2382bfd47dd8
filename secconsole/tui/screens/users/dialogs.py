"""Dialogs that change a user: role, new user, disabling, password."""

from __future__ import annotations

from collections.abc import Sequence

from secconsole.domain.errors import SecconsoleError
from secconsole.domain.model import Flag
from secconsole.domain.roles import Role, roles_given_by
from secconsole.operations.user_changes import ChangeRole, DisableUser, EnableUser, ResetPassword
from secconsole.operations.users import CreateUser, PasswordReset, UserChanged, UserDetail
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.text.about import about
from secconsole.tui.text.format import plural
from secconsole.tui.text.safe import Part
from secconsole.tui.widgets.form_fields import Button, CheckField, ChoiceField, PhoneField, TextField, cancel


class RoleDialog(SubmitDialog["UserChanged | None"]):
    """Assigns a role that does not rank above the signed-in user's own."""

    def __init__(self, detail: UserDetail, actor: Role) -> None:
        self._user = user = detail.user
        options = [(str(role), str(role)) for role in roles_given_by(actor)]
        now = str(user.role)
        field = ChoiceField(name="role", label="Role", options=options, value=now, help="left and right choose")
        body = about(detail, "A user who loses rights is signed out everywhere, and their tokens end.")
        super().__init__("Role", body, [field], [cancel(), Button("give", "Assign role")], focus="role")

    async def submit(self, button: str, values: Values) -> UserChanged | None:
        role = Role(str(values["role"]))
        return await self.app.perform(ChangeRole(tenant=self.app.tenant, user=self._user.id, role=role))


class NewUserDialog(SubmitDialog["tuple[UserChanged, PasswordReset | None] | None"]):
    """Creates a user, and a one-time password on request."""

    def __init__(self, actor: Role) -> None:
        options = [(str(role), str(role)) for role in reversed(roles_given_by(actor))]
        fields = [
            TextField(name="login", label="Login", needed=True, max_length=128, help="To sign in with; no spaces."),
            TextField(name="name", label="Name"),
            TextField(name="email", label="E-mail"),
            PhoneField(name="phone", label="Phone"),
            ChoiceField(name="role", label="Role", options=options, value="user", help="left and right choose"),
            CheckField(
                name="password",
                label="Password",
                text="create a one-time password",
                value=True,
                help="It is shown once, and must be changed at the first sign-in.",
            ),
        ]
        super().__init__("New user", "", fields, [cancel(), Button("make", "Create")], focus="login")

    async def submit(self, button: str, values: Values) -> tuple[UserChanged, PasswordReset | None] | None:
        made = await self.app.perform(
            CreateUser(
                tenant=self.app.tenant,
                login=str(values["login"]),
                name=str(values["name"]).strip(),
                email=str(values["email"]).strip(),
                phone=str(values["phone"]).strip(),
                role=Role(str(values["role"])),
            )
        )
        if not values["password"]:
            return made, None
        try:
            return made, await self.app.perform(ResetPassword(tenant=self.app.tenant, user=made.user.id))
        except SecconsoleError as error:
            self.app.work_failed(error)
            return made, None


def _ending(detail: UserDetail) -> str:
    """Return what ends: `2 open sessions and 1 token end.`."""
    what = [plural(n, word) for n, word in ((detail.sessions, "open session"), (detail.tokens, "token")) if n]
    if not what:
        return "No session is open."
    return f"{' and '.join(what)} {'ends' if detail.sessions + detail.tokens == 1 else 'end'}."


class DisableDialog(SubmitDialog["UserChanged | None"]):
    def __init__(self, detail: UserDetail) -> None:
        self._user = detail.user
        kept = "Factors are kept for when you enable the account again (D)."
        body = about(detail, f"The user can no longer sign in. {_ending(detail)} {kept}")
        fields = [TextField(name="reason", label="Reason", help="For the audit. Optional.")]
        super().__init__("Disable", body, fields, [cancel(), Button("disable", "Disable", danger=True)], danger=True)

    async def submit(self, button: str, values: Values) -> UserChanged | None:
        reason = str(values["reason"]).strip()
        return await self.app.perform(DisableUser(tenant=self.app.tenant, user=self._user.id, reason=reason))


class EnableDialog(SubmitDialog["UserChanged | None"]):
    def __init__(self, detail: UserDetail) -> None:
        self._user = detail.user
        body = about(detail, "The user can sign in again with the same password and factors.")
        super().__init__("Enable", body, (), [cancel(), Button("enable", "Enable")], focus="enable")

    async def submit(self, button: str, values: Values) -> UserChanged | None:
        return await self.app.perform(EnableUser(tenant=self.app.tenant, user=self._user.id))


class ResetDialog(SubmitDialog["PasswordReset | None"]):
    def __init__(self, detail: UserDetail, caller: str) -> None:
        self._user = detail.user
        parts: Sequence[Part] = [
            caller,
            "The current password stops working; open sessions and tokens end.",
            "You get a one-time password to hand over. It must be changed at the next sign-in.",
        ]
        if Flag.MUST_RESET in detail.user.flags:
            parts = [*parts, ("An earlier one-time password is still unused; it stops working too.", "$muted")]
        buttons = [cancel(), Button("reset", "Reset password", danger=True)]
        super().__init__("Reset password", about(detail, *parts), (), buttons, danger=True)

    async def submit(self, button: str, values: Values) -> PasswordReset | None:
        return await self.app.perform(ResetPassword(tenant=self.app.tenant, user=self._user.id))
