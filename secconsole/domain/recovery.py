"""Recovery codes: ten at a time, each of which stands in once for the phone that was lost.

125 random bits: more than the 112 from which on NIST SP 800-63B-4 section 3.1.2.2 takes an approved one-way function,
and asks for no slow password hash. Nobody can try out what was stolen from the store, however fast they hash.
"""

from __future__ import annotations

from secconsole.domain.secret import Secret

HOW_MANY = 10
RANDOM_BYTES = 16  # for each
GROUPS, IN_GROUP = 5, 5  # as product keys are written

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: of I, L, O and U none is written
_READ_AS = {"I": "1", "L": "1", "O": "0"}
_BETWEEN = " \t\u00a0-\u2010\u2011\u2012\u2013\u2014\u2212"  # dashes as mail programs and word processors make them
_READ: dict[int, str | None] = {ord(sign): None for sign in _BETWEEN}
_READ |= {ord(sign): _READ_AS.get(sign.upper(), sign.upper()) for sign in "abcdefghijklmnopqrstuvwxyzILO"}


def recovery_code(random: bytes) -> Secret[str]:
    """A code from 16 random bytes, as it is shown: `7KQ2M-9XDH4-TPVW3-C8NRA-5FJ6B`."""
    number = int.from_bytes(random[:RANDOM_BYTES])
    signs = "".join(_ALPHABET[number >> 5 * place & 31] for place in range(GROUPS * IN_GROUP))
    return Secret("-".join(signs[start : start + IN_GROUP] for start in range(0, len(signs), IN_GROUP)))


def read_recovery_code(typed: Secret[str]) -> Secret[str] | None:
    """What was typed as the 25 signs that are compared, or None if it has not the form of a recovery code.

    Case, blanks and dashes do not matter, and O, I and L are taken for what they look like. No other code has this
    form: those of authenticators and messages are far shorter.
    """
    signs = typed.reveal().translate(_READ)
    if len(signs) != GROUPS * IN_GROUP or not set(signs) <= set(_ALPHABET):
        return None
    return Secret(signs)


def is_renewal_due(used: int) -> bool:
    """Whether a set is to be replaced, of which so many codes were used (NIST SP 800-63B-4 section 4.2.1.1).

    A code that was used says that somebody was without their phone, or that somebody else has the list.
    """
    return used > 0
