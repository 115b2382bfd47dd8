"""Syntax of the search line of the whitelist: words, and `until:none` or `until:<7d` for the end of an entry."""

from __future__ import annotations

import re
from dataclasses import dataclass

MOST_DAYS = 36_500
NO_END = "none"
_NAME = "until:"
_WITHIN = re.compile(r"<([0-9]{1,5})([dw]?)")
_DAYS = {"d": 1, "w": 7, "": 1}


@dataclass(frozen=True, slots=True)
class WhitelistFilter:
    """Conditions that an entry must all meet.

    `words`: each is in the login, name, e-mail address, phone number or reason. `has_no_end`: it has no end date.
    `ends_within`: it ends within so many days.
    """

    words: tuple[str, ...] = ()
    has_no_end: bool = False
    ends_within: int | None = None


def parse_whitelist_search(text: str) -> WhitelistFilter:
    """Parse a search line, and ignore the beginning of a condition that is being typed."""
    words: list[str] = []
    has_no_end, ends_within = False, None
    for part in text.split():
        value = part.removeprefix(_NAME).casefold()
        if not part.startswith(_NAME):
            words.append(part)
        elif value and NO_END.startswith(value):
            has_no_end = True
        elif found := _WITHIN.fullmatch(value):
            ends_within = min(int(found[1]) * _DAYS[found[2]], MOST_DAYS)
        elif value not in ("", "<"):
            words.append(part)
    return WhitelistFilter(tuple(words), has_no_end, ends_within)
