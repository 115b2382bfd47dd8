"""The words of sending: how a line is encrypted, what a message is for, and what became of it."""

from __future__ import annotations

import re
from enum import StrEnum
from ipaddress import IPv6Address, ip_address

# The forms of what is set, in every dialect of regular expressions; what they cannot say is said when it is set.
HOST = r"([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[?[0-9A-Fa-f:.]+\]?)"
ACCOUNT_SID = r"AC[0-9A-Za-z]{1,64}"
SERVICE_SID = r"MG[0-9A-Za-z]{1,64}"
AUTH_TOKEN = r"[!-~]{1,256}"  # noqa: S105 - the form of one


def has_form(text: str, form: str) -> bool:
    """Whether the whole of a text is of one of these forms."""
    return re.fullmatch(form, text) is not None


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
    """NOTICE: it tells of what happened and nobody waits for it; all others do wait."""

    SIGN_IN = "sign-in"
    STEP_UP = "step-up"
    ENROLLMENT = "enrollment"
    TEST = "test"
    KEY = "key"
    NOTICE = "notice"


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
    """Whether a host is this machine, going by its spelling alone: a name may still lead here."""
    text = host.strip("[]").casefold()
    try:
        address = ip_address(text)
    except ValueError:
        return text == "localhost"
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    return address.is_loopback or address.is_unspecified  # to which one connects as to this machine, too
