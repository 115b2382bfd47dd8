"""Plain exports of Aegis: `db.entries[].info`."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from secconsole.domain.errors import Invalid
from secconsole.domain.secret import Secret
from secconsole.domain.seeds.json_text import decode, each
from secconsole.domain.seeds.seed import BadSeed, Entry, Seed, from_base32, make_seed

PROGRAM = "Aegis"


@dataclass(frozen=True, slots=True)
class _Db:
    entries: list[msgspec.Raw]


@dataclass(frozen=True, slots=True)
class _File:
    db: msgspec.Raw


@dataclass(frozen=True, slots=True)
class _Info:
    secret: str = field(repr=False)
    algo: str = "SHA1"
    digits: int = 6
    period: int = 30
    counter: int | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    type: str
    info: _Info
    name: str = ""
    issuer: str = ""

    @property
    def shown_as(self) -> str:
        return self.name


def read_aegis(text: str, password: Secret[str] | None = None) -> list[Entry]:
    """Return the entries of a plain export."""
    db = decode(text, _File, PROGRAM).db
    if bytes(db).lstrip().startswith(b'"'):
        raise Invalid("This export of Aegis is encrypted. Export it again without encryption.", "file")
    return each(decode(db, _Db, PROGRAM).entries, _Entry, _seed)


def _seed(number: int, entry: _Entry) -> Seed:
    if entry.type == "hotp" and entry.info.counter is None:
        raise BadSeed("An HOTP key needs its counter.", "counter")
    return make_seed(
        number,
        from_base32(entry.info.secret),
        user=entry.name,
        label=entry.issuer,
        kind=entry.type,
        algorithm=entry.info.algo,
        digits=entry.info.digits,
        period=entry.info.period,
        counter=entry.info.counter or 0,
    )
