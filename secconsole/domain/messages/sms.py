"""Length of text messages: one segment each, because every further one costs and may arrive alone.

3GPP TS 23.038: 160 septets if all characters are in the default alphabet, with two for each of its extension table, and
otherwise 70 UTF-16 units.
"""

from __future__ import annotations

import unicodedata
from itertools import accumulate

from secconsole.domain.text import normal

SEPTETS, UNITS = 160, 70

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")


def outside_alphabet(text: str) -> str:
    """Return the first character outside the default alphabet, empty if there is none."""
    return next((char for char in text if char not in _BASIC and char not in _EXTENDED), "")


def length_of(text: str) -> tuple[int, int]:
    """Return the length of a text and the length of a segment in its encoding."""
    if outside_alphabet(text):
        return len(text.encode("utf-16-le", "surrogatepass")) // 2, UNITS
    return len(text) + sum(char in _EXTENDED for char in text), SEPTETS


def is_one_segment(text: str) -> bool:
    """Return True if a text fits one segment."""
    length, room = length_of(text)
    return length <= room


def spelled_plainly(name: str) -> str:
    """Return a name in the default alphabet, as far as dropping accents achieves it: `Škoda` as `Skoda`."""
    return "".join(_plain(char) for char in normal("NFC", name))


def shortened(name: str, most: int) -> str:
    """Return a name shortened to so many septets or units, with a full stop in place of the rest."""
    if sum(map(_weight, name)) <= most:
        return name
    kept = list(accumulate(map(_weight, name)))
    return f"{name[: sum(weight < most for weight in kept)].rstrip()}."


def _weight(char: str) -> int:
    """Return the length of a character in the encoding where it takes more."""
    return 2 if char in _EXTENDED or ord(char) > 0xFFFF else 1


def _plain(char: str) -> str:
    if not outside_alphabet(char):
        return char
    base = "".join(c for c in normal("NFKD", char) if not unicodedata.combining(c))
    return base if base and not outside_alphabet(base) else char
