"""What a filter means to the database: conditions on users, and how the words of a search are found.

Words of three letters and more go through a trigram index, which knows which rows hold three letters but not where;
rows that hold all of a word's are then looked at, for shorter words too. Where there are only shorter ones, they are
looked up as beginnings of login or name. SQLite's index is a table of its own that is asked first; PostgreSQL's serves
the conditions themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from secconsole.domain.model import BindingStatus, FactorKind, Flag
from secconsole.domain.search import UserFilter
from secconsole.store.contains import contains
from secconsole.store.schema import users

Condition = sa.ColumnElement[bool]

FEW = 1_000  # matches that are cheap to fetch all and sort
_TRIGRAM = 3
# Says to SQLite that the partial index will do.
_UNUSUAL: tuple[Condition, ...] = (users.c.kinds != "", users.c.kinds != "totp")
fts = sa.table("users_fts", sa.column("rowid", sa.Integer))


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a search, as they are looked up. `many`: more rows hold them than are cheap to sort."""

    long: tuple[str, ...]
    short: tuple[str, ...]
    many: bool
    apart: bool  # whether the index is a table of its own

    @property
    def first(self) -> str:
        return (*self.long, *self.short)[0].casefold()

    @property
    def in_index(self) -> list[Condition]:
        """On users: only those that the full-text index knows; nothing where the conditions suffice."""
        if not self.apart or not self.long:
            return []
        return [users.c.pk.in_(sa.select(fts.c.rowid).where(_matching(self.long)))]

    def from_index(self, query: sa.Select[Any]) -> sa.Select[Any]:
        """A query of users that begins with what the full-text index finds."""
        if not self.apart or not self.long:
            return query
        return query.select_from(fts.join(users, users.c.pk == fts.c.rowid)).where(_matching(self.long))

    @property
    def index_order(self) -> sa.ColumnElement[int]:
        """What rows come in the order of without sorting them."""
        return fts.c.rowid if self.apart and self.long else users.c.pk

    def conditions(self, *, but_first: bool = False) -> list[Condition]:
        """What a row has to fulfil, whichever way it was come upon; `but_first`: which begins with the first word."""
        short = _contains if self.long else _begins
        tests = [_contains(word) for word in self.long] + [short(word) for word in self.short]
        return tests[1:] if but_first else tests


def words_of(connection: sa.Connection, wanted: UserFilter) -> Words | None:
    """How the words of a filter are best found; None if it has none."""
    long = tuple(word for word in wanted.words if len(word) >= _TRIGRAM)
    short = tuple(word for word in wanted.words if 0 < len(word) < _TRIGRAM)
    if not long and not short:
        return None
    apart = connection.dialect.name == "sqlite"
    return Words(long, short, _are_many(connection, long, apart) if long else True, apart)


def filter_conditions(tenant_pk: int, wanted: UserFilter, now: int) -> list[Condition]:
    """The conditions of everything in a filter but its words."""
    conditions: list[Condition] = [users.c.tenant_pk == tenant_pk]
    if wanted.status is not None:
        conditions.append(users.c.status == wanted.status)
    if wanted.role is not None:
        conditions.append(users.c.role == wanted.role)
        if wanted.role != "user":
            conditions.append(users.c.role != "user")  # says to SQLite that the partial index will do
    if wanted.factor is not None:
        conditions.append(users.c.kinds.contains(wanted.factor.value, autoescape=True))
        if wanted.factor is not FactorKind.TOTP:
            conditions += _UNUSUAL
    if wanted.flag is Flag.LOCKED:
        conditions += [users.c.locked_until > 0, users.c.locked_until > now]
    elif wanted.flag is Flag.NO_RECOVERY:
        conditions += [users.c.status == BindingStatus.BOUND, users.c.has_recovery.is_(sa.false())]
    elif wanted.flag is not None:
        conditions.append(users.c[wanted.flag.replace("-", "_")].is_(sa.true()))
        if wanted.flag is Flag.WEAK_ONLY:
            conditions += _UNUSUAL
    return conditions


def begins(column: sa.ColumnElement[str], word: str) -> Condition:
    """Whether a column begins with a word, as a range that an index serves."""
    last = ord(word[-1]) + 1
    after = 0xE000 if 0xD800 <= last < 0xE000 else min(last, 0x10FFFF)  # no half of a pair: that is no text
    return sa.and_(column >= word, column < word[:-1] + chr(after))


def _begins(word: str) -> Condition:
    word = word.casefold()
    return sa.or_(begins(users.c.login_key, word), begins(users.c.name_key, word))


def _contains(word: str) -> Condition:
    fields = (users.c.login, users.c.name, users.c.email)
    return sa.or_(*(contains(field, word) for field in fields))


def _matching(words: tuple[str, ...]) -> Condition:
    """Asked of the full-text index: the rows that hold all the letters of the long words."""
    parts = dict.fromkeys(word[i : i + _TRIGRAM] for word in words for i in range(len(word) - _TRIGRAM + 1))
    match = " AND ".join('"' + part.replace('"', '""') + '"' for part in list(parts)[:16])
    return sa.text("users_fts MATCH :match").bindparams(match=match)  # type: ignore[return-value]


def _are_many(connection: sa.Connection, long: tuple[str, ...], apart: bool) -> bool:
    some: sa.Select[Any] = sa.select(sa.literal_column("1")).limit(FEW + 1)
    if apart:
        some = some.select_from(fts).where(_matching(long))
    else:
        some = some.select_from(users).where(*(_contains(word) for word in long))
    found = connection.execute(sa.select(sa.func.count()).select_from(some.subquery())).scalar_one()
    return bool(found > FEW)
