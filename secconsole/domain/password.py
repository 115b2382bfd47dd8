"""Which passwords are taken (NIST SP 800-63B-4 section 3.1.1.2: length and a blocklist, no composition rules)."""

from __future__ import annotations

import unicodedata

from secconsole.domain.errors import Invalid, Unfit
from secconsole.domain.secret import Secret

SHORTEST_ALONE = 15  # where it can be the only factor, as it can while a tenant's policy is off or optional
SHORTEST = 8  # where a second factor goes with it
LONGEST = 1024

_TOO_LONG = f"The password is longer than {LONGEST} characters."

_COMMON = (
    "password", "passwort", "qwerty", "qwertz", "letmein", "welcome", "iloveyou", "administrator", "changeme", "abc123",
    "123456", "111111", "monkey", "dragon", "football", "baseball", "superman", "trustno1", "sunshine", "princess",
)  # fmt: skip


def normal_password(password: Secret[str]) -> Secret[str]:
    """The form that is hashed: NFC, as section 3.1.1.2 asks where Unicode is taken."""
    return Secret(unicodedata.normalize("NFC", password.reveal()))


def check_length(password: Secret[str], shortest: int = SHORTEST) -> None:
    """Raise `Invalid` for a password that nobody's policy takes; the words say what this one's does."""
    if len(password.reveal()) < SHORTEST:
        raise Invalid(_too_short(shortest), "password")
    if len(password.reveal()) > LONGEST:
        raise Invalid(_TOO_LONG, "password")


def check_password(password: Secret[str], *, shortest: int, login: str = "", tenant: str = "") -> None:
    """Raise `Invalid` with the reason unless the password may be chosen; `shortest` is in characters."""
    check_length(password, shortest)
    text = normal_password(password).reveal()
    if len(text) < shortest:
        raise Unfit(_too_short(shortest), "password")
    if len(text) > LONGEST:
        raise Unfit(_TOO_LONG, "password")
    rest = text.casefold()
    for word in (*_COMMON, login.casefold(), tenant.casefold()):
        if len(word) >= 3:
            rest = rest.replace(word, "")
    if len(set(rest)) < 5:
        raise Unfit("That password is easy to guess. A few unrelated words make a good one.", "password")


def _too_short(shortest: int) -> str:
    return f"The password is too short: it needs at least {shortest} characters. A few plain words do."
