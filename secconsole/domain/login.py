"""Logins: one spelling per account, and what to say when two look alike."""

from __future__ import annotations

import re
import unicodedata

from secconsole.domain.errors import Invalid, Unfit
from secconsole.domain.ident import is_id
from secconsole.domain.text import BLANKS, escape, is_plain

LONGEST = 128

# Letters that readers take for an ASCII one, after lower-casing. Not all of Unicode's list: those a name is made of.
_LOOKS_LIKE = {
    **dict(zip("аеорсхуіјѕһԁԛԝӏвкмнтгп", "aeopcxyijshdqwlbkmhtrn", strict=True)),  # Cyrillic
    **dict(zip("αβεικνορτυχγηωϲϳ", "abeikvoptuxynwcj", strict=True)),  # Greek
    **dict(zip("օսոհցյզգ", "ounhgjqq", strict=True)),  # Armenian
    **dict(zip("ıɑɡɩʏᴄᴏᴜᴠᴡᴢꞁ", "iagiycouvwzl", strict=True)),  # Latin's own
    "0": "o", "1": "l", "|": "l", "!": "l",
}  # fmt: skip
_PAIRS = {"rn": "m", "vv": "w", "cl": "d"}
# What the audit calls those who act and are no users: nobody's login may pass for one of them.
_NO_USERS = re.compile(r"local:|key:|secconsole\Z")
_FORM = re.compile(r"\S+\Z")
# What of this a regular expression of any dialect can say.
PATTERN = rf"^[{BLANKS}]*[^{BLANKS}\x00/\-][^{BLANKS}\x00/]*[{BLANKS}]*$"


def login_key(login: str) -> str:
    """The spelling that accounts are told apart by: NFKC, case-folded, without blanks around it."""
    return unicodedata.normalize("NFKC", login).casefold().strip()


def check_login(login: str) -> str:
    """Return a login fit to be stored; raise `Invalid` with the reason if it is not."""
    if len(login) > LONGEST:
        raise Invalid(f"The login is longer than {LONGEST} characters.", "login")
    login = login.strip()
    if not login:
        raise Invalid("The login is empty.", "login")
    if not _FORM.match(login):
        raise Invalid("A login has no blanks in it.", "login")
    if "/" in login or login.startswith("-"):
        raise Invalid("A login has no / and does not begin with a dash.", "login")
    if not is_plain(login):
        raise Unfit("The login has invisible or control characters in it.", "login")
    if is_id(login.upper()):
        raise Unfit("That login could be taken for an id.", "login")
    if _NO_USERS.match(login_key(login)):
        raise Unfit("That login could be taken for the program itself.", "login")
    if not login.strip("."):
        raise Unfit("A login of dots alone could be taken for a folder.", "login")  # as a part of a URL's path
    return login


def skeleton(login: str) -> str:
    """What a login looks like at a glance: two logins with one skeleton can be taken for each other.

    After Unicode Technical Standard 39 section 4, with a table cut down to letters that names are made of.
    """
    folded = unicodedata.normalize("NFKD", login_key(login))
    plain = "".join(_LOOKS_LIKE.get(c, c) for c in folded if not unicodedata.combining(c))
    for pair, single in _PAIRS.items():
        plain = plain.replace(pair, single)
    return plain


def scripts(text: str) -> frozenset[str]:
    """The writing systems of a text's letters, as Unicode names them: LATIN, CYRILLIC, GREEK and so on."""
    return frozenset(unicodedata.name(c, "UNKNOWN").split()[0] for c in text if c.isalpha())


def suspicions(text: str) -> list[str]:
    """Why a name deserves a second look, in words; empty for most.

    Flags invisible and direction-changing characters, and words that mix Latin letters with ones that look the same.
    """
    found: list[str] = []
    hidden = [escape(c) for c in text if not is_plain(c)]
    if hidden:
        found.append(f"has invisible or control characters: {' '.join(dict.fromkeys(hidden))}")
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
