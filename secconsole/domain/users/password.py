"""Rules for new passwords: length and a blocklist, no composition rules (NIST SP 800-63B-4 section 3.1.1.2)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from secconsole.domain.errors import Invalid, Unfit
from secconsole.domain.secret import Secret
from secconsole.domain.text import normal

SHORTEST_ALONE = 15  # if it can be the only factor, as under the policies off and optional
SHORTEST = 8  # if a second factor is always required
LONGEST = 1024

_TOO_LONG = f"The password is longer than {LONGEST} characters."

# Characters that can be read out over the phone without mistakes.
ONE_TIME_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_ONE_TIME = re.compile(rf"([{ONE_TIME_ALPHABET}]{{4}}-){{3}}[{ONE_TIME_ALPHABET}]{{4}}")
_COMMON = (
    "password",
    "passwort",
    "qwerty",
    "qwertz",
    "letmein",
    "welcome",
    "iloveyou",
    "administrator",
    "changeme",
    "abc123",
    "123456",
    "111111",
    "monkey",
    "dragon",
    "football",
    "baseball",
    "superman",
    "trustno1",
    "sunshine",
    "princess",
)


@dataclass(frozen=True, slots=True)
class ListedPassword:
    """One-time password on a list that is handed over."""

    login: str
    name: str
    password: Secret[str]


def one_time_password(choose: Callable[[str], str]) -> Secret[str]:
    """Return four groups of four letters and digits: 79 bits, easy to read out.

    `choose`: returns one of the letters, at random.
    """
    return Secret("-".join("".join(choose(ONE_TIME_ALPHABET) for _ in range(4)) for _ in range(4)))


def is_one_time(password: Secret[str]) -> bool:
    """Return True if a password has the form of a one-time one."""
    return _ONE_TIME.fullmatch(password.reveal()) is not None


def normal_password(password: Secret[str]) -> Secret[str]:
    """Return the form that is hashed: NFC, as section 3.1.1.2 requires for Unicode."""
    return Secret(normal("NFC", password.reveal()))


def rules_words(shortest: int) -> str:
    """Return the rules, to be shown before a password is asked for."""
    return (
        f"At least {shortest} characters; a few unrelated words make a good password, and spaces are fine. "
        "Common passwords, your login and the organisation's name count for nothing."
    )


def check_length(password: Secret[str], shortest: int = SHORTEST) -> None:
    """Raise `Invalid` for a password that no policy accepts.

    The message names the minimum of this policy.
    """
    if len(password.reveal()) < SHORTEST:
        raise Invalid(_too_short(shortest), "password")
    if len(password.reveal()) > LONGEST:
        raise Invalid(_TOO_LONG, "password")


def check_password(password: Secret[str], *, shortest: int, login: str = "", tenant: str = "") -> None:
    """Raise `Invalid` with the reason unless the password may be chosen.

    `shortest` is in characters.
    """
    check_length(password, shortest)
    text = normal_password(password).reveal()
    if len(text) < shortest:
        raise Unfit(_too_short(shortest), "password")
    if len(text) > LONGEST:
        raise Unfit(_TOO_LONG, "password")
    if is_one_time(password):  # as a mail or a helpdesk gave it
        raise Unfit("That is a one-time password, which others have seen. Choose your own.", "password")
    rest = text.casefold()
    for word in (*_COMMON, login.casefold(), tenant.casefold()):
        if len(word) >= 3:
            rest = rest.replace(word, "")
    if len(set(rest)) < 5:
        raise Unfit("That password is easy to guess. Use a few unrelated words instead.", "password")


def _too_short(shortest: int) -> str:
    return f"The password is too short. Use at least {shortest} characters, such as a few unrelated words."
