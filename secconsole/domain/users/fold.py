"""Folding of text for search: without case, accents, apostrophes and hyphens, in every script.

Marks are dropped where they have no weight in Unicode's collation at its first level: accents, Arabic and Hebrew vowel
points, nuktas, tones, kana voicing. Vowel signs and viramas of South and Southeast Asia stay, since they distinguish
words.
"""

from __future__ import annotations

import re
import unicodedata

from secconsole.domain.text import BLANK, VARIATION, normal

_JOINT = "-"  # in place of every hyphen and apostrophe until they are dropped
_HYPHENS = "\u02d7\u2043\u2212\u00b7"  # besides the dashes by category; the dot is that of the Catalan l·l
_APOSTROPHES = (
    "'`\u02b9\u02bb\u02bc\u02bd\u02be\u02bf\u02c8\u02ee\u055a\u05f3\u05f4\u07f4\u07f5"
    "\u2018\u2019\u201b\u2032\u2035\ua78b\ua78c"
)
# They decompose into a space and an accent, which would split a word.
_ACCENTS = "\u00b4\u0384\u1fbd\u1fbf\u1fcd\u1fce\u1fcf\u1fdd\u1fde\u1fdf\u1ffd\u1ffe"
_SPACING = dict.fromkeys(map(ord, _ACCENTS), _JOINT)
_TATWEEL = "\u0640"
_FILLED = 0xF0000  # start of private use, with which the store marks tenants
# Combining classes of marks that act as letters: virama, and the vowel signs of Telugu, Thai, Lao and Tibetan.
_SPOKEN = frozenset((9, 84, 91, 103, 118, 122, 129, 130, 132))
# Letters that do not decompose. Similar ones are found by their names: O WITH STROKE is O.
_PLAIN = {
    "ı": "i",
    "ȷ": "j",
    "æ": "ae",
    "œ": "oe",
    "þ": "th",
    "ð": "d",
    "ŋ": "n",
    "ĸ": "k",
    "ə": "e",
    "ɛ": "e",
    "ɔ": "o",
    "ǝ": "e",
    "ʒ": "z",
    "ƿ": "w",
    "ى": "ي",
    "ی": "ي",
    "ک": "ك",
    "ہ": "ه",
    "ة": "ه",  # as typed on Arabic and on Persian keyboards
}
_VARIANT = re.compile(r"((?:LATIN|CYRILLIC) SMALL LETTER [A-Z]+) WITH ")
_MOST_KEPT = 20_000  # letters: sending all of Unicode must not fill the memory


def fold(text: str) -> str:
    """Return the text without everything that people leave out when they search.

    Folding is idempotent, and canonically equivalent texts fold to the same text.
    """
    return spell(text).replace(_JOINT, "")


def spell(text: str) -> str:
    """Return the folded text with each hyphen and apostrophe as `-`, so that word parts stay visible."""
    if text.isascii() and text.isprintable():
        return text.lower().replace("'", _JOINT).replace("`", _JOINT)
    return normal("NFKD", text.translate(_SPACING)).translate(_LETTERS)


def is_letter(char: str) -> bool:
    """Return True for a character of folded text that belongs to a word: letters, digits and the marks that stay."""
    return char.isalnum() or unicodedata.category(char).startswith("M")


class _Letters(dict[int, str]):
    """Folded form of each character, computed on first use."""

    def __missing__(self, point: int) -> str:
        folded = _fold_char(chr(point))
        if len(self) < _MOST_KEPT:
            self[point] = folded
        return folded


_LETTERS = _Letters()


def _fold_char(char: str) -> str:
    if _is_dropped(char):
        return ""
    category = unicodedata.category(char)
    if category == "Pd" or char in _HYPHENS or char in _APOSTROPHES:
        return _JOINT
    if category in ("Cc", "Zs", "Zl", "Zp"):
        return " "
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    plain = normal("NFKD", char.casefold())
    if plain != char:
        return "".join(map(_fold_char, plain))
    if plain in _PLAIN:
        return _PLAIN[plain]
    if found := _VARIANT.match(unicodedata.name(plain, "")):
        base = _letter(found[1])
        return _fold_char(base) if base else plain
    return plain


def _is_dropped(char: str) -> bool:
    category = unicodedata.category(char)
    if category in ("Cf", "Me") or char in BLANK or char in VARIATION or char == _TATWEEL or ord(char) >= _FILLED:
        return True
    weight = unicodedata.combining(char)
    return category == "Mn" and weight != 0 and weight not in _SPOKEN


def _letter(name: str) -> str:
    try:
        return unicodedata.lookup(name)
    except KeyError:
        return ""
