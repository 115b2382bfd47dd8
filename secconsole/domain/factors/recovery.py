"""Recovery codes: a set of ten, each usable once in place of a lost phone.

125 random bits are more than the 112 from which NIST SP 800-63B-4 section 3.1.2.2 accepts an approved one-way function
in place of a slow password hash. Stolen digests cannot be brute-forced, however fast the hash is.
"""

from __future__ import annotations

from secconsole.domain.factors.spoken import read_spelled, spell
from secconsole.domain.secret import Secret

HOW_MANY = 10
RANDOM_BYTES = 16  # for each
GROUPS, IN_GROUP = 5, 5  # as in product keys


def recovery_code(random: bytes) -> Secret[str]:
    """Return a code from 16 random bytes in the form that is shown: `7KQ2M-9XDH4-TPVW3-C8NRA-5FJ6B`."""
    return spell(random[:RANDOM_BYTES], GROUPS, IN_GROUP)


def read_recovery_code(typed: Secret[str]) -> Secret[str] | None:
    """Return the 25 characters to compare, or None if the text does not have the form of a recovery code.

    Case, spaces and dashes are ignored, and O, I and L are read as the digits they look like. No other code has this
    form: all others are far shorter.
    """
    return read_spelled(typed, GROUPS * IN_GROUP)


def is_renewal_due(used: int) -> bool:
    """Return True if a set should be replaced after so many used codes (NIST SP 800-63B-4 section 4.2.1.1).

    A used code means that the user was without their phone, or that someone else has the list.
    """
    return used > 0
