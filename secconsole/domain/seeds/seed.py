"""Key of an authenticator app or hardware token, as a file of another program has it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from secconsole.domain.errors import Invalid
from secconsole.domain.factors.otpauth import KeyUriError, seed_from_text
from secconsole.domain.factors.totp import Algorithm
from secconsole.domain.limits import LONGEST_LABEL, LONGEST_USER
from secconsole.domain.secret import Secret
from secconsole.domain.text import visible

LONGEST_FILE = 16 * 1024 * 1024  # characters
LONGEST_LINE = 16_384
MOST_SEEDS = 50_000  # of one file
LONGEST_SERIAL = 64
SHORTEST_SEED, LONGEST_SEED = 10, 128  # bytes: Google's apps made keys of 80 bits
STRONG_SEED = 16  # bytes, from which RFC 4226 section 4 R6 accepts a key
SHORTEST_PERIOD, LONGEST_PERIOD = 15, 120  # seconds
FEWEST_DIGITS, MOST_DIGITS = 6, 8
HIGHEST_COUNTER = 2**53 - 1
_ALGORITHMS = {spelling + bits: Algorithm(f"SHA{bits}") for bits in ("1", "256", "512") for spelling in ("SHA", "SHA-")}


class SeedKind(StrEnum):
    TOTP = "totp"
    HOTP = "hotp"


class BadSeed(Invalid, ValueError):
    """Entry of a file that cannot be used.

    The message never contains the key.
    """


@dataclass(frozen=True, slots=True)
class Seed:
    """Usable entry of a file.

    `line`: its number in the file, from 1. `user`: who it belongs to, empty if the file does not contain that.
    `serial`: printed on a hardware token, otherwise empty. `counter`: the next one of an HOTP token.
    """

    line: int
    secret: Secret[bytes]
    user: str = ""
    serial: str = ""
    label: str = ""
    kind: SeedKind = SeedKind.TOTP
    algorithm: Algorithm = Algorithm.SHA1
    digits: int = 6
    period: int = 30
    counter: int = 0

    @property
    def is_weak(self) -> bool:
        """True if the key has fewer bits than RFC 4226 requires."""
        return len(self.secret.reveal()) < STRONG_SEED


@dataclass(frozen=True, slots=True)
class Unusable:
    """Entry of a file that is refused, with its user or serial and the reason."""

    line: int
    name: str
    reason: str


Entry = Seed | Unusable


def make_seed(
    line: int,
    secret: Secret[bytes],
    *,
    user: str = "",
    serial: str = "",
    label: str = "",
    kind: str = SeedKind.TOTP,
    algorithm: str = "SHA1",
    digits: int = 6,
    period: int = 30,
    counter: int = 0,
) -> Seed:
    """Return a checked entry, or raise `BadSeed` with the reason."""
    try:
        found = SeedKind(kind.strip().lower())
    except ValueError:
        raise BadSeed(f"Its type is {shown(kind) or 'missing'}. Only totp and hotp are supported.", "kind") from None
    hashed = _ALGORITHMS.get(algorithm.strip().upper().removeprefix("HMAC").lstrip("-"))
    if hashed is None:
        raise BadSeed("The algorithm must be SHA1, SHA256 or SHA512.", "algorithm")
    size = len(secret.reveal())
    if not SHORTEST_SEED <= size <= LONGEST_SEED:
        raise BadSeed(f"The key has {size * 8} bits. It must have {SHORTEST_SEED * 8} to {LONGEST_SEED * 8}.", "secret")
    if not FEWEST_DIGITS <= digits <= MOST_DIGITS:
        raise BadSeed("A code must have six to eight digits.", "digits")
    if found is SeedKind.TOTP and not SHORTEST_PERIOD <= period <= LONGEST_PERIOD:
        raise BadSeed(f"The period must be between {SHORTEST_PERIOD} and {LONGEST_PERIOD} seconds.", "period")
    if not 0 <= counter <= HIGHEST_COUNTER:
        raise BadSeed("The counter is out of range.", "counter")
    if len(user) > LONGEST_USER:
        raise BadSeed(f"The account has more than {LONGEST_USER} characters.", "user")
    if len(serial) > LONGEST_SERIAL:
        raise BadSeed(f"The serial number has more than {LONGEST_SERIAL} characters.", "serial")
    return Seed(
        line,
        secret,
        user.strip(),
        serial.strip(),
        visible(label.strip())[:LONGEST_LABEL],
        found,
        hashed,
        digits,
        period if found is SeedKind.TOTP else 30,
        counter if found is SeedKind.HOTP else 0,
    )


def entry_of(line: int, name: str, read: Callable[[], Seed]) -> Entry:
    """Return what a function reads, or why it refuses the entry."""
    try:
        return read()
    except BadSeed as error:
        return Unusable(line, shown(name), error.message)


def from_base32(text: str) -> Secret[bytes]:
    """Return the key of a Base32 text with or without spaces, dashes and padding, in any case."""
    try:
        return seed_from_text(Secret(text))
    except KeyUriError as error:
        raise BadSeed(error.message, "secret") from None


def from_hex(text: str) -> Secret[bytes]:
    """Return the key of a hexadecimal text."""
    try:
        return Secret(binascii.unhexlify("".join(text.split())))
    except ValueError:  # a binascii.Error, or characters beyond ASCII
        raise BadSeed("The key is not hexadecimal text.", "secret") from None


def from_base64(text: str) -> bytes:
    """Return the bytes of a Base64 text of either alphabet, or raise ValueError."""
    letters = "".join(text.split()).replace("-", "+").replace("_", "/").rstrip("=")
    return base64.b64decode(letters + "=" * (-len(letters) % 4), validate=True)


def whole_number(text: str, name: str, default: int | None = None) -> int:
    """Return a short whole number, or the default for an empty text."""
    digits = text.strip()
    if not digits and default is not None:
        return default
    if not digits.isascii() or not digits.isdigit() or len(digits) > len(str(HIGHEST_COUNTER)):
        raise BadSeed(f"Its {name} must be a whole number.", name)
    return int(digits)


def shown(text: str, most: int = 40) -> str:
    """Return the beginning of a text from a file in a form that is safe to show."""
    return visible(text.strip()[:most])


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that are neither blank nor comments, with their numbers from 1."""
    for number, line in enumerate(text.splitlines(), start=1):
        if len(line) > LONGEST_LINE:
            raise Invalid(f"Line {number} has more than {LONGEST_LINE:,} characters.", "file")
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line.strip()


def check_number(entries: Sequence[object]) -> None:
    """Raise `Invalid` for a file with too many entries."""
    if len(entries) > MOST_SEEDS:
        raise Invalid(f"The file has more than {MOST_SEEDS:,} keys. Divide it.", "file")
