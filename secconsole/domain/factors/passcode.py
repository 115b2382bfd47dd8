"""Codes that are sent, such as `XYWD-581883`, of which only the digits are typed.

The screen shows the letters too, so that people recognise the message that belongs to this attempt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from secconsole.domain.secret import Secret

LASTS = 10 * 60_000  # milliseconds; NIST SP 800-63B-4 section 3.1.3.2: at most ten minutes
MOST_WRONG = 5
RANDOM_BYTES = 24
DIGITS = 6
_LETTERS = "BCDFGHJKLMNPQRSTVWXYZ"  # without vowels, so that no words appear


@dataclass(frozen=True, slots=True)
class Passcode:
    """Code with a public `prefix` and secret digits."""

    prefix: str
    digits: Secret[str]

    @property
    def whole(self) -> Secret[str]:
        return Secret(f"{self.prefix}-{self.digits.reveal()}")


def make_passcode(random: bytes) -> Passcode:
    """Return a code made from `RANDOM_BYTES` random bytes, with leading zeros."""
    if len(random) < RANDOM_BYTES:
        raise ValueError("too little randomness")
    letters, digits = int.from_bytes(random[:8]), int.from_bytes(random[8:RANDOM_BYTES])
    prefix = "".join(_LETTERS[letters // len(_LETTERS) ** place % len(_LETTERS)] for place in range(4))
    return Passcode(prefix, Secret(f"{digits % 10**DIGITS:0{DIGITS}}"))


def sent_at(expires: datetime) -> datetime:
    """Return the time at which a code with this expiry was sent, by the server's clock."""
    return expires - timedelta(milliseconds=LASTS)
