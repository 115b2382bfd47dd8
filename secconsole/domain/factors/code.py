"""Parsing of codes as people type and paste them, the same for every interface.

Spaces, dashes, invisible characters and the case of letters are ignored. Only ASCII digits count: digits of another
script would be a second spelling of the same code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from secconsole.domain.limits import READ_DIGITS
from secconsole.domain.secret import Secret

_BLANKS = " \t\r\n\u00a0\u2007\u2009\u200a\u202f"
_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2212"  # as mail programs and word processors write them
_INVISIBLE = "\u00ad\u200b\u200e\u200f\u2060\ufeff"  # copied along from messages and web pages
BETWEEN = frozenset(_BLANKS + _DASHES + _INVISIBLE)

_WITHOUT: dict[int, None] = {ord(sign): None for sign in BETWEEN}
_FORM = re.compile(
    rf"(?P<prefix>[A-Za-z]{{4}})?(?P<digits>{'|'.join(f'[0-9]{{{length}}}' for length in READ_DIGITS)})\Z"
)


@dataclass(frozen=True, slots=True)
class TypedCode:
    """Digits of a code, and the upper-case prefix of a code that was sent (empty if not typed)."""

    digits: Secret[str]
    prefix: str = ""

    @property
    def whole(self) -> Secret[str]:
        return Secret(f"{self.prefix}-{self.digits.reveal()}") if self.prefix else self.digits


def read_code(typed: Secret[str]) -> TypedCode | None:
    """Return the code of an authenticator or a message that was typed, or None if it cannot be a code."""
    found = _FORM.match(typed.reveal().translate(_WITHOUT))
    if found is None:
        return None
    return TypedCode(Secret(found["digits"]), (found["prefix"] or "").upper())
