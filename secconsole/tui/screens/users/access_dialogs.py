"""What is asked before a factor, a session or a token is taken from somebody."""

from __future__ import annotations

from datetime import datetime

from secconsole.domain.limits import LONGEST_LABEL
from secconsole.domain.model import FactorState
from secconsole.operations.factors import RemoveFactor, RenameFactor
from secconsole.operations.sessions import EndOtherSessions, EndSession, SessionRow
from secconsole.operations.tokens import RevokeToken, TokenRow
from secconsole.operations.users import FactorRow, UserDetail, UserRow
from secconsole.tui.safe_text import Part
from secconsole.tui.screens.doing_dialog import DoingDialog, Values
from secconsole.tui.screens.users.dialogs import about
from secconsole.tui.widgets.form_fields import Button, TextField, cancel
from secconsole.tui.words import moment, plural


class RemoveDialog(DoingDialog["bool | None"]):
    """Takes one thing away; True once that is done. `what` it is, in words; `last`: the only factor that is active."""

    def __init__(
        self, detail: UserDetail, thing: FactorRow | SessionRow | TokenRow, what: str, now: datetime, *, last: bool,
        own: bool,
    ) -> None:  # fmt: skip
        self._user, self._thing = detail.user, thing
        if isinstance(thing, FactorRow):
            title, label, said = "Remove a factor", "Remove", _about_factor(detail, thing, last=last, own=own)
        elif isinstance(thing, SessionRow):
            title, label = "End a session", "End it"
            said = [f"Last used {moment(thing.last_seen, now)}. Whoever has it must sign in again."]
            if thing.current:
                said.append(("It is the one you work in: you are signed out.", "$danger"))
        else:
            title, label = "Revoke a token", "Revoke"
            said = [f"Last used {moment(thing.last_used, now)}. Programs that use it are refused at once."]
        body = about(detail.user, (what, "bold"), *said)
        super().__init__(title, body, (), [cancel(), Button("go", label, danger=True)], danger=True)

    async def do(self, button: str, values: Values) -> bool | None:
        tenant, thing = self.app.tenant, self._thing
        if isinstance(thing, FactorRow):
            await self.app.perform(RemoveFactor(tenant=tenant, factor=thing.id))
        elif isinstance(thing, SessionRow):
            await self.app.perform(EndSession(tenant=tenant, user=self._user.id, session=thing.id))
        else:
            await self.app.perform(RevokeToken(tenant=tenant, token=thing.id))
        return True


def _about_factor(detail: UserDetail, factor: FactorRow, *, last: bool, own: bool) -> list[Part]:
    if factor.state is FactorState.PENDING:
        return ["It was never verified, so nothing else ends."]
    ending = "Your other sessions end." if own else "All sessions and tokens end."
    said: list[Part] = [f"It stops working now, and cannot be taken back. {ending}"]
    if last and detail.recovery_left:
        said.append(f"It is the last one: {plural(detail.recovery_left, 'recovery code')} become void with it.")
    elif last:
        said.append("It is the last one: the next sign-in asks to bind, if the policy wants it.")
    return [*said, ("For a lost phone, u in the list unbinds: with a reason, and x takes it back.", "$muted")]


class RenameDialog(DoingDialog["bool | None"]):
    """Gives a factor another name; True once that is done."""

    def __init__(self, user: UserRow, factor: FactorRow) -> None:
        self._factor = factor
        field = TextField(
            name="label", label="Name", value=factor.label, max_length=LONGEST_LABEL, help="Empty: no name of its own."
        )
        super().__init__("Rename a factor", about(user), [field], [cancel(), Button("rename", "Rename")], focus="label")

    async def do(self, button: str, values: Values) -> bool | None:
        label = str(values["label"]).strip()
        await self.app.perform(RenameFactor(tenant=self.app.tenant, factor=self._factor.id, label=label))
        return True


class EndSessionsDialog(DoingDialog["int | None"]):
    """Signs somebody out everywhere; how many sessions ended."""

    def __init__(self, detail: UserDetail, *, own: bool) -> None:
        self._user = detail.user
        what = [plural(n, word) for n, word in ((detail.sessions, "session"), (detail.tokens, "token")) if n]
        end = "ends" if detail.sessions + detail.tokens == 1 else "end"
        body = about(
            detail.user,
            "All but the session you work in end now. Your tokens stay." if own else f"{' and '.join(what)} {end} now.",
            "Sign-ins under way end, too. The factors stay: whoever knows the password and has one can sign in again.",
        )
        buttons = [cancel(), Button("end", "End all sessions", danger=True)]
        super().__init__("End all sessions", body, (), buttons, danger=True)

    async def do(self, button: str, values: Values) -> int | None:
        return (await self.app.perform(EndOtherSessions(tenant=self.app.tenant, user=self._user.id))).ended
