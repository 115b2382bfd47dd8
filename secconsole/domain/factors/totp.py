"""Time-based one-time passwords (RFC 6238), matched to their time step.

A code is a string of ASCII digits. Spaces, signs and digits of other alphabets never match, because a store that
remembers spellings would take several spellings for several codes. The time step is what counts as used.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import pyotp

from secconsole.domain.secret import Secret

SEED_BYTES = 20  # RFC 4226 section 4 R6: 160 bits recommended
WINDOW = 1  # RFC 6238 section 5.2: one step of delay, and one the other way for a phone that runs ahead
_REACH = 20  # steps either way in which a wrong clock is searched for
_CODE = re.compile(r"[0-9]{6,8}\Z", re.ASCII)


class Algorithm(StrEnum):
    SHA1 = "SHA1"
    SHA256 = "SHA256"
    SHA512 = "SHA512"


_DIGEST: Final = {
    Algorithm.SHA1: hashlib.sha1,
    Algorithm.SHA256: hashlib.sha256,
    Algorithm.SHA512: hashlib.sha512,
}


@dataclass(frozen=True, slots=True)
class TotpParameters:
    algorithm: Algorithm = Algorithm.SHA1
    digits: int = 6
    period: int = 30


DEFAULT = TotpParameters()


def time_step(unix_seconds: float, period: int = 30) -> int:
    """Return the number of whole periods since the epoch (T0 = 0)."""
    return int(unix_seconds // period)


def code_for_step(seed: Secret[bytes], step: int, parameters: TotpParameters = DEFAULT) -> str:
    """Return the code of one time step, with leading zeros."""
    return _Hotp(seed, parameters).generate_otp(step)


class _Hotp(pyotp.HOTP):
    """HOTP with a raw seed, because encoding and decoding base 32 takes longer than everything else."""

    def __init__(self, seed: Secret[bytes], parameters: TotpParameters) -> None:
        self._seed = seed
        super().__init__("", digits=parameters.digits, digest=_DIGEST[parameters.algorithm])

    def byte_secret(self) -> bytes:
        return self._seed.reveal()


def is_code(text: str, digits: int = 6) -> bool:
    """Return True if the text is a canonical code of exactly so many ASCII digits."""
    return len(text) == digits and _CODE.match(text) is not None


def matching_step(
    seed: Secret[bytes], code: str, unix_seconds: float, parameters: TotpParameters = DEFAULT
) -> int | None:
    """Return the latest time step within the window that the code matches, or None.

    Two neighbouring steps can share their digits. The latest is returned, so that marking it used covers both. Every
    step of the window is compared, so that the time taken does not reveal which one matched.
    """
    if not is_code(code, parameters.digits):
        return None
    now = time_step(unix_seconds, parameters.period)
    given = code.encode("ascii")
    found: int | None = None
    for step in range(max(0, now - WINDOW), now + WINDOW + 1):
        if hmac.compare_digest(code_for_step(seed, step, parameters).encode("ascii"), given):
            found = step
    return found


def clock_offset(
    seed: Secret[bytes], code: str, unix_seconds: float, parameters: TotpParameters = DEFAULT
) -> int | None:
    """Return by how many seconds the phone seems ahead (+) or behind (-), if the code matches a step nearby.

    Reveal it only while binding: at sign-in it would confirm that the code was right some time ago.
    """
    if not is_code(code, parameters.digits):
        return None
    now = time_step(unix_seconds, parameters.period)
    for distance in sorted(range(-_REACH, _REACH + 1), key=abs):
        step = now + distance
        if step >= 0 and hmac.compare_digest(code_for_step(seed, step, parameters).encode(), code.encode()):
            return distance * parameters.period
    return None
