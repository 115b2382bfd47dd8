"""Vocabulary of message delivery: encryption, purposes and outcomes."""

from __future__ import annotations

import re
from enum import StrEnum
from ipaddress import IPv6Address, ip_address

# Formats of settings, in syntax that every dialect of regular expressions understands. Stricter rules apply when a
# setting is stored.
HOST = r"([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[?[0-9A-Fa-f:.]+\]?)"
HELO = r"([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9.]+\])"
ACCOUNT_SID = r"AC[0-9A-Za-z]{1,64}"
SERVICE_SID = r"MG[0-9A-Za-z]{1,64}"
AUTH_TOKEN = r"[!-~]{1,256}"  # noqa: S105 - the form of one


def has_form(text: str, form: str) -> bool:
    """Return True if the whole text matches one of these formats."""
    return re.fullmatch(form, text) is not None


class Tls(StrEnum):
    """Encryption of the connection to a mail server.

    STARTTLS is mandatory where it is chosen: a server that does not offer it gets no message.
    """

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class SettingsState(StrEnum):
    """State of delivery settings.

    PENDING: stored, but without effect until the code of a test message is typed back.
    """

    PENDING = "pending"
    ACTIVE = "active"


class Purpose(StrEnum):
    """Reason for which a message is sent.

    A NOTICE reports something that happened, an INVITATION brings a first-time password, and a REMINDER asks to bind a
    factor. Nobody waits for any of them. The recipients of all other messages wait.
    """

    SIGN_IN = "sign-in"
    STEP_UP = "step-up"
    ENROLLMENT = "enrollment"
    CALLER = "caller"
    TEST = "test"
    KEY = "key"
    NOTICE = "notice"
    INVITATION = "invitation"
    REMINDER = "reminder"


NOT_AWAITED = (
    Purpose.NOTICE,
    Purpose.INVITATION,
    Purpose.REMINDER,
)  # sent after all others, and twice rather than never


# Purposes of codes as messages name them, with shorter forms for messages in which non-Latin names leave little room.
PURPOSE_WORDS = {
    Purpose.SIGN_IN: "signing in",
    Purpose.STEP_UP: "confirming your identity",
    Purpose.ENROLLMENT: "confirming this address",
    Purpose.CALLER: "your call to the helpdesk",
    Purpose.TEST: "testing the settings",
}
PURPOSE_SMS_WORDS = PURPOSE_WORDS | {Purpose.ENROLLMENT: "confirming this number"}
PURPOSE_SHORT_WORDS = {
    Purpose.SIGN_IN: "sign-in",
    Purpose.STEP_UP: "step-up",
    Purpose.ENROLLMENT: "new number",
    Purpose.CALLER: "your call",
    Purpose.TEST: "test",
}


class MessageState(StrEnum):
    """State of an outgoing message.

    UNSURE: handed over, but no answer came. VOID: replaced by a newer code before it was sent.
    """

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNSURE = "unsure"
    VOID = "void"
    EXPIRED = "expired"


def outcome_words(state: MessageState, problem: str) -> str:
    """Return what the recipient of a message has to know about it, empty while it is on its way or if it was sent."""
    if state is MessageState.SENT:
        return ""
    if state in (MessageState.WAITING, MessageState.SENDING):
        return f"{problem} Delivery will be retried." if problem else ""
    after = {
        MessageState.UNSURE: "It may or may not have arrived.",
        MessageState.VOID: "A newer message replaced it.",
    }.get(state, "Nothing was sent.")
    return f"{problem} {after}".strip()


def is_loopback(host: str) -> bool:
    """Return True if the spelling of a host names this machine.

    Other names may still resolve to it.
    """
    text = host.strip("[]").casefold()
    try:
        address = ip_address(text)
    except ValueError:
        return text == "localhost"
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    return address.is_loopback or address.is_unspecified  # connecting to these reaches this machine too
