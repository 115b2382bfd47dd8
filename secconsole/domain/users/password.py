"""Rules for new passwords: length and a blocklist, no composition rules (NIST SP 800-63B-4 section 3.1.1.2)."""

from __future__ import annotations

import re

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


def normal_password(password: Secret[str]) -> Secret[str]:
    """Return the form that is hashed: NFC, as section 3.1.1.2 requires for Unicode."""
    return Secret(normal("NFC", password.reveal()))


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
    if _ONE_TIME.fullmatch(text):  # as a mail or a helpdesk gave it
        raise Unfit("That is a one-time password, which others have seen. Choose your own.", "password")
    rest = text.casefold()
    for word in (*_COMMON, login.casefold(), tenant.casefold()):
        if len(word) >= 3:
            rest = rest.replace(word, "")
    if len(set(rest)) < 5:
        raise Unfit("That password is easy to guess. Use a few unrelated words instead.", "password")


def _too_short(shortest: int) -> str:
    return f"The password is too short. Use at least {shortest} characters, such as a few unrelated words."
