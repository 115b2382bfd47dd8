"""Enrolling a factor for somebody else: beside them, on the phone with them, or for their next sign-in."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from secconsole.domain.errors import SecconsoleError
from secconsole.domain.model import BindingStatus, FactorKind
from secconsole.domain.secret import Secret
from secconsole.domain.text import visible
from secconsole.operations.factors import ConfirmFactor, EnrollFactor, MailKey, RemoveFactor
from secconsole.operations.signin import BindingStarted, KeyMailed
from secconsole.operations.users import RequireMfa, ShowUser, UserRow
from secconsole.tui.screens.doing_dialog import DoingDialog, Values
from secconsole.tui.screens.factors.bind_sent import BindSentDialog, KindDialog
from secconsole.tui.screens.factors.binding import BindingEnd, BindingScreen, Checked
from secconsole.tui.screens.users.dialogs import about
from secconsole.tui.widgets.form_fields import Button, cancel

if TYPE_CHECKING:
    from secconsole.tui.app import SecConsole


async def enroll(app: SecConsole, user: UserRow) -> BindingEnd | None:
    """Bind a factor of a kind that is asked for, whatever kinds the policy lets users bind; None if none was chosen.

    Its message says what came of it, where that is more than that it is bound.
    """
    kind = await app.ask(KindDialog(tuple(FactorKind), reason=f"For {visible(user.name or user.login)}."))
    if kind is None:
        return None
    return await (_enroll_app(app, user) if kind is FactorKind.TOTP else _enroll_sent(app, user, kind))


async def _enroll_app(app: SecConsole, user: UserRow) -> BindingEnd:
    """Make a key, show it, and take codes until one is right; until then what was bound before stays.

    A key that was not confirmed is taken away again, so that nobody is pending for nothing.
    """
    started = await app.perform(EnrollFactor(tenant=app.tenant, user=user.id))

    async def confirm(code: Secret[str]) -> Checked:
        return await _confirm(app, started.enrollment, code)

    async def mail(address: str) -> KeyMailed:
        return await app.perform(MailKey(tenant=app.tenant, enrollment=started.enrollment, address=address))

    kept = " The phone bound now works until then." if FactorKind.TOTP in _bound(user) else ""
    reason = f"For {visible(user.name or user.login)}, on their own phone.{kept}"
    screen = BindingScreen(
        started, confirm, reason=reason, title=f"Bind for {user.login}", back="Cancel", mail=mail,
        mail_words="mail them the key",
    )  # fmt: skip
    end = await app.ask(screen)
    if end.bound:
        return BindingEnd(True, f"{user.login} has bound a phone.")
    with suppress(SecconsoleError):  # a key that nobody confirmed runs out by itself, too
        await app.perform(RemoveFactor(tenant=app.tenant, factor=started.enrollment))
    return BindingEnd(False, end.message or f"Nothing was bound for {user.login}. That key counts for nothing.")


async def _enroll_sent(app: SecConsole, user: UserRow, kind: FactorKind) -> BindingEnd:
    """Enter an address or number; a code that is read back proves it now, and else their next sign-in does.

    Another one takes the place of the one entered here before: a mistyped number would be offered to them, and to
    whoever has it.
    """
    there = {factor.id for factor in (await app.perform(ShowUser(tenant=app.tenant, user=user.id))).factors}
    entered: dict[str, BindingStarted] = {}

    async def start(address: str) -> BindingStarted:
        started = await app.perform(EnrollFactor(tenant=app.tenant, user=user.id, kind=kind, address=address))
        for mistyped in entered.keys() - there - {started.enrollment}:
            with suppress(SecconsoleError):  # it stays then, and is named at the end
                await app.perform(RemoveFactor(tenant=app.tenant, factor=mistyped))
                del entered[mistyped]
        entered[started.enrollment] = started
        return started

    async def confirm(enrollment: str, code: Secret[str]) -> Checked:
        return await _confirm(app, enrollment, code)

    what = "number" if kind is FactorKind.SMS else "address"
    reason = (
        f"For {visible(user.name or user.login)}: their own {what}. On the phone with them, have the code read to you. "
        f"Later leaves the {what} entered: not verified until it was used once."
    )
    end = await app.ask(BindSentDialog(kind, start, confirm, reason=reason))
    detail = await app.perform(ShowUser(tenant=app.tenant, user=user.id))
    waiting = [f.masked for f in detail.factors if f.id in entered and f.bound is None]
    if end.bound:
        return BindingEnd(True, f"{user.login} has bound {_listed(entered, waiting)}.")
    if not waiting:
        return BindingEnd(False, end.message or f"No {what} was entered for {user.login}.")
    said = f"{' and '.join(waiting)} is entered for {user.login}, not verified until used once."
    if detail.user.mfa_required or detail.user.status is BindingStatus.BOUND:
        return BindingEnd(True, said)
    required = await app.ask(AskForItDialog(detail.user, waiting))
    return BindingEnd(True, f"{said} The next sign-in asks for it." if required else said)


def _listed(entered: dict[str, BindingStarted], waiting: list[str]) -> str:
    return " and ".join(started.masked for started in entered.values() if started.masked not in waiting)


async def _confirm(app: SecConsole, enrollment: str, code: Secret[str]) -> Checked:
    verdict = await app.perform(ConfirmFactor(tenant=app.tenant, enrollment=enrollment, code=code))
    return Checked(verdict.accepted, verdict.message, verdict.server_time)


def _bound(user: UserRow) -> tuple[FactorKind, ...]:
    return user.factors if user.status is BindingStatus.BOUND else ()


class AskForItDialog(DoingDialog["bool | None"]):
    """Somebody has a number that waits to be proved: asks whether their next sign-in is to send a code there."""

    def __init__(self, user: UserRow, waiting: list[str]) -> None:
        self._user = user
        body = about(
            user,
            f"{' and '.join(waiting)} is entered, and not verified until used once.",
            "Required of this user, the next sign-in sends a code there; typing it verifies it.",
            "Not required, it waits, and the policy alone decides what is asked.",
        )
        buttons = [cancel("Not now"), Button("require", "Require it")]
        super().__init__("Ask for it at the next sign-in?", body, (), buttons, focus="require")

    async def do(self, button: str, values: Values) -> bool | None:
        await self.app.perform(RequireMfa(tenant=self.app.tenant, user=self._user.id))
        return True
