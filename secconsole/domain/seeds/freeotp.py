"""Exports of FreeOTP+, whose keys are lists of signed bytes, and whose counters are the last ones used."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from secconsole.domain.secret import Secret
from secconsole.domain.seeds.json_text import decode, each
from secconsole.domain.seeds.seed import BadSeed, Entry, Seed, SeedKind, make_seed

PROGRAM = "FreeOTP+"


@dataclass(frozen=True, slots=True)
class _File:
    tokens: list[msgspec.Raw]


@dataclass(frozen=True, slots=True)
class _Token:
    secret: list[int] = field(repr=False)
    label: str = ""
    issuerExt: str = ""
    type: str = "TOTP"
    algo: str = "SHA1"
    digits: int = 6
    period: int = 30
    counter: int = 0

    @property
    def shown_as(self) -> str:
        return self.label


def read_freeotp(text: str, password: Secret[str] | None = None) -> list[Entry]:
    """Return the entries of an export."""
    return each(decode(text, _File, PROGRAM).tokens, _Token, _seed)


def _seed(number: int, token: _Token) -> Seed:
    if not all(-128 <= byte <= 255 for byte in token.secret):
        raise BadSeed("The key is not a list of bytes.", "secret")
    hotp = token.type.lower() == SeedKind.HOTP
    return make_seed(
        number,
        Secret(bytes(byte & 255 for byte in token.secret)),
        user=token.label,
        label=token.issuerExt,
        kind=token.type,
        algorithm=token.algo,
        digits=token.digits,
        period=token.period,
        counter=token.counter + 1 if hotp else 0,
    )
