"""Confirmations for removing a user's factor, session or token."""

from __future__ import annotations

from datetime import datetime

from secconsole.domain.limits import LONGEST_LABEL
from secconsole.domain.model import FactorState
from secconsole.operations.factors import RemoveFactor, RenameFactor
from secconsole.operations.sessions import EndOtherSessions, EndSession, SessionRow
from secconsole.operations.tokens import RevokeToken, TokenRow
from secconsole.operations.users import FactorRow, UserDetail
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.text.about import about
from secconsole.tui.text.format import moment, plural
from secconsole.tui.text.safe import Part
from secconsole.tui.widgets.form_fields import Button, TextField, cancel


class RemoveDialog(SubmitDialog["bool | None"]):
    """Removes one entry.

    Returns True once done. `what`: its name; `last`: it is the only active factor.
    """

    def __init__(
        self,
        detail: UserDetail,
        entry: FactorRow | SessionRow | TokenRow,
        what: str,
        now: datetime,
        *,
        last: bool,
        own: bool,
    ) -> None:
        self._user, self._entry = detail.user, entry
        if isinstance(entry, FactorRow):
            title, label, parts = "Remove a factor", "Remove", _about_factor(detail, entry, last=last, own=own)
        elif isinstance(entry, SessionRow):
            title, label = "End a session", "End it"
            parts = [f"Last used {moment(entry.last_seen, now)}. Its user must sign in again."]
            if entry.current:
                parts.append(("This is your current session: you will be signed out.", "$danger"))
        else:
            title, label = "Revoke a token", "Revoke"
            parts = [f"Last used {moment(entry.last_used, now)}. Programs that use it are refused at once."]
        body = about(detail, (what, "bold"), *parts)
        super().__init__(title, body, (), [cancel(), Button("go", label, danger=True)], danger=True)

    async def submit(self, button: str, values: Values) -> bool | None:
        tenant, entry = self.app.tenant, self._entry
        if isinstance(entry, FactorRow):
            await self.app.perform(RemoveFactor(tenant=tenant, factor=entry.id))
        elif isinstance(entry, SessionRow):
            await self.app.perform(EndSession(tenant=tenant, user=self._user.id, session=entry.id))
        else:
            await self.app.perform(RevokeToken(tenant=tenant, token=entry.id))
        return True


def _about_factor(detail: UserDetail, factor: FactorRow, *, last: bool, own: bool) -> list[Part]:
    if factor.state is FactorState.PENDING:
        return ["It was never verified, so nothing else ends."]
    ending = "Your other sessions end." if own else "All sessions and tokens end."
    parts: list[Part] = [f"It stops working now. This cannot be undone. {ending}"]
    if last and detail.recovery_left:
        parts.append(f"It is the last one: {plural(detail.recovery_left, 'recovery code')} become invalid with it.")
    elif last:
        parts.append("It is the last one: the next sign-in asks to bind if the policy requires it.")
    return [*parts, ("For a lost phone, use u in the list: it asks for a reason, and x can undo it.", "$muted")]


class RenameDialog(SubmitDialog["bool | None"]):
    """Renames a factor.

    Returns True once done.
    """

    def __init__(self, detail: UserDetail, factor: FactorRow) -> None:
        self._factor = factor
        field = TextField(
            name="label", label="Name", value=factor.label, max_length=LONGEST_LABEL, help="Empty: no name."
        )
        buttons = [cancel(), Button("rename", "Rename")]
        super().__init__("Rename a factor", about(detail), [field], buttons, focus="label")

    async def submit(self, button: str, values: Values) -> bool | None:
        label = str(values["label"]).strip()
        await self.app.perform(RenameFactor(tenant=self.app.tenant, factor=self._factor.id, label=label))
        return True


class EndSessionsDialog(SubmitDialog["int | None"]):
    """Ends all sessions of a user.

    Returns how many ended.
    """

    def __init__(self, detail: UserDetail, *, own: bool) -> None:
        self._user = detail.user
        what = [plural(n, word) for n, word in ((detail.sessions, "session"), (detail.tokens, "token")) if n]
        end = "ends" if detail.sessions + detail.tokens == 1 else "end"
        body = about(
            detail,
            "All sessions but your current one end now. Your tokens stay."
            if own
            else f"{' and '.join(what)} {end} now.",
            "Pending sign-ins end too. Password and factors still work.",
        )
        buttons = [cancel(), Button("end", "End all sessions", danger=True)]
        super().__init__("End all sessions", body, (), buttons, danger=True)

    async def submit(self, button: str, values: Values) -> int | None:
        return (await self.app.perform(EndOtherSessions(tenant=self.app.tenant, user=self._user.id))).ended
