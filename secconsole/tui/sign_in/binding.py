"""Binding a factor on the way in, where the policy requires one and none is bound."""

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
    SignInAnswer,
    StartBinding,
)
from secconsole.tui.screens.factors.bind_sent import BindSentDialog, KindDialog
from secconsole.tui.screens.factors.binding import BindingEnd, BindingScreen, Checked
from secconsole.tui.screens.sign_in import LeftOff
from secconsole.tui.sign_in.words import challenge_of

if TYPE_CHECKING:
    from secconsole.tui.app import SecConsole

START_OVER = "Start over"


class SignInBinding:
    """One challenge that asks for a factor to be bound. `kind`: what was bound in the end."""

    def __init__(self, app: SecConsole, answer: SignInAnswer, tenant: str) -> None:
        self._app = app
        self._challenge = challenge_of(answer)
        self._kinds = answer.kinds or (FactorKind.TOTP,)
        self._last = answer
        self._reason = f"{tenant} requires a second factor."
        self.kind: FactorKind | None = None

    async def ask(self) -> SignInAnswer:
        """Until something is bound or the attempt is over; raises `LeftOff` for whoever starts over."""
        while True:
            kind = await self._choose()
            end = await (self._bind_app() if kind is FactorKind.TOTP else self._bind_sent(kind))
            if end.bound:
                self.kind = kind
                return self._last
            if self._last.status is SignInStatus.REFUSED:
                return self._last
            if end.message:
                raise Unavailable(end.message)
            if len(self._kinds) == 1:
                raise LeftOff

    async def _choose(self) -> FactorKind:
        if len(self._kinds) == 1:
            return self._kinds[0]
        kind = await self._app.ask(KindDialog(self._kinds, reason=self._reason, back=START_OVER))
        if kind is None:
            raise LeftOff
        return kind

    @property
    def _back(self) -> str:
        return START_OVER if len(self._kinds) == 1 else "Back"

    async def _bind_app(self) -> BindingEnd:
        started = await self._app.line.ask(StartBinding(challenge=self._challenge))

        async def mail(address: str) -> KeyMailed:
            operation = MailSignInKey(challenge=self._challenge, enrollment=started.enrollment, address=address)
            return await self._app.line.ask(operation)

        confirm = self._confirm_of(started.enrollment)
        screen = BindingScreen(started, confirm, reason=self._reason, back=self._back, mail=mail)
        return await self._app.ask(screen)

    async def _bind_sent(self, kind: FactorKind) -> BindingEnd:
        async def start(address: str) -> BindingStarted:
            return await self._app.line.ask(StartBinding(challenge=self._challenge, kind=kind, address=address))

        async def confirm(enrollment: str, code: Secret[str]) -> Checked:
            return await self._confirm_of(enrollment)(code)

        return await self._app.ask(BindSentDialog(kind, start, confirm, reason=self._reason, back=self._back))

    def _confirm_of(self, enrollment: str) -> Callable[[Secret[str]], Awaitable[Checked]]:
        async def confirm(code: Secret[str]) -> Checked:
            operation = ConfirmBinding(challenge=self._challenge, enrollment=enrollment, code=code)
            self._last = last = await self._app.line.ask(operation)
            bound, over = last.status is SignInStatus.COMPLETE, last.status is SignInStatus.REFUSED
            return Checked(bound, last.message, last.server_time, last.left, over)

        return confirm
