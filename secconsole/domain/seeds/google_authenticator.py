"""Files `.google_authenticator` of the PAM module: a key in Base32, options behind a quote, and emergency codes.

The file names no user, because it lies in the home folder of its owner. Emergency codes are not read.
"""

from __future__ import annotations

from functools import partial

from secconsole.domain.errors import Invalid
from secconsole.domain.secret import Secret
from secconsole.domain.seeds.seed import BadSeed, Entry, Seed, SeedKind, entry_of, from_base32, make_seed, whole_number

OPTION = '" '
_LONGEST_LINE, _MOST_LINES = 512, 200  # the module itself reads files of up to 64 KiB


def read_google_authenticator(text: str, password: Secret[str] | None = None) -> list[Entry]:
    """Return the one entry of a file."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines or len(lines) > _MOST_LINES or any(len(line) > _LONGEST_LINE for line in lines):
        raise Invalid("The file is not one of google-authenticator.", "file")
    return [entry_of(1, "", partial(_seed, lines))]


def _seed(lines: list[str]) -> Seed:
    options = dict(line[len(OPTION) :].partition(" ")[::2] for line in lines[1:] if line.startswith(OPTION))
    hotp = "HOTP_COUNTER" in options
    if not hotp and "TOTP_AUTH" not in options:
        raise BadSeed("It has neither TOTP_AUTH nor HOTP_COUNTER.", "kind")
    return make_seed(
        1,
        from_base32(lines[0]),
        kind=SeedKind.HOTP if hotp else SeedKind.TOTP,
        period=whole_number(options.get("STEP_SIZE", ""), "period", 30),
        counter=whole_number(options.get("HOTP_COUNTER", ""), "counter", 0),
    )
