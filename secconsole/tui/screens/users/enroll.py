"""Enrolling a factor for another user: beside them, or for their next sign-in."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from secconsole.domain.errors import SecconsoleError
from secconsole.domain.model import BindingStatus, FactorKind
from secconsole.domain.secret import Secret
from secconsole.domain.text import visible
from secconsole.operations.factors import ConfirmFactor, EnrollFactor, RemoveFactor, ShowEnrollmentSending
from secconsole.operations.signin import BindingStarted, SendStatus
from secconsole.operations.user_changes import RequireMfa
from secconsole.operations.users import ShowUser, UserDetail, UserRow
from secconsole.tui.screens.factors.bind_address import BindAddressDialog, KindDialog
from secconsole.tui.screens.factors.binding import BindingEnd, BindingScreen, Checked
from secconsole.tui.screens.factors.key_mail import key_mail
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.text.about import about
from secconsole.tui.widgets.form_fields import Button, cancel

if TYPE_CHECKING:
    from secconsole.tui.console import Console


async def enroll(app: Console, user: UserRow) -> BindingEnd | None:
    """Ask for a kind, also one that the policy does not let users bind themselves, and bind it.

    Return None if cancelled. The result has a message if there is more to tell than that the factor is bound.
    """
    kind = await app.ask(KindDialog(tuple(FactorKind), reason=f"For {visible(user.name or user.login)}."))
    if kind is None:
        return None
    return await (_enroll_app(app, user) if kind is FactorKind.TOTP else _enroll_sent(app, user, kind))


async def _enroll_app(app: Console, user: UserRow) -> BindingEnd:
    """Create a key, show it, and take codes until one is right.

    The current app works until then. A key that was not confirmed is removed, so that the user is not left pending.
    """
    started = await app.perform(EnrollFactor(tenant=app.tenant, user=user.id))

    async def confirm(code: Secret[str]) -> Checked:
        return await _confirm(app, started.enrollment, code)

    mail = key_mail(app, app.tenant, started.enrollment, "mail them the key")
    kept = " The current phone works until then." if FactorKind.TOTP in _bound(user) else ""
    reason = f"For {visible(user.name or user.login)}, on their own phone.{kept}"
    screen = BindingScreen(started, confirm, reason=reason, title=f"Bind for {user.login}", back="Cancel", mail=mail)
    end = await app.ask(screen)
    if end.bound:
        return BindingEnd(True, f"{user.login} has bound a phone.")
    with suppress(SecconsoleError):  # an unconfirmed key also expires
        await app.perform(RemoveFactor(tenant=app.tenant, factor=started.enrollment))
    return BindingEnd(False, end.message or f"Nothing was bound for {user.login}. That key is void.")


async def _enroll_sent(app: Console, user: UserRow, kind: FactorKind) -> BindingEnd:
    """Add an address or number that the user's next sign-in verifies.

    Nothing is sent before that.
    """
    entered: list[str] = []

    async def start(address: str) -> BindingStarted:
        started = await app.perform(EnrollFactor(tenant=app.tenant, user=user.id, kind=kind, address=address))
        entered.append(started.enrollment)
        return started

    async def confirm(enrollment: str, code: Secret[str]) -> Checked:
        return await _confirm(app, enrollment, code)

    async def look(enrollment: str) -> SendStatus:
        return await app.backend.perform(ShowEnrollmentSending(tenant=app.tenant, enrollment=enrollment))

    what = "number" if kind is FactorKind.SMS else "address"
    reason = f"For {visible(user.name or user.login)}: their own {what}."
    end = await app.ask(BindAddressDialog(kind, start, confirm, look, reason=reason, back="Cancel", enters=True))
    detail = await app.perform(ShowUser(tenant=app.tenant, user=user.id))
    waiting = [f.masked for f in detail.factors if f.id in entered and f.bound is None]
    if not waiting:
        return BindingEnd(False, end.message or f"No {what} was added for {user.login}.")
    message = f"{' and '.join(waiting)} was added for {user.login}, not verified until used once."
    if detail.user.mfa_required or detail.user.status is BindingStatus.BOUND:
        return BindingEnd(True, message)
    required = await app.ask(AskForItDialog(detail, waiting))
    return BindingEnd(True, f"{message} The next sign-in asks for it." if required else message)


async def _confirm(app: Console, enrollment: str, code: Secret[str]) -> Checked:
    verdict = await app.perform(ConfirmFactor(tenant=app.tenant, enrollment=enrollment, code=code))
    return Checked(verdict.accepted, verdict.message, verdict.server_time)


def _bound(user: UserRow) -> tuple[FactorKind, ...]:
    return user.factors if user.status is BindingStatus.BOUND else ()


class AskForItDialog(SubmitDialog["bool | None"]):
    """Asks if the next sign-in should send a code to a user's unverified address or number."""

    def __init__(self, detail: UserDetail, waiting: list[str]) -> None:
        self._user = detail.user
        body = about(
            detail,
            f"{' and '.join(waiting)} was added, and is not verified until used once.",
            "If a factor is required of this user, the next sign-in sends a code there; entering it verifies it.",
            "If not, it stays unverified, and the policy alone decides what is asked.",
        )
        buttons = [cancel("Not now"), Button("require", "Require it")]
        super().__init__("Ask for it at the next sign-in?", body, (), buttons, focus="require")

    async def submit(self, button: str, values: Values) -> bool | None:
        await self.app.perform(RequireMfa(tenant=self.app.tenant, user=self._user.id))
        return True
