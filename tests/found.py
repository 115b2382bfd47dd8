"""A slow model of the search, without the stores' search key, as the expected result."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from secconsole.domain.users.fold import fold, is_letter, spell

_NUMBER = re.compile(r"[-+(]*[0-9][-+()./0-9]*")


def finds(words: Sequence[str], *, login: str = "", name: str = "", email: str = "", phone: str = "") -> bool:
    """Return True if all the words hold for a user with these fields."""
    texts = [text for field in (login, name, email) for text in spell(field).split()]
    wholes = [*(fold(text) for text in texts), phone]
    beginnings = [*wholes, *(fold(text[at:]) for text in texts for at in range(1, len(text)) if _begins(text, at))]

    def holds(word: str) -> bool:
        if len(word) < 3:
            return any(text.startswith(word) for text in beginnings)
        return any(word in text for text in wholes)

    asked = [part for word in words for part in spell(word).split() if fold(part)]
    for is_number, group in groupby(asked, key=lambda part: _NUMBER.fullmatch(part) is not None):
        parts = list(group)
        if all(holds(fold(part)) for part in parts):
            continue
        if not is_number or not any(number in text for number in _numbers("".join(parts)) for text in wholes):
            return False
    return True


def _begins(text: str, at: int) -> bool:
    before, char = text[at - 1], text[at]
    if is_letter(char):
        return not is_letter(before) or "\u3400" <= char <= "\u9fff"
    return char not in ".@+-"


def _numbers(dialled: str) -> list[str]:
    digits = re.sub(r"\D", "", dialled)
    if dialled.startswith("+"):
        found = ["+" + re.sub(r"\D", "", dialled.replace("(0)", ""))]
    elif digits.startswith("00"):
        found = [digits, "+" + digits[2:]]
    else:
        found = [digits, digits.lstrip("0")]
    return [number for number in found if len(number.lstrip("+")) >= 3]
