"""The steps of a sign-in, asked in one conversation: password, second factor, a new password, binding a factor.

A program that uses PAM drops what a failed attempt said, so that wrong entries are asked for again here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from secconsole.domain.errors import Invalid, SecconsoleError
from secconsole.domain.model import OfferedKind, SignInStatus
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.operations.signin import (
    ChoosePassword,
    OfferedFactor,
    SendCode,
    SendStatus,
    ShowSignInSending,
    SignIn,
    SignInAnswer,
    VerifySignIn,
)
from secconsole.pam.binding import bind
from secconsole.pam.client import Service
from secconsole.pam.conversation import Conversation, Introduction

PASSWORDS = 3  # in one conversation
MOST_STEPS = 20
_SENT = {OfferedKind.EMAIL: "e-mail", OfferedKind.SMS: "SMS"}
_NAMES = {OfferedKind.TOTP: "authenticator app", OfferedKind.BYPASS: "code from the helpdesk"}
_POLLS, _INTERVAL = 10, 0.3  # seconds between looks at a message that is being sent


async def sign_in(service: Service, conversation: Conversation, who: Introduction, tenant: str) -> SignInAnswer:
    """Return the last answer of a sign-in, whose status is `complete` only if it was."""
    answer = await _first_step(service, conversation, who, tenant)
    for _ in range(MOST_STEPS):
        if answer.status in (SignInStatus.COMPLETE, SignInStatus.REFUSED) or answer.challenge is None:
            break
        answer = await _next_step(service, conversation, answer, answer.challenge)
    return answer


async def _first_step(service: Service, conversation: Conversation, who: Introduction, tenant: str) -> SignInAnswer:
    password, tries = who.password, PASSWORDS
    while True:
        given = password or await conversation.ask_hidden("Password:")
        answer = await service.perform(SignIn(tenant=tenant, login=who.user, password=given, session=False))
        tries -= 1
        if answer.message:
            await conversation.warn(answer.message)
        if answer.status is not SignInStatus.REFUSED or password or not tries or answer.retry_at:
            return answer


async def _next_step(
    service: Service, conversation: Conversation, answer: SignInAnswer, challenge: Secret[str]
) -> SignInAnswer:
    if answer.status is SignInStatus.SECOND_FACTOR:
        return await _second_factor(service, conversation, answer, challenge)
    if answer.status is SignInStatus.NEW_PASSWORD:
        return await _new_password(service, conversation, answer, challenge)
    return await bind(service, conversation, challenge, answer.kinds)


async def _second_factor(
    service: Service, conversation: Conversation, answer: SignInAnswer, challenge: Secret[str]
) -> SignInAnswer:
    """Ask for a code until one is right, the attempt has ended, or another factor is wanted."""
    factor = await _chosen(conversation, answer.factors)
    question = "Code from your authenticator app:" if factor.kind is OfferedKind.TOTP else "Code:"
    if factor.kind in _SENT:
        sent = await service.perform(SendCode(challenge=challenge, factor=factor.id))
        trouble = await _trouble(service, ShowSignInSending(challenge=challenge)) if sent.sent else ""
        await conversation.tell(trouble or sent.message or f"A code is on its way to {factor.masked}.")
        if sent.status is SignInStatus.REFUSED:
            return sent
        if sent.prefix:
            question = f"Code {sent.prefix}-"
    while True:
        code = Secret(await conversation.ask(question))
        answer = await service.perform(VerifySignIn(challenge=challenge, factor=factor.id, code=code))
        if answer.message:
            await (conversation.tell if answer.status is SignInStatus.COMPLETE else conversation.warn)(answer.message)
        if answer.status is not SignInStatus.SECOND_FACTOR:
            return answer
        if factor.kind in _SENT and answer.prefix is None:  # the code is void, so another one has to be sent
            return answer


async def _chosen(conversation: Conversation, factors: Sequence[OfferedFactor]) -> OfferedFactor:
    if len(factors) == 1:
        return factors[0]
    return factors[await conversation.pick("How do you want to confirm this sign-in?", [_name(f) for f in factors])]


def _name(factor: OfferedFactor) -> str:
    if factor.kind in _SENT:
        return f"{_SENT[factor.kind]} to {factor.masked}"
    return _NAMES[factor.kind] + (f" ({factor.masked})" if factor.masked else "")


async def _new_password(
    service: Service, conversation: Conversation, answer: SignInAnswer, challenge: Secret[str]
) -> SignInAnswer:
    await conversation.tell(answer.message or "Choose a new password first.")
    while True:
        first = await conversation.ask_hidden("New password:")
        if await conversation.ask_hidden("Repeat the password:") != first:
            await conversation.warn("The two passwords differ. Enter both again.")
            continue
        try:
            return await service.perform(ChoosePassword(challenge=challenge, password=first))
        except Invalid as error:
            await conversation.warn(error.message)


async def _trouble(service: Service, look: Operation[SendStatus]) -> str:
    """Return why a message could not be sent, or an empty text if it was, or is still on its way."""
    for _ in range(_POLLS):
        try:
            status = await service.perform(look)
        except SecconsoleError:
            return ""
        if status.final or status.message:
            return status.message
        await asyncio.sleep(_INTERVAL)
    return ""
