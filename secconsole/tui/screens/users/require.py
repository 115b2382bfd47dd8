"""Requiring a second factor of individual users under any policy, or ending that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content

from secconsole.domain.errors import NotFound, SecconsoleError, Unavailable
from secconsole.domain.model import BindingStatus, FactorKind, FactorState, Flag, PolicyMode
from secconsole.operations.user_changes import RequireMfa
from secconsole.operations.users import ShowUser, UserDetail
from secconsole.operations.whitelist import NotDone
from secconsole.tui.screens.end_sessions import end_field
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.text.about import About, about
from secconsole.tui.text.format import count, plural
from secconsole.tui.text.safe import Part, join, lines
from secconsole.tui.widgets.form_fields import Button, cancel


@dataclass(frozen=True, slots=True)
class Required:
    """Result. `single`: the login, if only one user was changed."""

    required: bool
    done: int
    failed: tuple[NotDone, ...] = ()
    single: str = ""

    def words(self) -> str:
        """Return the message: `A second factor is required of 12 users now`."""
        who = self.single or plural(self.done, "user")
        message = f"A second factor is {'required' if self.required else 'no longer required'} of {who}."
        if self.failed:
            first = self.failed[0]
            message += f" {plural(len(self.failed), 'user')} not: {first.login}: {first.reason}"
        return message


class RequireDialog(SubmitDialog["Required | None"]):
    """For one user it offers the opposite of the present state.

    For many it asks which one.
    """

    def __init__(self, ids: Sequence[str], detail: UserDetail | None, policy: PolicyMode | None) -> None:
        self._ids, self._single = ids, detail.user.login if detail is not None else ""
        on, off = Button("require", "Require it", main=True), Button("stop", "No longer require it")
        body: About | Content
        if detail is None:
            body = lines(join((plural(len(ids), "user"), "bold")), "", *_for_many())
            buttons = [on, off]
        elif detail.mfa_required:
            body, buttons = about(detail, *_no_longer(detail, policy)), [off]
        else:
            body, buttons = about(detail, *_from_now(detail, policy)), [on]
        offered = detail is None or (not detail.mfa_required and (detail.password_sessions or detail.tokens))
        fields = [end_field(_ended(detail))] if offered else []
        super().__init__("Second factor", body, fields, [cancel(), *buttons], focus=buttons[0].name)

    async def submit(self, button: str, values: Values) -> Required | None:
        required, failed = button == "require", list[NotDone]()
        keep = not values.get("end", True)
        for at, id in enumerate(self._ids, 1):
            try:
                await self.app.perform(
                    RequireMfa(tenant=self.app.tenant, user=id, required=required, keep_sessions=keep)
                )
            # The store is gone: the others would fail in the same way, one timeout each.
            except Unavailable:
                raise
            except SecconsoleError as error:
                if self._single:
                    raise
                failed.append(NotDone(id, await self._login(id), error.message))
            if not self._single and at % 20 == 0:
                self.set_body(f"{count(at)} of {count(len(self._ids))} users")
        return Required(required, len(self._ids) - len(failed), tuple(failed), self._single)

    async def _login(self, id: str) -> str:
        try:
            return (await self.app.perform(ShowUser(tenant=self.app.tenant, user=id))).user.login
        except NotFound:
            return "a user"


def _ended(detail: UserDetail | None) -> int:
    """Return how many password-only sessions of a user would end, for users who are asked about that."""
    return 0 if detail is None or detail.mfa_required else detail.password_sessions


def _from_now(detail: UserDetail, policy: PolicyMode | None) -> list[Part]:
    """Return what the requirement means for this user."""
    user = detail.user
    sent = [f.masked for f in detail.factors if f.kind is not FactorKind.TOTP and f.state is FactorState.PENDING]
    if user.status is BindingStatus.BOUND:
        then = "The next sign-in asks for the factor that is bound, as it does now."
    elif sent:
        then = f"The next sign-in sends a code to {' or '.join(sent)}; typing it verifies that, and counts as bound."
    else:
        then = "The next sign-in asks to bind a factor. To add a number or address for them first, press e."
    parts: list[Part] = [then]
    if policy is PolicyMode.REQUIRED:
        parts.append(
            "The policy requires one anyway. This user then has no grace period, and still needs a factor if the "
            "policy becomes optional."
        )
    if Flag.WHITELISTED in user.flags:
        parts.append("On the whitelist: while that lasts, no factor is asked for.")
    return parts


def _no_longer(detail: UserDetail, policy: PolicyMode | None) -> list[Part]:
    if detail.user.status is BindingStatus.BOUND:
        return ["Bound factors stay, and are asked for. Without one, the policy alone decides."]
    if policy is PolicyMode.REQUIRED:
        return ["The policy still requires one: the next sign-in asks to bind it, after the grace period."]
    return ["The password alone signs in again, until the policy requires a factor or one is bound."]


def _for_many() -> list[Part]:
    return [
        "Required: their next sign-in asks for a factor. Users without a verified one get a code at the number or "
        "address entered for them, or are asked to bind. Users on the whitelist are not asked.",
        "No longer required: the policy alone decides for users who have nothing bound.",
    ]
