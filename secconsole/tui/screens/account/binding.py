"""Adding a factor to one's own account, and verifying one that was begun."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secconsole.domain.mail_address import masked_mail
from secconsole.domain.model import FactorKind, FactorState
from secconsole.domain.phone import masked_phone
from secconsole.domain.secret import Secret
from secconsole.operations.factors import ConfirmFactor, EnrollFactor, MailKey
from secconsole.operations.signin import BindingStarted, KeyMailed
from secconsole.operations.users import FactorRow
from secconsole.tui.screens.account.dialogs import LabelDialog
from secconsole.tui.screens.account.rows import Own
from secconsole.tui.screens.factors.binding import BindingEnd, BindingScreen, Checked

if TYPE_CHECKING:
    from secconsole.tui.app import SecConsole

_LEFT = BindingEnd(False)
_EXAMPLES = {FactorKind.TOTP: "Pixel 8", FactorKind.EMAIL: "at home", FactorKind.SMS: "work phone"}
_GUARDS = "It then guards your account."
_BESIDE = "It comes beside what is bound now."
_REPLACED = "A new app takes the place of the one bound now; addresses and numbers come beside it."
_REPLACES = "The app bound now works until the new one is confirmed, and from then on no longer."


class Adding:
    """Binds a factor for whoever is at work; each step answers how it ended."""

    def __init__(self, app: SecConsole, own: Own) -> None:
        self._app, self._own = app, own
        self._tenant, self._user = own.me.tenant, own.me.id

    async def add(self) -> BindingEnd:
        """Ask for the kind, where several are allowed, and for a name, and bind it."""
        kinds = self._own.rules.kinds
        kind: FactorKind | None = kinds[0]
        if len(kinds) > 1:
            from secconsole.tui.screens.factors.bind_sent import KindDialog

            beside = _BESIDE if self._own.active else _GUARDS
            kind = await self._app.ask(KindDialog(kinds, reason=_REPLACED if self._has_app else beside))
        if kind is None:
            return _LEFT
        said = [_REPLACES] if kind is FactorKind.TOTP and self._has_app else []
        label = await self._app.ask(LabelDialog(_EXAMPLES[kind], *said))
        if label is None:
            return _LEFT
        return await (self._app_by_code(label) if kind is FactorKind.TOTP else self._sent(kind, label))

    async def go_on(self, factor: FactorRow) -> BindingEnd:
        """Verify what was begun: an address takes the code sent there; an app gets another key, its first is gone."""
        if factor.kind is FactorKind.TOTP:
            return await self._app_by_code(factor.label)
        return await self._sent(factor.kind, factor.label, address=self._address_of(factor))

    @property
    def _has_app(self) -> bool:
        return any(factor.kind is FactorKind.TOTP for factor in self._own.active)

    async def _app_by_code(self, label: str) -> BindingEnd:
        started = await self._app.perform(EnrollFactor(tenant=self._tenant, user=self._user, label=label))

        async def confirm(code: Secret[str]) -> Checked:
            return await self._checked(started.enrollment, code)

        async def mail(address: str) -> KeyMailed:
            operation = MailKey(tenant=self._tenant, enrollment=started.enrollment, address=address)
            return await self._app.perform(operation)

        title = "Bind another phone" if self._has_app else "Bind your phone"
        kept = "The one bound now works until this one is confirmed."
        reason = kept if self._has_app else _GUARDS
        screen = BindingScreen(started, confirm, reason=reason, title=title, back="Cancel", mail=mail)
        return await self._app.ask(screen)

    async def _sent(self, kind: FactorKind, label: str, address: str | None = None) -> BindingEnd:
        from secconsole.tui.screens.factors.bind_sent import BindSentDialog

        async def start(address: str) -> BindingStarted:
            operation = EnrollFactor(tenant=self._tenant, user=self._user, kind=kind, label=label, address=address)
            return await self._app.perform(operation)

        if address is None:
            address = self._on_record(kind)
            reason = _BESIDE if self._own.active else _GUARDS
        elif address:
            reason = "So far it counts for nothing. Type the code that goes there."
        else:
            reason = "So far it counts for nothing. Give it in full once more, and type the code that goes there."
        return await self._app.ask(
            BindSentDialog(kind, start, self._checked, reason=reason, address=address, back="Cancel")
        )

    async def _checked(self, enrollment: str, code: Secret[str]) -> Checked:
        verdict = await self._app.perform(ConfirmFactor(tenant=self._tenant, enrollment=enrollment, code=code))
        return Checked(verdict.accepted, verdict.message, verdict.server_time)

    def _on_record(self, kind: FactorKind) -> str:
        """The address or number on record, unless it is bound already."""
        user = self._own.detail.user
        known = user.phone if kind is FactorKind.SMS else user.email
        return "" if _masked(kind, known) in {f.masked for f in self._own.active} else known

    def _address_of(self, factor: FactorRow) -> str:
        """The whole address of a factor begun, where it is the one on record; else it has to be typed again."""
        user = self._own.detail.user
        known = user.phone if factor.kind is FactorKind.SMS else user.email
        return known if factor.state is FactorState.PENDING and _masked(factor.kind, known) == factor.masked else ""


def _masked(kind: FactorKind, address: str) -> str:
    if not address:
        return ""
    return masked_phone(address) if kind is FactorKind.SMS else masked_mail(address)
