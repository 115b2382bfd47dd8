"""Texts about delivery: settings in effect, settings not tested yet, and outcomes of messages."""

from __future__ import annotations

from collections.abc import Iterator

from secconsole.domain.messages.delivery import MessageState, SettingsState
from secconsole.domain.model import SENT_KINDS, FactorKind
from secconsole.operations.delivery import Delivery, MessageRow, SmtpSettings, TwilioSettings

WORDS = {FactorKind.EMAIL: "mail", FactorKind.SMS: "SMS"}
NOT_GOOD = (MessageState.FAILED, MessageState.UNSURE, MessageState.EXPIRED)

SendingSettings = SmtpSettings | TwilioSettings


def settings_of(delivery: Delivery, kind: FactorKind, state: SettingsState) -> SendingSettings | None:
    """Return the settings of a kind in that state, or None."""
    found: tuple[SendingSettings, ...] = delivery.smtp if kind is FactorKind.EMAIL else delivery.twilio
    return next((settings for settings in found if settings.state is state), None)


def in_effect(delivery: Delivery, kind: FactorKind) -> SendingSettings | None:
    return settings_of(delivery, kind, SettingsState.ACTIVE)


def untested(delivery: Delivery, kind: FactorKind) -> SendingSettings | None:
    return settings_of(delivery, kind, SettingsState.PENDING)


def where(settings: SendingSettings) -> str:
    """Return the route of messages in short: `mail.acme.example:587`, `Twilio, from +15005550006`."""
    if isinstance(settings, SmtpSettings):
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        return f"{host}:{settings.port}"
    return f"Twilio, from {settings.sender or settings.service}"


def state_words(delivery: Delivery, kind: FactorKind) -> str:
    """Return in one line if a kind of message can be sent."""
    active, waits = in_effect(delivery, kind), untested(delivery, kind)
    if active is None:
        return f"not in effect: {where(waits)} must be tested first" if waits else "not set up"
    goes = f"the demo's {'mailbox' if kind is FactorKind.EMAIL else 'phone'}" if delivery.inbox else where(active)
    return f"in effect: {goes}" + ("; new settings not tested yet" if waits else "")


def state_in_short(delivery: Delivery, kind: FactorKind) -> str:
    """Return the same in two or three words."""
    if in_effect(delivery, kind):
        return "in effect"
    return "not tested" if untested(delivery, kind) else "not set up"


def day_words(delivery: Delivery) -> str:
    """Return the outcomes of the last 24 hours, of both kinds together.

    Zero counts are left out.
    """
    sent = sum(day.sent for day in delivery.day)
    parts = [f"{sent:,} sent"]
    for words, number in (
        ("waiting", sum(day.waiting for day in delivery.day)),
        ("failed", sum(day.failed for day in delivery.day)),
        ("unsure", sum(day.unsure for day in delivery.day)),
    ):
        if number:
            parts.append(f"{number:,} {words}")
    return ", ".join(parts) + " in 24 hours"


def without_a_way(delivery: Delivery, kinds: tuple[FactorKind, ...]) -> tuple[FactorKind, ...]:
    """Return the allowed kinds that cannot be sent, since no settings are in effect."""
    return tuple(kind for kind in SENT_KINDS if kind in kinds and in_effect(delivery, kind) is None)


def went_wrong(delivery: Delivery) -> Iterator[MessageRow]:
    """Yield the latest messages that may not have been sent, newest first."""
    return (message for message in delivery.recent if message.state in NOT_GOOD or _is_tried_again(message))


def outcome_words(message: MessageRow) -> str:
    """Return the outcome of a message in two or three words."""
    if _is_tried_again(message):
        return "retrying"
    return {
        MessageState.WAITING: "waiting",
        MessageState.SENDING: "being sent",
        MessageState.SENT: "sent",
        MessageState.FAILED: "failed",
        MessageState.UNSURE: "unsure",
        MessageState.VOID: "replaced",
        MessageState.EXPIRED: "given up",
    }[message.state]


def _is_tried_again(message: MessageRow) -> bool:
    return message.state in (MessageState.WAITING, MessageState.SENDING) and bool(message.problem)
