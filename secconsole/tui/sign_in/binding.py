"""Binding a factor during sign-in, where the policy requires one and none is bound."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from secconsole.domain.errors import Unavailable
from secconsole.domain.model import FactorKind, SignInStatus
from secconsole.domain.secret import Secret
from secconsole.operations.signin import (
    BindingStarted,
    ConfirmBinding,
    KeyMailed,
    MailSignInKey,
    SendStatus,
    ShowSignInSending,
    SignInAnswer,
    StartBinding,
)
from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.screens.factors.bind_address import BindAddressDialog, KindDialog
from secconsole.tui.screens.factors.binding import BindingEnd, BindingScreen, Checked, KeyMail
from secconsole.tui.sign_in.card import SignInCancelled
from secconsole.tui.sign_in.messages import challenge_of
from secconsole.tui.widgets.form_fields import cancel

if TYPE_CHECKING:
    from secconsole.tui.console import Console

START_OVER = "Start over"
_BOUND = {FactorKind.TOTP: "phone", FactorKind.SMS: "number", FactorKind.EMAIL: "address"}


class BoundDialog(Dialog[None]):
    """Shows that a factor is bound, and lets the user in."""

    def __init__(self, kind: FactorKind) -> None:
        body = f"Your {_BOUND[kind]} is bound, and the sign-in is complete."
        super().__init__("Bound", body, (), [cancel("Enter")])


class SignInBinding:
    """A challenge that asks for a factor to be bound. `kind`: kind of the factor bound in the end."""

    def __init__(self, app: Console, answer: SignInAnswer, tenant: str) -> None:
        self._app = app
        self._challenge = challenge_of(answer)
        self._kinds = answer.kinds or (FactorKind.TOTP,)
        self._last = answer
        self._reason = f"{tenant} requires a second factor."
        if answer.helpdesk:
            self._reason += f" Help: {answer.helpdesk}"
        self.kind: FactorKind | None = None

    async def ask(self) -> SignInAnswer:
        """Run until a factor is bound or the attempt is over.

        Raise `SignInCancelled` if the user starts over.
        """
        while True:
            kind = await self._choose()
            end = await (self._bind_app() if kind is FactorKind.TOTP else self._bind_sent(kind))
            if end.bound:
                self.kind = kind
                await self._app.ask(BoundDialog(kind))
                return self._last
            if self._last.status is SignInStatus.REFUSED:
                return self._last
            if end.message:
                raise Unavailable(end.message)
            if len(self._kinds) == 1:
                raise SignInCancelled

    async def _choose(self) -> FactorKind:
        if len(self._kinds) == 1:
            return self._kinds[0]
        kind = await self._app.ask(KindDialog(self._kinds, reason=self._reason, back=START_OVER))
        if kind is None:
            raise SignInCancelled
        return kind

    @property
    def _back(self) -> str:
        return START_OVER if len(self._kinds) == 1 else "Back"

    async def _bind_app(self) -> BindingEnd:
        started = await self._app.perform(StartBinding(challenge=self._challenge))

        async def send(address: str) -> KeyMailed:
            operation = MailSignInKey(challenge=self._challenge, enrollment=started.enrollment, address=address)
            return await self._app.perform(operation)

        async def look() -> SendStatus:
            return await self._look(started.enrollment)

        confirm, mail = self._confirm_of(started.enrollment), KeyMail(send, look)
        screen = BindingScreen(started, confirm, reason=self._reason, back=self._back, mail=mail)
        return await self._app.ask(screen)

    async def _bind_sent(self, kind: FactorKind) -> BindingEnd:
        async def start(address: str) -> BindingStarted:
            return await self._app.perform(StartBinding(challenge=self._challenge, kind=kind, address=address))

        async def confirm(enrollment: str, code: Secret[str]) -> Checked:
            return await self._confirm_of(enrollment)(code)

        dialog = BindAddressDialog(kind, start, confirm, self._look, reason=self._reason, back=self._back)
        return await self._app.ask(dialog)

    async def _look(self, enrollment: str) -> SendStatus:
        return await self._app.backend.perform(ShowSignInSending(challenge=self._challenge, enrollment=enrollment))

    def _confirm_of(self, enrollment: str) -> Callable[[Secret[str]], Awaitable[Checked]]:
        async def confirm(code: Secret[str]) -> Checked:
            operation = ConfirmBinding(challenge=self._challenge, enrollment=enrollment, code=code)
            self._last = last = await self._app.perform(operation)
            bound, over = last.status is SignInStatus.COMPLETE, last.status is SignInStatus.REFUSED
            return Checked(bound, last.message, last.server_time, last.left, over)

        return confirm
