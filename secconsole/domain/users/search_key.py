"""Search key of a user, and what the words of a search require of it.

A key holds the user's words, each after two spaces: login, name and e-mail address folded, the digits of the phone, and
the first two letters of every word inside them that is not yet in the key. So a part of a word is a part of the key,
and `" wu"` or `"  w"` matches the beginning of a word: one trigram index serves both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from secconsole.domain.users.fold import fold, is_letter, spell

SHORTEST_PART = 3  # letters: shorter search words match only the beginning of a word
LEAST_DIGITS = 3  # of a phone number

# At least one alternative must match, with all of its pieces in the key.
Alternative = tuple[str, ...]
Term = tuple[Alternative, ...]

_GAP = "  "
_QUIET = ".@+-"  # characters that separate words and are not searched for themselves
# In words of ASCII letters: an unusual character, and a letter after any other character.
_INNER = re.compile(r"(?<=.)[^a-z0-9.@+-]|(?<=[^a-z0-9])[a-z0-9]", re.DOTALL)
# In words of these characters only, as most are: the first letters of each inner word.
_USUAL = re.compile(r"[a-z0-9.@+]+\Z")
_BEGINNINGS = re.compile(r"(?<=[.@+])[a-z0-9].?")
_NO_DIGIT = re.compile(r"[^0-9]")
_DIALLED = re.compile(r"[-+(]*[0-9][-+()./0-9]*")


def search_key(login: str, name: str, email: str, phone: str) -> str:
    """Return the search key of a user with these fields."""
    words = [word for field in (login, name, email) for word in spell(field).split()]
    words.sort(key=len, reverse=True)
    begun: dict[str, None] = {}
    key = f"{_GAP}+{digits}" if phone and (digits := _digits(phone)) else ""
    for word in words:
        if _USUAL.match(word):
            if word in key:
                begun[word[:2]] = None
            else:
                key += _GAP + word
                begun.update(dict.fromkeys(_BEGINNINGS.findall(word)))
            continue
        plain = word.replace("-", "")
        if plain not in key:
            key += _GAP + plain
        else:
            begun[plain[:2]] = None
            if plain == word:  # inner words begin there too, unless hyphens separate them
                continue
        for at in _inner_words(word):
            begun[word[at : at + 8].replace("-", "")[:2]] = None
    for letters in begun:
        if _GAP + letters not in key:
            key += _GAP + letters
    return key


def search_terms(words: Sequence[str]) -> tuple[Term, ...]:
    """Return what a key must contain to match these words, nothing if all characters are ignored.

    Consecutive digits are also read as one phone number, with or without its leading zeros.
    """
    spelled = [part for word in words for part in spell(word).split()]
    terms: list[Term] = []
    for dialled, group in groupby(spelled, key=lambda word: _DIALLED.fullmatch(word) is not None):
        parts = list(group)
        numbers = _numbers("".join(parts)) if dialled else ()
        if numbers:
            terms.append(tuple(dict.fromkeys((_pieces(parts), *((number,) for number in numbers)))))
        else:
            terms += [(pieces,) for part in parts if (pieces := _pieces([part]))]
    return tuple(dict.fromkeys(terms))


def _pieces(words: Sequence[str]) -> Alternative:
    return tuple(word.rjust(SHORTEST_PART) for part in words if (word := part.replace("-", "")))


def _numbers(dialled: str) -> tuple[str, ...]:
    """Return the digits that a phone number may be stored with: as typed, and without leading zeros."""
    plus = "+" if dialled.startswith("+") else ""
    digits = _digits(dialled.replace("(0)", "") if plus else dialled)
    if len(digits) < LEAST_DIGITS:
        return ()
    kept = "" if plus else f"+{digits[2:]}" if digits.startswith("00") else digits.lstrip("0")
    return (plus + digits, kept) if len(_digits(kept)) >= LEAST_DIGITS else (plus + digits,)


def _digits(text: str) -> str:
    return _NO_DIGIT.sub("", text if text.isascii() else fold(text))


def _inner_words(word: str) -> list[int]:
    """Return the positions of inner words: after a separator, at each ideograph, and at unusual characters."""
    if not word.isascii():
        return [at for at in range(1, len(word)) if _begins(word[at - 1], word[at])]
    return [] if word.isalnum() else [found.start() for found in _INNER.finditer(word)]


def _begins(before: str, char: str) -> bool:
    if is_letter(char):
        return not is_letter(before) or _is_ideograph(char)
    return char not in _QUIET


def _is_ideograph(char: str) -> bool:
    return "\u3400" <= char <= "\u9fff" or "\U00020000" <= char < "\U00040000"
