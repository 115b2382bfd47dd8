"""Adding a factor to the user's own account, and verifying a pending one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secconsole.domain.messages.mail_address import masked_mail
from secconsole.domain.messages.phone import masked_phone
from secconsole.domain.model import FactorKind, FactorState
from secconsole.domain.secret import Secret
from secconsole.operations.factors import ConfirmFactor, EnrollFactor, ShowEnrollmentSending
from secconsole.operations.signin import BindingStarted, SendStatus
from secconsole.operations.users import FactorRow
from secconsole.tui.screens.account.dialogs import LabelDialog
from secconsole.tui.screens.account.rows import Own
from secconsole.tui.screens.factors.binding import BindingEnd, BindingScreen, Checked
from secconsole.tui.screens.factors.key_mail import key_mail

if TYPE_CHECKING:
    from secconsole.tui.console import Console

_LEFT = BindingEnd(False)
_EXAMPLES = {FactorKind.TOTP: "Pixel 8", FactorKind.EMAIL: "at home", FactorKind.SMS: "work phone"}
_GUARDS = "It then guards your account."
_BESIDE = "It is added to the factors that you have."
_REPLACED = "A new app replaces the current one; addresses and numbers are added."
_REPLACES = "The current app works until the new one is confirmed, then it stops working."


class Adding:
    """Binds a factor for the signed-in user.

    Each step returns how it ended.
    """

    def __init__(self, app: Console, own: Own) -> None:
        self._app, self._own = app, own
        self._tenant, self._user = own.me.tenant, own.me.id

    async def add(self) -> BindingEnd:
        """Ask for the kind, if several are allowed, and a name, and bind the factor."""
        kinds = self._own.rules.kinds
        kind: FactorKind | None = kinds[0]
        if len(kinds) > 1:
            from secconsole.tui.screens.factors.bind_address import KindDialog

            beside = _BESIDE if self._own.active else _GUARDS
            kind = await self._app.ask(KindDialog(kinds, reason=_REPLACED if self._has_app else beside))
        if kind is None:
            return _LEFT
        parts = [_REPLACES] if kind is FactorKind.TOTP and self._has_app else []
        label = await self._app.ask(LabelDialog(_EXAMPLES[kind], *parts))
        if label is None:
            return _LEFT
        return await (self._app_by_code(label) if kind is FactorKind.TOTP else self._sent(kind, label))

    async def go_on(self, factor: FactorRow) -> BindingEnd:
        """Verify a pending factor: an address takes the code sent there.

        An app gets a new key.
        """
        if factor.kind is FactorKind.TOTP:
            # The key of a pending app was shown once and cannot be shown again.
            return await self._app_by_code(factor.label)
        return await self._sent(factor.kind, factor.label, address=self._address_of(factor))

    @property
    def _has_app(self) -> bool:
        return any(factor.kind is FactorKind.TOTP for factor in self._own.active)

    async def _app_by_code(self, label: str) -> BindingEnd:
        started = await self._app.perform(EnrollFactor(tenant=self._tenant, user=self._user, label=label))

        async def confirm(code: Secret[str]) -> Checked:
            return await self._checked(started.enrollment, code)

        mail = key_mail(self._app, self._tenant, started.enrollment)
        title = "Bind another phone" if self._has_app else "Bind your phone"
        kept = "The current one works until this one is confirmed."
        reason = kept if self._has_app else _GUARDS
        screen = BindingScreen(started, confirm, reason=reason, title=title, back="Cancel", mail=mail)
        return await self._app.ask(screen)

    async def _sent(self, kind: FactorKind, label: str, address: str | None = None) -> BindingEnd:
        from secconsole.tui.screens.factors.bind_address import BindAddressDialog

        async def start(address: str) -> BindingStarted:
            operation = EnrollFactor(tenant=self._tenant, user=self._user, kind=kind, label=label, address=address)
            return await self._app.perform(operation)

        async def look(enrollment: str) -> SendStatus:
            return await self._app.backend.perform(ShowEnrollmentSending(tenant=self._tenant, enrollment=enrollment))

        if address is None:
            address = self._on_record(kind)
            reason = _BESIDE if self._own.active else _GUARDS
        elif address:
            reason = "It does not count yet. Type the code that is sent there."
        else:
            reason = "It does not count yet. Enter it in full again, then type the code that is sent there."
        return await self._app.ask(
            BindAddressDialog(kind, start, self._checked, look, reason=reason, address=address, back="Cancel")
        )

    async def _checked(self, enrollment: str, code: Secret[str]) -> Checked:
        verdict = await self._app.perform(ConfirmFactor(tenant=self._tenant, enrollment=enrollment, code=code))
        return Checked(verdict.accepted, verdict.message, verdict.server_time)

    def _on_record(self, kind: FactorKind) -> str:
        """Return the address or number on record, unless it is bound already."""
        user = self._own.detail.user
        known = user.phone if kind is FactorKind.SMS else user.email
        return "" if _masked(kind, known) in {f.masked for f in self._own.active} else known

    def _address_of(self, factor: FactorRow) -> str:
        """Return the full address of a pending factor if it is the one on record.

        Else it has to be typed again.
        """
        user = self._own.detail.user
        known = user.phone if factor.kind is FactorKind.SMS else user.email
        return known if factor.state is FactorState.PENDING and _masked(factor.kind, known) == factor.masked else ""


def _masked(kind: FactorKind, address: str) -> str:
    if not address:
        return ""
    return masked_phone(address) if kind is FactorKind.SMS else masked_mail(address)
