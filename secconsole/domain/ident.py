"""Public ids: ULIDs, which sort by time and reveal nothing else."""

from __future__ import annotations

import re
from functools import lru_cache

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32
_TWO = [first + second for first in _ALPHABET for second in _ALPHABET]  # the digits of each ten bits
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}\Z")


def make_id(milliseconds: int, random: bytes) -> str:
    """Return a ULID of 26 characters from a time and ten random bytes."""
    drawn = int.from_bytes(random[:10], "big")
    high, low = drawn >> 40, drawn & (2**40 - 1)
    return (
        f"{_time_part(milliseconds & (2**48 - 1))}"
        f"{_TWO[high >> 30]}{_TWO[high >> 20 & 1023]}{_TWO[high >> 10 & 1023]}{_TWO[high & 1023]}"
        f"{_TWO[low >> 30]}{_TWO[low >> 20 & 1023]}{_TWO[low >> 10 & 1023]}{_TWO[low & 1023]}"
    )


@lru_cache(1)  # an import makes thousands in one transaction
def _time_part(milliseconds: int) -> str:
    return "".join(_ALPHABET[milliseconds >> shift & 31] for shift in range(45, -1, -5))


def is_id(text: str) -> bool:
    """Return True if a text has the format of a public id.

    Logins must not have it.
    """
    return _ULID.match(text) is not None


def short_id(text: str) -> str:
    """Return the start and end of an id, for narrow columns."""
    return f"{text[:4]}…{text[-2:]}"
