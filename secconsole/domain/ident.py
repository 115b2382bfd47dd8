"""Public ids: ULIDs, which sort by time and say nothing else."""

from __future__ import annotations

import re

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}\Z")


def make_id(milliseconds: int, random: bytes) -> str:
    """A ULID of 26 characters from a time and ten random bytes."""
    number = (milliseconds & (2**48 - 1)) << 80 | int.from_bytes(random[:10].rjust(10, b"\0"))
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def is_id(text: str) -> bool:
    """Whether a text has the form of one of our ids; no login may have."""
    return _ULID.match(text) is not None


def short_id(text: str) -> str:
    """An id for narrow places: its start and end."""
    return f"{text[:4]}…{text[-2:]}"
