"""What My account asks."""

from __future__ import annotations

from secconsole.domain.errors import Invalid, SecconsoleError
from secconsole.domain.limits import LONGEST_LABEL, LONGEST_TOKEN
from secconsole.domain.model import FactorState
from secconsole.domain.roles import Role
from secconsole.domain.scope import Scope, may_have
from secconsole.domain.secret import Secret
from secconsole.operations.account import ChangePassword, ContactSet, SetContact
from secconsole.operations.factors import FactorList, RenameFactor
from secconsole.operations.tokens import CreateToken, NewToken
from secconsole.operations.users import FactorRow
from secconsole.tui.safe_text import lines
from secconsole.tui.screens.account.rows import Own, factor_name, others_end, session_name
from secconsole.tui.screens.dialog import ConfirmDialog, Dialog
from secconsole.tui.screens.doing_dialog import DoingDialog, Values
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, CheckField, PasswordField, TextField, cancel
from secconsole.tui.words import exact, plural

_DAYS = 30
_SCOPES = {Scope.READ: "read what you may see", Scope.VERIFY: "check users' codes (verify)"}


# ---- before something ends -----------------------------------------------------------------------------------------


def remove_dialog(factor: FactorRow, own: Own) -> ConfirmDialog:
    """Asks before a factor is removed."""
    if factor.state is FactorState.PENDING:
        said = ["It was never verified and counts for nothing: nothing else changes."]
    else:
        said = ["Its codes stop working now, and your other sessions end. It cannot be taken back."]
    if own.is_last(factor):
        said.append("It is your only one: your password alone is then enough to act as you.")
    return ConfirmDialog("Remove a factor", lines((factor_name(factor), "bold"), "", *said), "Remove", danger=True)


def cancel_dialog(own: Own) -> ConfirmDialog:
    """Asks before all factors are removed: what ends, and what that means."""
    codes = own.me.recovery_left
    said = [
        *(f"{factor_name(factor)} stops working" for factor in own.detail.factors),
        *([f"{plural(codes, 'recovery code')} can no longer be used"] if codes else []),
        f"{others_end(own)}, this one stays" if len(own.sessions) > 1 else "this session stays",
    ]
    body = lines(
        "You sign in with your password alone then: who learns it can act as you.", "",
        *(f"  - {line}" for line in said), "",
        "It cannot be taken back: you would have to bind anew.",
    )  # fmt: skip
    return ConfirmDialog("Cancel MFA", body, "Cancel MFA", danger=True)


def new_codes_dialog(own: Own) -> ConfirmDialog:
    """Asks before new recovery codes are made while there are some."""
    left = plural(own.me.recovery_left, "recovery code")
    are = "is" if own.me.recovery_left == 1 else "are"
    body = lines(f"{left} {are} left, and stop working when you make new ones.", "You get ten new ones.")
    return ConfirmDialog("New recovery codes", body, "Make new ones", danger=True)


def end_dialog(own: Own, row: str) -> ConfirmDialog:
    """Asks before a session is ended."""
    session = own.session(row)
    assert session is not None  # the action has said so otherwise
    since = f"since {exact(session.created)}, last seen {exact(session.last_seen)}"
    body = lines((session_name(session), "bold"), since, "", "It ends at once, whatever is being done in it.")
    return ConfirmDialog("End a session", body, "End it", danger=True)


def end_others_dialog(own: Own) -> ConfirmDialog:
    """Asks before all other sessions are ended."""
    body = lines(f"{others_end(own)} at once, and sign-ins under way, too.", "This one stays.")
    return ConfirmDialog("End other sessions", body, "End them", danger=True)


def revoke_dialog(own: Own, row: str) -> ConfirmDialog:
    """Asks before a token is revoked."""
    token = own.token(row)
    assert token is not None  # the action has said so otherwise
    used = f"last used {exact(token.last_used)}" if token.last_used else "never used"
    body = lines((token.name, "bold"), used, "", "Whatever uses it stops working now. It cannot be taken back.")
    return ConfirmDialog("Revoke a token", body, "Revoke", danger=True)


# ---- what is typed -------------------------------------------------------------------------------------------------


class LabelDialog(Dialog[str | None]):
    """What a new factor is called; None if it was left."""

    def __init__(self, example: str, *said: str) -> None:
        field = TextField(
            name="label", label="Name", max_length=LONGEST_LABEL, placeholder=example,
            help="So that you know it again, and what to remove when it is lost. May stay empty.",
        )  # fmt: skip
        body = lines(*said, "What do you call it?")
        super().__init__("Add a factor", body, [field], [cancel(), Button("on", "Go on")], focus="label")

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        self.dismiss(str(event.values["label"]).strip())


