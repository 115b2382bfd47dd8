"""Codes that are sent: `XYWD-581883`, of which only the digits are typed.

The letters stand on the screen too, so that whoever waits for a code knows which message belongs to this attempt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from secconsole.domain.secret import Secret

LASTS = 10 * 60_000  # milliseconds; NIST SP 800-63B-4 section 3.1.3.2: at most ten minutes
MOST_WRONG = 5
RANDOM_BYTES = 24
DIGITS = 6
_LETTERS = "BCDFGHJKLMNPQRSTVWXYZ"  # without vowels there are no words to be read in them


@dataclass(frozen=True, slots=True)
class Passcode:
    """`prefix` may be seen by everybody; the digits are the secret."""

    prefix: str
    digits: Secret[str]

    @property
    def whole(self) -> Secret[str]:
        return Secret(f"{self.prefix}-{self.digits.reveal()}")


def make_passcode(random: bytes) -> Passcode:
    """A code from `RANDOM_BYTES` random bytes; leading zeros are kept."""
    if len(random) < RANDOM_BYTES:
        raise ValueError("too little randomness")
    letters, digits = int.from_bytes(random[:8]), int.from_bytes(random[8:RANDOM_BYTES])
    prefix = "".join(_LETTERS[letters // len(_LETTERS) ** place % len(_LETTERS)] for place in range(4))
    return Passcode(prefix, Secret(f"{digits % 10**DIGITS:0{DIGITS}}"))


def sent_at(expires: datetime) -> datetime:
    """When a code was sent that holds until then: the time of the server, which a client's clock may be off."""
    return expires - timedelta(milliseconds=LASTS)
