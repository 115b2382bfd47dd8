"""What is asked before a user is changed: role, new user, disabling, another password."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from secconsole.domain.errors import SecconsoleError
from secconsole.domain.model import Flag
from secconsole.domain.roles import Role, roles_given_by
from secconsole.operations.users import (
    ChangeRole,
    CreateUser,
    DisableUser,
    EnableUser,
    PasswordReset,
    ResetPassword,
    UserChanged,
    UserDetail,
    UserRow,
)
from secconsole.tui.safe_text import Part, join, lines
from secconsole.tui.screens.doing_dialog import DoingDialog, Values
from secconsole.tui.widgets.form_fields import Button, CheckField, ChoiceField, TextField, cancel
from secconsole.tui.words import plural


def about(user: UserRow, *said: Part) -> Content:
    """Who it is, and a few lines below."""
    return lines(
        join((user.login, "bold"), "   ", user.name, "   ", (str(user.role), "$muted")),
        (f"id {user.id}", "$muted"),
        *(["", *said] if said else []),
    )


class RoleDialog(DoingDialog["UserChanged | None"]):
    """Gives a role that does not rank above one's own."""

    def __init__(self, user: UserRow, actor: Role) -> None:
        self._user = user
        options = [(str(role), str(role)) for role in roles_given_by(actor)]
        now = str(user.role)
        field = ChoiceField(name="role", label="Role", options=options, value=now, help="left and right choose")
        body = about(user, "Whoever loses rights by it is signed out everywhere, and their tokens end.")
        super().__init__("Role", body, [field], [cancel(), Button("give", "Give this role")], focus="role")

    async def do(self, button: str, values: Values) -> UserChanged | None:
        role = Role(str(values["role"]))
        return await self.app.perform(ChangeRole(tenant=self.app.tenant, user=self._user.id, role=role))


class NewUserDialog(DoingDialog["tuple[UserChanged, PasswordReset | None] | None"]):
    """Makes a user, and on request a one-time password for them."""

    def __init__(self, actor: Role) -> None:
        options = [(str(role), str(role)) for role in reversed(roles_given_by(actor))]
        fields = [
            TextField(name="login", label="Login", needed=True, max_length=128, help="To sign in with; no blanks."),
            TextField(name="name", label="Name"),
            TextField(name="email", label="E-mail"),
            TextField(name="phone", label="Phone", max_length=40, help="With the country code: +420 777 123 456"),
            ChoiceField(name="role", label="Role", options=options, value="user", help="left and right choose"),
            CheckField(
                name="password", label="Password", text="make a one-time password", value=True,
                help="It is shown once, and must be changed at the first sign-in.",
            ),
        ]  # fmt: skip
        super().__init__("New user", "", fields, [cancel(), Button("make", "Make")], focus="login")

    async def do(self, button: str, values: Values) -> tuple[UserChanged, PasswordReset | None] | None:
        made = await self.app.perform(
            CreateUser(
                tenant=self.app.tenant, login=str(values["login"]), name=str(values["name"]).strip(),
                email=str(values["email"]).strip(), phone=str(values["phone"]).strip(), role=Role(str(values["role"])),
            )
        )  # fmt: skip
        if not values["password"]:
            return made, None
        try:
            return made, await self.app.perform(ResetPassword(tenant=self.app.tenant, user=made.user.id))
        except SecconsoleError as error:
            self.app.work_failed(error)
            return made, None


def _ending(detail: UserDetail | None) -> str:
    """`2 open sessions and 1 token end.`; what is not known is said without a number."""
    if detail is None:
        return "Open sessions and tokens end."
    what = [plural(n, word) for n, word in ((detail.sessions, "open session"), (detail.tokens, "token")) if n]
    if not what:
        return "No session is open."
    return f"{' and '.join(what)} {'ends' if detail.sessions + detail.tokens == 1 else 'end'}."


class DisableDialog(DoingDialog["UserChanged | None"]):
    def __init__(self, user: UserRow, detail: UserDetail | None) -> None:
        self._user = user
        body = about(
            user, f"Cannot sign in any more. {_ending(detail)} The factors are kept, for when D enables again."
        )
        fields = [TextField(name="reason", label="Reason", help="For the audit; may stay empty.")]
        super().__init__("Disable", body, fields, [cancel(), Button("disable", "Disable", danger=True)], danger=True)

    async def do(self, button: str, values: Values) -> UserChanged | None:
        reason = str(values["reason"]).strip()
        return await self.app.perform(DisableUser(tenant=self.app.tenant, user=self._user.id, reason=reason))


class EnableDialog(DoingDialog["UserChanged | None"]):
    def __init__(self, user: UserRow) -> None:
        self._user = user
        body = about(user, "Can sign in again with the password and factors from before.")
        super().__init__("Enable", body, (), [cancel(), Button("enable", "Enable")], focus="enable")

    async def do(self, button: str, values: Values) -> UserChanged | None:
        return await self.app.perform(EnableUser(tenant=self.app.tenant, user=self._user.id))


class ResetDialog(DoingDialog["PasswordReset | None"]):
    def __init__(self, user: UserRow) -> None:
        self._user = user
        said: Sequence[Part] = [
            "The password they have stops working; open sessions and tokens end.",
            "You get a one-time password to hand over. It must be changed at the next sign-in.",
        ]
        if Flag.MUST_RESET in user.flags:
            said = [*said, ("An earlier one-time password is still unused; it stops working too.", "$muted")]
        buttons = [cancel(), Button("reset", "Reset password", danger=True)]
        super().__init__("Reset password", about(user, *said), (), buttons, danger=True)

    async def do(self, button: str, values: Values) -> PasswordReset | None:
        return await self.app.perform(ResetPassword(tenant=self.app.tenant, user=self._user.id))
