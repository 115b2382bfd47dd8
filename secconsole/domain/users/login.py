"""Logins: one spelling per account, and warnings about look-alikes."""

from __future__ import annotations

import re
import unicodedata
from enum import Enum

from secconsole.domain.errors import Invalid, Unfit
from secconsole.domain.ident import is_id
from secconsole.domain.text import BLANKS, escape, is_plain, normal

LONGEST = 128
TAKEN = "A user with that login already exists."


class Likeness(Enum):
    """Likeness of two logins of a tenant, by which a user may get one, be it created, imported or renamed.

    SAME: they identify one account, so the second is refused. ALIKE: both may exist, since people may have such names,
    and a warning names the other one. DIFFERENT: nothing needs to be done.
    """

    SAME = "same"
    ALIKE = "alike"
    DIFFERENT = "different"


# Letters that look like an ASCII letter after lower-casing. A subset of Unicode's list, limited to letters in names.
_LOOKS_LIKE = {
    **dict(zip("аеорсхуіјѕһԁԛԝӏвкмнтгп", "aeopcxyijshdqwlbkmhtrn", strict=True)),  # Cyrillic
    **dict(zip("αβεικνορτυχγηωϲϳ", "abeikvoptuxynwcj", strict=True)),  # Greek
    **dict(zip("օսոհցյզգ", "ounhgjqq", strict=True)),  # Armenian
    **dict(zip("ıɑɡɩʏᴄᴏᴜᴠᴡᴢꞁ", "iagiycouvwzl", strict=True)),  # other Latin letters
    "0": "o",
    "1": "l",
    "|": "l",
    "!": "l",
}
_ALIKE = str.maketrans(_LOOKS_LIKE)
_PAIRS = {"rn": "m", "vv": "w", "cl": "d"}
_MISREAD = re.compile(rf"[01|!]|{'|'.join(_PAIRS)}")  # what looks like something else in ASCII
# Actors in the audit that are not users. A login must not be mistaken for one of them.
_NO_USERS = re.compile(r"local:|key:|secconsole\Z")
_FORM = re.compile(r"\S+\Z")
# The part of these rules that a regular expression of any dialect can express.
PATTERN = rf"^[{BLANKS}]*[^{BLANKS}\x00/\-][^{BLANKS}\x00/]*[{BLANKS}]*$"


def login_key(login: str) -> str:
    """Return the spelling that identifies an account: NFKC, case-folded, without surrounding whitespace."""
    return (login.lower() if login.isascii() else normal("NFKC", login).casefold()).strip()


def check_login(login: str) -> str:
    """Return a login fit to be stored, or raise `Invalid` with the reason."""
    if len(login) > LONGEST:
        raise Invalid(f"The login is longer than {LONGEST} characters.", "login")
    login = login.strip()
    if not login:
        raise Invalid("The login is empty.", "login")
    if not _FORM.match(login):
        raise Invalid("A login cannot contain spaces.", "login")
    if "/" in login or login.startswith("-"):
        raise Invalid("A login cannot contain / or begin with a dash.", "login")
    if not is_plain(login):
        raise Unfit("The login contains invisible or control characters.", "login")
    if is_id(login.upper()):
        raise Unfit("The login could be mistaken for an id.", "login")
    if _NO_USERS.match(login_key(login)):
        raise Unfit("The login could be mistaken for the program itself.", "login")
    if not login.strip("."):
        raise Unfit(
            "A login made of dots alone could be mistaken for a folder.", "login"
        )  # as a segment of a URL's path
    return login


def skeleton(login: str) -> str:
    """Return a key of what a login looks like: two logins with the same skeleton are easily confused.

    Follows Unicode Technical Standard 39 section 4, with a table limited to letters that occur in names.
    """
    return skeleton_of_key(login_key(login))


def skeleton_of_key(key: str) -> str:
    """Return the skeleton of logins with this key."""
    if key.isascii() and not _MISREAD.search(key):
        return key
    plain = normal("NFKD", key)
    if not plain.isascii():
        plain = "".join([char for char in plain if not unicodedata.combining(char)])
    plain = plain.translate(_ALIKE)
    for pair, single in _PAIRS.items():
        plain = plain.replace(pair, single)
    return plain


def likeness(login: str, other: str) -> Likeness:
    """Return how like another login is."""
    if login_key(login) == login_key(other):
        return Likeness.SAME
    return Likeness.ALIKE if skeleton(login) == skeleton(other) else Likeness.DIFFERENT


def scripts(text: str) -> frozenset[str]:
    """Return the writing systems of a text's letters as Unicode names them, such as LATIN or CYRILLIC."""
    return frozenset(unicodedata.name(c, "UNKNOWN").split()[0] for c in text if c.isalpha())


def suspicions(text: str) -> list[str]:
    """Return the reasons why a name deserves a second look, none for most names.

    Reports invisible and direction-changing characters, and words that mix Latin letters with look-alikes.
    """
    found: list[str] = []
    hidden = [escape(c) for c in text if not is_plain(c)]
    if hidden:
        found.append(f"contains invisible or control characters: {' '.join(dict.fromkeys(hidden))}")
    for word in re.split(r"[\s.@_\-]+", text):
        mixed = scripts(word)
        if len(mixed & {"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"}) > 1:
            foreign = [(i, c) for i, c in enumerate(word) if c.isalpha() and _script(c) != "Latin"]
            odd = [f"{_place(i)} letter is {_script(c)} {c}" for i, c in foreign]
            found.append("mixes alphabets: " + ", ".join(odd[:3]))
    return found


def _script(char: str) -> str:
    return unicodedata.name(char, "unknown").split()[0].capitalize()


def _place(index: int) -> str:
    names = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
    return names[index] if index < len(names) else f"{index + 1}th"
