"""The words of sending: how a line is encrypted, what a message is for, and what became of it."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import ip_address


class Tls(StrEnum):
    """STARTTLS is demanded where it is chosen: a server without it gets nothing."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class SettingsState(StrEnum):
    """PENDING: kept, and without effect until the code of a test was typed back."""

    PENDING = "pending"
    ACTIVE = "active"


class Purpose(StrEnum):
    SIGN_IN = "sign-in"
    STEP_UP = "step-up"
    ENROLLMENT = "enrollment"
    TEST = "test"


class MessageState(StrEnum):
    """UNSURE: handed over, and no answer came. VOID: a newer code took its place before it was sent."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNSURE = "unsure"
    VOID = "void"
    EXPIRED = "expired"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, going by its spelling alone."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.casefold() == "localhost"
