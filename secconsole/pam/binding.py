"""Binding a first factor within a conversation, by a QR code as text with its key, or by a code that is sent."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from secconsole.domain.errors import Invalid
from secconsole.domain.factors.otpauth import grouped_key
from secconsole.domain.factors.qr import text_qr
from secconsole.domain.model import FactorKind, SignInStatus
from secconsole.domain.secret import Secret
from secconsole.operations.signin import BindingStarted, ConfirmBinding, SignInAnswer, StartBinding
from secconsole.pam.client import Service
from secconsole.pam.conversation import Conversation

_KINDS = {
    FactorKind.TOTP: "an authenticator app",
    FactorKind.EMAIL: "codes by e-mail",
    FactorKind.SMS: "codes by SMS",
}


class Drawing(StrEnum):
    """Way to show a key.

    The user chooses, because programs at the other end tell neither their colours nor their character set.
    """

    DARK = "a QR code, for light text on a dark window"
    LIGHT = "a QR code, for dark text on a light window"
    PLAIN = "a QR code of # signs, if the others look broken"
    NONE = "only the key, to type"


async def bind(
    service: Service, conversation: Conversation, challenge: Secret[str], kinds: Sequence[FactorKind]
) -> SignInAnswer:
    """Bind a factor of a kind that the policy allows, and return the answer that follows."""
    await conversation.tell("A second factor is required here, and you have none yet.")
    kind = FactorKind.TOTP
    if kinds:
        kind = kinds[0] if len(kinds) == 1 else await _picked_kind(conversation, kinds)
    if kind is FactorKind.TOTP:
        started = await service.perform(StartBinding(challenge=challenge, kind=kind))
        await _show_key(conversation, started)
        question = "Code that the app shows now:"
    else:
        started = await _send(service, conversation, challenge, kind)
        question = f"Code {started.prefix}-"
    while True:
        code = Secret(await conversation.ask(question))
        answer = await service.perform(ConfirmBinding(challenge=challenge, enrollment=started.enrollment, code=code))
        if answer.message:
            is_right = answer.status is not SignInStatus.ENROLL
            await (conversation.tell if is_right else conversation.warn)(answer.message)
        if answer.status is not SignInStatus.ENROLL or kind is not FactorKind.TOTP:
            return answer


async def _picked_kind(conversation: Conversation, kinds: Sequence[FactorKind]) -> FactorKind:
    return kinds[await conversation.pick("What do you want to use?", [_KINDS[kind] for kind in kinds])]


async def _show_key(conversation: Conversation, started: BindingStarted) -> None:
    drawings = list(Drawing)
    drawing = drawings[await conversation.pick("Your authenticator app needs a key. Show it as", drawings)]
    parts = [f"Key: {grouped_key(started.key.reveal())}"]
    if drawing is not Drawing.NONE:
        plain, dark = drawing is Drawing.PLAIN, drawing is not Drawing.LIGHT
        parts.insert(0, text_qr(started.uri.reveal(), ascii_only=plain, dark_paper=dark))
    await conversation.tell("\n".join(parts))


async def _send(
    service: Service, conversation: Conversation, challenge: Secret[str], kind: FactorKind
) -> BindingStarted:
    """Ask for an address or number until a code is on its way there."""
    what = "E-mail address" if kind is FactorKind.EMAIL else "Phone number, with its country code"
    while True:
        address = await conversation.ask(f"{what} [the one on record]:", "-")
        try:
            started = await service.perform(
                StartBinding(challenge=challenge, kind=kind, address="" if address == "-" else address)
            )
        except Invalid as error:
            await conversation.warn(error.message)
            continue
        await conversation.tell(started.message or f"A code is on its way to {started.masked}.")
        if started.prefix:
            return started
