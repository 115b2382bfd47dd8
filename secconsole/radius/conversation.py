"""Sign-in of a user by RADIUS: password, then the code that a challenge asks for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from secconsole.domain.errors import Invalid, NotFound
from secconsole.domain.model import SENT_KINDS, OfferedKind, SignInStatus
from secconsole.domain.secret import Secret
from secconsole.operations.challenges import StartChallenge
from secconsole.operations.signin import OfferedFactor, SendCode, SignInAnswer, VerifySignIn
from secconsole.radius.packets import Code, Reply, Request
from secconsole.radius.pending import WAITS, Waiting, WaitingSignIns

Perform = Callable[[Any], Awaitable[Any]]

BIND_ELSEWHERE = "A second factor has to be bound first. Bind it in the console or by SSH."
REFUSED = "Sign-in failed. Start again."
APP = "Code from your authenticator app"
_SENT = {str(kind) for kind in SENT_KINDS}


class Conversation:
    """Answers requests by operations in one tenant.

    An error of the store leaves a request without an answer.
    """

    def __init__(self, perform: Perform, tenant: str, waiting: WaitingSignIns) -> None:
        self._perform, self._tenant, self._waiting = perform, tenant, waiting

    async def answer(self, request: Request, address: str) -> Reply:
        """Return the reply to a request from an address."""
        try:
            if request.state is None:
                return await self._begin(request, address)
            found = self._waiting.take(request.state, request.client.name, request.user)
            if found is None:
                return Reply(Code.REJECT, REFUSED)
            return await self._continue(found, request.password)
        except (Invalid, NotFound):  # a text that no login, password or code can be
            return Reply(Code.REJECT, REFUSED)

    async def _begin(self, request: Request, address: str) -> Reply:
        asked = StartChallenge(tenant=self._tenant, login=request.user, password=request.password, address=address)
        answer: SignInAnswer = await self._perform(asked)
        if answer.status is SignInStatus.ENROLL:
            return Reply(Code.REJECT, BIND_ELSEWHERE)
        if answer.status is not SignInStatus.SECOND_FACTOR or answer.challenge is None:
            return _ended(answer)
        sent = tuple(factor for factor in answer.factors if str(factor.kind) in _SENT)
        waiting = Waiting(request.client.name, request.user, answer.challenge, choices=sent[:9])
        if len(answer.factors) == 1 and sent:
            return await self._send(waiting, sent[0])
        return self._ask(waiting, _prompt(answer.factors, sent[:9]))

    async def _continue(self, waiting: Waiting, typed: Secret[str]) -> Reply:
        chosen = typed.reveal().strip()
        if len(chosen) == 1 and chosen.isascii() and chosen.isdigit():
            if not 1 <= int(chosen) <= len(waiting.choices):
                return self._ask(waiting, _prompt((), waiting.choices))
            return await self._send(waiting, waiting.choices[int(chosen) - 1])
        asked = VerifySignIn(challenge=waiting.challenge, factor=waiting.factor, code=typed)
        answer: SignInAnswer = await self._perform(asked)
        if answer.status is not SignInStatus.SECOND_FACTOR:
            return _ended(answer)
        return self._ask(waiting, f"{answer.message} {_code(answer.prefix)}")

    async def _send(self, waiting: Waiting, factor: OfferedFactor) -> Reply:
        """Send a code to one address or number.

        Its letters are in the prompt, so that the user knows the message.
        """
        answer: SignInAnswer = await self._perform(SendCode(challenge=waiting.challenge, factor=factor.id))
        if answer.status is not SignInStatus.SECOND_FACTOR:
            return _ended(answer)
        return self._ask(replace(waiting, factor=factor.id), f"{answer.message} {_code(answer.prefix)}")

    def _ask(self, waiting: Waiting, message: str) -> Reply:
        return Reply(Code.CHALLENGE, message.strip(), self._waiting.add(waiting), WAITS)


def _ended(answer: SignInAnswer) -> Reply:
    """Return the last reply.

    Whatever is not complete is refused.
    """
    if answer.status is SignInStatus.COMPLETE:
        return Reply(Code.ACCEPT, answer.message)
    return Reply(Code.REJECT, answer.message or REFUSED)


def _code(prefix: str | None) -> str:
    return f"Code ({prefix}):" if prefix else "Code:"


def _prompt(offered: tuple[OfferedFactor, ...], sent: tuple[OfferedFactor, ...]) -> str:
    """Return what to type, with a number for each place that a code can be sent to."""
    others = {factor.kind for factor in offered} - {factor.kind for factor in sent}
    parts = [APP] if OfferedKind.TOTP in others else []
    parts += ["bypass code"] if OfferedKind.BYPASS in others else []
    parts += [f"{number} to send one to {factor.masked}" for number, factor in enumerate(sent, start=1)]
    return f"{', or '.join(parts)}:"
