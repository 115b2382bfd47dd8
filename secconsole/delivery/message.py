"""Messages, and the outcome of their delivery."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from secconsole.domain.secret import Secret


@dataclass(frozen=True, slots=True)
class Message:
    """Message to one address.

    The subject exists only for mail and appears on locked screens, so it contains no secrets.
    """

    to: str
    subject: str
    text: Secret[str]


class Result(StrEnum):
    """Result of a delivery.

    LATER: certainly not sent, and worth a retry. UNSURE: possibly sent, so a code is not sent again.
    """

    SENT = "sent"
    LATER = "later"
    FAILED = "failed"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """Outcome of a delivery.

    `problem` is for the helpdesk: our own words with the numbers of the other side, but never its text, which may quote
    the message. `wait`: seconds that the other side asked to wait.
    """

    result: Result
    problem: str = ""
    wait: int = 0
