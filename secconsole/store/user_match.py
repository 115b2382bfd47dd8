"""What a filter means to the database: conditions on users, and how the words of a search are found.

Words of three letters and more go through a trigram index, which knows which rows hold three letters but not where;
rows that hold all of a word's are then looked at, for shorter words too. Where there are only shorter ones, they are
looked up as beginnings of login or name.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from secconsole.domain.model import FactorKind, Flag
from secconsole.domain.search import UserFilter
from secconsole.store.schema import users

Condition = sa.ColumnElement[bool]

FEW = 1_000  # matches that are cheap to fetch all and sort
_TRIGRAM = 3
fts = sa.table("users_fts", sa.column("rowid", sa.Integer))


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a search, as they are looked up. `many`: more rows hold them than are cheap to sort."""

    long: tuple[str, ...]
    short: tuple[str, ...]
    many: bool

    @property
    def first(self) -> str:
        return (*self.long, *self.short)[0].casefold()

    def matching(self) -> Condition:
        """Asked of the full-text index: the rows that hold all the letters of the long words."""
        return sa.text("users_fts MATCH :match").bindparams(match=_match(self.long))  # type: ignore[return-value]

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
    return Words(long, short, _are_many(connection, long) if long else True)


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
            conditions += [users.c.kinds != "", users.c.kinds != "totp"]
    if wanted.flag is Flag.LOCKED:
        conditions += [users.c.locked_until > 0, users.c.locked_until > now]
    elif wanted.flag is not None:
        conditions.append(users.c[wanted.flag.replace("-", "_")].is_(sa.true()))
    return conditions


def begins(column: sa.ColumnElement[str], word: str) -> Condition:
    """Whether a column begins with a word, as a range that an index serves."""
    end = word[:-1] + chr(min(ord(word[-1]) + 1, 0x10FFFF))
    return sa.and_(column >= word, column < end)


def _begins(word: str) -> Condition:
    word = word.casefold()
    return sa.or_(begins(users.c.login_key, word), begins(users.c.name_key, word))


def _contains(word: str) -> Condition:
    fields = (users.c.login, users.c.name, users.c.email)
    return sa.or_(*(field.contains(word, autoescape=True) for field in fields))


def _match(words: tuple[str, ...]) -> str:
    parts = dict.fromkeys(word[i : i + _TRIGRAM] for word in words for i in range(len(word) - _TRIGRAM + 1))
    return " AND ".join('"' + part.replace('"', '""') + '"' for part in list(parts)[:16])


def _are_many(connection: sa.Connection, long: tuple[str, ...]) -> bool:
    query = sa.text("SELECT count(*) FROM (SELECT 1 FROM users_fts WHERE users_fts MATCH :match LIMIT :most)")
    found = connection.execute(query, {"match": _match(long), "most": FEW + 1}).scalar_one()
    return bool(found > FEW)