class RenameDialog(DoingDialog["FactorList | None"]):
    """Calls a factor something else."""

    def __init__(self, factor: FactorRow, tenant: str) -> None:
        self._factor, self._tenant = factor, tenant
        field = TextField(name="label", label="Name", max_length=LONGEST_LABEL, value=factor.label)
        body = lines((factor_name(factor), "bold"))
        super().__init__("Rename a factor", body, [field], [cancel(), Button("rename", "Rename")], focus="label")

    async def do(self, button: str, values: Values) -> FactorList:
        label = str(values["label"]).strip()
        return await self.app.perform(RenameFactor(tenant=self._tenant, factor=self._factor.id, label=label))


class ContactDialog(DoingDialog["ContactSet | None"]):
    """Sets the address at which one is told of changes; `asked_for`: by the console, since there is none."""

    def __init__(self, now: str, *, asked_for: bool = False) -> None:
        body = lines(
            *(["Your account has no e-mail address. Give one now, or at your next sign-in.", ""] if asked_for else []),
            "There you are told when a factor of yours is bound or removed, a recovery code used, or your password "
            "reset: so that you notice what was not you.",
            *([f"The one before, {now}, is told of the change, too."] if now else []),
        )
        field = TextField(name="email", label="E-mail", needed=True, value=now, max_length=254)
        buttons = [cancel("Later" if asked_for else "Cancel"), Button("set", "Set it")]
        super().__init__("Contact e-mail", body, [field], buttons, focus="email")

    async def do(self, button: str, values: Values) -> ContactSet:
        return await self.app.perform(SetContact(email=str(values["email"]).strip()))


class PasswordDialog(Dialog[int | None]):
    """How many other sessions ended with the change, or None if it was left."""

    def __init__(self) -> None:
        super().__init__(
            "Change your password",
            lines("A few unrelated words make a good one; spaces are fine.", "Your other sessions end."),
            [
                PasswordField(name="password", label="New password", needed=True),
                PasswordField(name="again", label="Once more", needed=True),
            ],
            [cancel(), Button("change", "Change it")],
            focus="password",
        )

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        password = event.values["password"]
        assert isinstance(password, Secret)
        if password != event.values["again"]:
            self._again("The two are not the same. Type both again.")
            return
        self.form.busy = True
        self.run_worker(self._change(password), exit_on_error=False)

    async def _change(self, password: Secret[str]) -> None:
        try:
            changed = await self.app.perform(ChangePassword(password=password))
        except Invalid as error:
            self._again(error.message)
        except SecconsoleError:
            self.form.busy = False
            raise
        else:
            self.dismiss(changed.sessions_ended)

    def _again(self, problem: str) -> None:
        self.form.busy = False
        self.form.set_value("again", "")
        self.form.set_value("password", "")
        self.form.focus_field("password")
        self.set_body(lines((f"! {problem}", "$danger")))


class NewTokenDialog(DoingDialog["NewToken | None"]):
    """Makes a token: what it is for, what it may do, and for how long."""

    def __init__(self, role: Role) -> None:
        scopes = [scope for scope in Scope if may_have(role, scope)]
        fields = [
            TextField(name="name", label="Name", needed=True, max_length=LONGEST_LABEL, placeholder="backup script",
                      help="What it is for, so that you know it again."),
            *(
                CheckField(name=scope, label="It may" if at == 0 else "", text=_SCOPES[scope], value=at == 0)
                for at, scope in enumerate(scopes)
            ),
            TextField(name="days", label="Days", needed=True, value=str(_DAYS), max_length=4,
                      help=f"After so many it ends; at most {LONGEST_TOKEN}."),
        ]  # fmt: skip
        body = lines("A program that has it acts as you, within what you tick here.", "It is shown once.")
        super().__init__("New token", body, fields, [cancel(), Button("make", "Make")], focus="name")

    async def do(self, button: str, values: Values) -> NewToken:
        days = str(values["days"]).strip()
        if not days.isascii() or not days.isdigit():
            raise Invalid("A number of days, such as 30.", "days")
        scopes = tuple(scope for scope in Scope if values.get(scope))
        if not scopes:
            raise Invalid("Tick at least one of these.", Scope.READ)
        return await self.app.perform(CreateToken(name=str(values["name"]), scopes=scopes, days=int(days)))
