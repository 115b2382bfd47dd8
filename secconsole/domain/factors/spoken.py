"""Random codes that people write down, read out over a phone and type: groups of unmistakable letters and digits."""

from __future__ import annotations

from secconsole.domain.factors.code import BETWEEN
from secconsole.domain.secret import Secret

BITS = 5  # of a character
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32, without I, L, O and U
_READ_AS = {"I": "1", "L": "1", "O": "0"}
_READ: dict[int, str | None] = {ord(sign): None for sign in BETWEEN}
_READ |= {ord(sign): _READ_AS.get(sign.upper(), sign.upper()) for sign in "abcdefghijklmnopqrstuvwxyzILO"}


def spell(random: bytes, groups: int, in_group: int) -> Secret[str]:
    """Return a code of that form from random bytes, which must have at least five bits for each character."""
    number, length = int.from_bytes(random), groups * in_group
    if len(random) * 8 < length * BITS:
        raise ValueError("too few random bytes")
    signs = "".join(_ALPHABET[number >> BITS * place & 31] for place in range(length))
    return Secret("-".join(signs[start : start + in_group] for start in range(0, length, in_group)))


def read_spelled(typed: Secret[str], length: int) -> Secret[str] | None:
    """Return the characters to compare, or None if the text does not have so many of them.

    Case, spaces and dashes are ignored, and O, I and L are read as the digits they look like.
    """
    signs = typed.reveal().translate(_READ)
    return Secret(signs) if len(signs) == length and set(signs) <= set(_ALPHABET) else None
