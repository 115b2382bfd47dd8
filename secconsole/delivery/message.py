"""What is sent, and what came of handing it on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from secconsole.domain.secret import Secret


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one address. The subject, which only mail has, is seen on locked screens: no secret is in it."""

    to: str
    subject: str
    text: Secret[str]


class Result(StrEnum):
    """LATER: surely not sent, and worth trying again. UNSURE: perhaps sent, so a code is not sent again."""

    SENT = "sent"
    LATER = "later"
    FAILED = "failed"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`problem` is for a helpdesk: our own words, with numbers of the other side's and never its text, which may
    quote the message. `wait`: seconds that it asked to be left alone for."""

    result: Result
    problem: str = ""
    wait: int = 0
