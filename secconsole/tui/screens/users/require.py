"""Requiring a second factor of single users, whatever the policy, or no longer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from secconsole.domain.errors import NotFound, SecconsoleError, Unavailable
from secconsole.domain.model import BindingStatus, FactorKind, FactorState, Flag, PolicyMode
from secconsole.operations.users import RequireMfa, ShowUser, UserDetail
from secconsole.operations.whitelist import NotDone
from secconsole.tui.safe_text import Part, join, lines
from secconsole.tui.screens.doing_dialog import DoingDialog, Values
from secconsole.tui.screens.users.dialogs import about
from secconsole.tui.widgets.form_fields import Button, cancel
from secconsole.tui.words import count, plural

AT_ONCE = 500  # users, each a change of its own


@dataclass(frozen=True, slots=True)
class Required:
    """What came of it. `one`: whom it was done to, where that is one user alone."""

    required: bool
    done: int
    failed: tuple[NotDone, ...] = ()
    one: str = ""

    def words(self) -> str:
        """For a message: `A second factor is required of 12 users now.`"""
        who = self.one or plural(self.done, "user")
        said = f"A second factor is {'required' if self.required else 'no longer required'} of {who}."
        if self.failed:
            first = self.failed[0]
            said += f" {plural(len(self.failed), 'user')} not: {first.login}: {first.reason}"
        return said


class RequireDialog(DoingDialog["Required | None"]):
    """About one user what is the other way round than now; about many, which of the two."""

    def __init__(self, ids: Sequence[str], detail: UserDetail | None, policy: PolicyMode | None) -> None:
        self._ids, self._one = ids, detail.user.login if detail is not None else ""
        on, off = Button("require", "Require it"), Button("stop", "No longer require it")
        if detail is None:
            body = lines(join((plural(len(ids), "user"), "bold")), "", *_for_many(policy))
            buttons = [on, off]
        elif detail.mfa_required:
            body, buttons = about(detail.user, *_no_longer(detail, policy)), [off]
        else:
            body, buttons = about(detail.user, *_from_now(detail, policy)), [on]
        super().__init__("Second factor", body, (), [cancel(), *buttons], focus=buttons[0].name)

    async def do(self, button: str, values: Values) -> Required | None:
        required, failed = button == "require", list[NotDone]()
        for at, id in enumerate(self._ids, 1):
            try:
                await self.app.perform(RequireMfa(tenant=self.app.tenant, user=id, required=required))
            except Unavailable:
                raise
            except SecconsoleError as error:
                if self._one:
                    raise
                failed.append(NotDone(id, await self._login(id), error.message))
            if not self._one and at % 20 == 0:
                self.set_body(f"{count(at)} of {count(len(self._ids))} users")
        return Required(required, len(self._ids) - len(failed), tuple(failed), self._one)

    async def _login(self, id: str) -> str:
        try:
            return (await self.app.perform(ShowUser(tenant=self.app.tenant, user=id))).user.login
        except NotFound:
            return "somebody"


def _from_now(detail: UserDetail, policy: PolicyMode | None) -> list[Part]:
    """What it means for this user to be switched on."""
    user = detail.user
    sent = [f.masked for f in detail.factors if f.kind is not FactorKind.TOTP and f.state is FactorState.PENDING]
    if user.status is BindingStatus.BOUND:
        then = "The next sign-in asks for the factor that is bound, as it does now."
    elif sent:
        then = f"The next sign-in sends a code to {' or '.join(sent)}; typing it verifies that, and counts as bound."
    else:
        then = "The next sign-in asks to bind a factor. e enters a number or address for them before."
    said: list[Part] = [then]
    if policy is PolicyMode.OFF:
        said = ["The policy is off: nobody is asked for anything until it is switched on. After that:", then]
    elif policy is PolicyMode.REQUIRED:
        said.append(
            "The policy requires one anyway. This user gets no days of grace then, and stays required should the "
            "policy become optional."
        )
    if Flag.WHITELISTED in user.flags:
        said.append("On the whitelist: while that lasts, nothing is asked for.")
    return said


def _no_longer(detail: UserDetail, policy: PolicyMode | None) -> list[Part]:
    if detail.user.status is BindingStatus.BOUND:
        return ["What is bound stays bound and asked for. Only without it would the policy alone decide."]
    if policy is PolicyMode.REQUIRED:
        return ["The policy requires one all the same: the next sign-in asks to bind, after the days of grace."]
    return ["The password alone signs in again, until the policy requires a factor or one is bound."]


def _for_many(policy: PolicyMode | None) -> list[Part]:
    said: list[Part] = [
        "Required: their next sign-in asks for a factor. Who has none verified gets a code at the number or address "
        "entered for them, and else is asked to bind. Whoever is on the whitelist is not asked.",
        "No longer required: the policy alone decides for those who have nothing bound.",
    ]
    if policy is PolicyMode.OFF:
        said.append("The policy is off: nobody is asked for anything until it is switched on.")
    return said
