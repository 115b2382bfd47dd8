"""Filters as conditions on users, and the ways to look up the words of a search.

Words ask for pieces of a user's search key (see domain/users/search_key.py). A trigram index knows which rows contain
three letters but not where, so rows that contain all trigrams of a piece are examined afterwards. SQLite's index is a
separate table that is queried first. On PostgreSQL the index serves the conditions themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import sqlalchemy as sa

from secconsole.domain.model import BindingStatus, FactorKind, Flag
from secconsole.domain.throttling.throttle import LONGEST_DELAY, PARTLY
from secconsole.domain.users.search import NO_PHONE, UserFilter
from secconsole.domain.users.search_key import Term, search_terms
from secconsole.store.engine.compiled import Prepared
from secconsole.store.schema import user_counts, users
from secconsole.store.search.overdue import NOW, OVERDUE, TENANT
from secconsole.store.search.text_match import holds, holds_named, piece_value
from secconsole.store.search.used_ahead import refusing_users
from secconsole.store.search.user_ages import AgeLookup, age_conditions
from secconsole.store.search.user_keys import tenant_mark
from secconsole.store.search.weak_keys import weak_key_users

Condition = sa.ColumnElement[bool]
# Parameters of the conditions of a filter.

FEW = 1_000  # matches that are cheap to fetch and sort
SEVERAL = 10_000  # matches that are cheaper to fetch than to search in the order of the last sign-in
_TRIGRAM = 3
_MOST_TRIGRAMS = 16  # that the index is asked for per piece: the rest is checked in the rows
_MINORITY = 4  # a tenant with less than this fraction of all users is looked up in the index too
# Lets SQLite use the partial index.
_UNUSUAL: tuple[Condition, ...] = (users.c.kinds != "", users.c.kinds != "totp")
fts = sa.table("users_fts", sa.column("rowid", sa.Integer))
_IS_OWN = user_counts.c.tenant_pk == sa.bindparam("tenant")
_SHARE = Prepared(sa.select(sa.func.sum(user_counts.c.n), sa.func.sum(sa.case((_IS_OWN, user_counts.c.n), else_=0))))
_FIRST = (
    sa.select(fts.c.rowid).where(sa.text("users_fts MATCH :match")).limit(sa.bindparam("most", type_=sa.Integer))
).subquery()
_LISTED = Prepared(sa.select(sa.func.count(), sa.func.json_group_array(_FIRST.c.rowid)).select_from(_FIRST))


@dataclass(frozen=True, slots=True)
class SearchShape:
    """Numbers of words and pieces of a search, which decide its SQL. The words themselves are parameters.

    `terms`: the number of pieces of each alternative. `many`: more rows match than are cheap to sort. `in_index`:
    SQLite's index was queried. `in_few`: the rest of the filter leaves few rows, whatever the words.
    """

    terms: tuple[tuple[int, ...], ...]
    many: bool
    in_index: bool = False
    in_few: bool = False

    @property
    def conditions(self) -> list[Condition]:
        """Conditions that a row must meet, however it was found."""
        return self._conditions(indexed=True)

    @property
    def conditions_in_row(self) -> list[Condition]:
        """The same, for rows in an order of their own: PostgreSQL would find and sort all matches of the index."""
        return self._conditions(indexed=False)

    def _conditions(self, *, indexed: bool) -> list[Condition]:
        names = _names()

        def held(size: int) -> Condition:
            return sa.and_(*(holds_named(users.c.search_key, next(names), indexed=indexed) for _ in range(size)))

        return [sa.or_(*map(held, term)) for term in self.terms]

    @property
    def among_found(self) -> list[Condition]:
        """Conditions that limit users to those in the index, none if there are too many to list."""
        if self.many or self.in_few:
            return []
        if self.in_index:
            listed = sa.func.json_each(sa.bindparam("listed")).table_valued("value")
            return [users.c.pk.in_(sa.select(listed.c.value))]
        # Separate, because PostgreSQL would scan all users in order instead: it mistakes rare words for frequent ones.
        apart = sa.select(users.c.pk).where(users.c.tenant_pk == TENANT, *self.conditions).cte("listed")
        return [users.c.pk.in_(sa.select(apart.prefix_with("MATERIALIZED").c.pk))]

    def from_index(self, query: sa.Select[Any]) -> sa.Select[Any]:
        """Return a query of users that starts from the matches of the index."""
        if not self.in_index:
            return query
        if not self.many:
            return query.where(*self.among_found)
        matching = sa.text("users_fts MATCH :match")
        return query.select_from(fts.join(users, users.c.pk == fts.c.rowid)).where(matching)

    @property
    def index_order(self) -> sa.ColumnElement[int]:
        """The order in which rows come without sorting."""
        return fts.c.rowid if self.in_index else users.c.pk


@dataclass(frozen=True, slots=True)
class Words:
    """Words of a search and how to look them up.

    `match`: the query for SQLite's index, a separate table. `listed`: a JSON array of the rows that it found, if they
    are few.
    """

    terms: tuple[Term, ...]
    many: bool
    match: str = ""
    listed: str = ""
    in_few: bool = False

    @property
    def first(self) -> str:
        """The beginning of the login or name of users who are listed first if there are many."""
        return self.terms[0][-1][0].strip()

    @property
    def shape(self) -> SearchShape:
        sizes = tuple(tuple(len(pieces) for pieces in term) for term in self.terms)
        return SearchShape(sizes, self.many, bool(self.match), self.in_few)

    def values(self, dialect: str) -> dict[str, str]:
        """Return the values of the parameters of all queries of the shape."""
        pieces = (piece for term in self.terms for alternative in term for piece in alternative)
        # Not strict: the names are endless.
        found = {name: piece_value(piece, dialect) for name, piece in zip(_names(), pieces, strict=False)}
        return {**found, "match": self.match, "listed": self.listed}


def _names() -> Iterator[str]:
    """Yield the names of the parameters for the pieces of words."""
    return (f"piece{number}" for number in count())


def words_of(connection: sa.Connection, tenant_pk: int, wanted: UserFilter, few: int | None = None) -> Words | None:
    """Return the best way to find the words of a filter, or None if it has none.

    `few`: how many rows are listed, if not `FEW`.
    """
    terms = search_terms(wanted.words)
    if not terms:
        return None
    most = FEW if few is None else few
    if connection.dialect.name != "sqlite":
        return Words(terms, many=_count_on_postgres(connection, tenant_pk, terms, most) > most)
    return _looked_up(connection, tenant_pk, terms, most)


def filter_conditions(wanted: UserFilter, ages: AgeLookup = AgeLookup.FREE) -> list[Condition]:
    """Return the conditions of a filter except for its words, with the parameters `TENANT` and `NOW`."""
    # A listed user is looked up by the primary key: a sum keeps SQLite from an index of the tenant.
    listed = ages is AgeLookup.LISTED
    conditions: list[Condition] = [
        (users.c.tenant_pk + sa.literal_column("0") if listed else users.c.tenant_pk) == TENANT
    ]
    if wanted.status is not None:
        conditions.append(users.c.status == str(wanted.status))
    if wanted.role is not None:
        conditions.append(users.c.role == str(wanted.role))
    if wanted.factor is not None:
        conditions.append(users.c.kinds.contains(wanted.factor.value, autoescape=True))
        if wanted.factor is not FactorKind.TOTP:
            conditions += _UNUSUAL
    if wanted.only is not None:
        conditions.append(users.c.kinds == wanted.only.value)
        if wanted.only is not FactorKind.TOTP:
            conditions += _UNUSUAL
    if wanted.flag is not None:
        conditions += _having(wanted.flag)
    return [*conditions, *_excluded(wanted), *age_conditions(wanted, ages), *_numbers(wanted.phone)]


def _having(flag: Flag) -> list[Condition]:
    if flag is Flag.LOCKED:
        return [users.c.locked_until > 0, held_at(NOW)]
    if flag is Flag.NO_RECOVERY:
        return [users.c.status == BindingStatus.BOUND.value, users.c.has_recovery.is_(sa.false())]
    if flag is Flag.OVERDUE:
        return [*OVERDUE]
    if flag is Flag.NO_PASSWORD:
        return [users.c.password_hash.is_(None)]
    if flag is Flag.CODES_REFUSED:
        return [users.c.pk.in_(refusing_users(TENANT, NOW))]
    if flag is Flag.WEAK_KEY:
        return [users.c.pk.in_(weak_key_users(TENANT))]
    held = users.c[flag.replace("-", "_")].is_(sa.true())
    return [held, *_UNUSUAL] if flag is Flag.WEAK_ONLY else [held]


def _excluded(wanted: UserFilter) -> list[Condition]:
    conditions: list[Condition] = []
    if wanted.not_status is not None:
        conditions.append(users.c.status != str(wanted.not_status))
    if wanted.not_role is not None:
        conditions.append(users.c.role != str(wanted.not_role))
    if wanted.not_factor is not None:
        conditions.append(sa.not_(users.c.kinds.contains(wanted.not_factor.value, autoescape=True)))
    conditions += [sa.not_(sa.and_(*_having(flag))) for flag in wanted.not_flag]
    return conditions


def _numbers(wanted: str) -> list[Condition]:
    return [users.c.phone.contains(wanted, autoescape=True)] if wanted not in ("", NO_PHONE) else []


def held_at(now: int | sa.ColumnElement[int]) -> Condition:
    """Return the condition that corresponds to `is_held` in domain/throttling/throttle.py."""
    longest = users.c.locked_until <= now + LONGEST_DELAY
    return sa.and_(users.c.locked_until > now, sa.or_(longest, users.c.locked_until >= PARTLY))


def beginning(word: str) -> tuple[str, str]:
    """Return both ends of the range of texts that begin with a word: the first one, and the first one after it."""
    last = ord(word[-1]) + 1
    after = 0xE000 if 0xD800 <= last < 0xE000 else min(last, 0x10FFFF)  # no half of a surrogate pair, which is not text
    return word, word[:-1] + chr(after)


def fulfils(term: Term) -> Condition:
    """Return the condition that a user's key contains one of the alternatives."""
    return sa.or_(*(sa.and_(*(holds(users.c.search_key, piece) for piece in pieces)) for pieces in term))


def _looked_up(connection: sa.Connection, tenant_pk: int, terms: tuple[Term, ...], most: int) -> Words:
    """Query SQLite's index for each word separately, because the rarest word alone often leaves few rows.

    The index reads the rows of all words in a query, so a frequent word would cost the most and narrow the least.
    """
    mark = _apart(connection, tenant_pk)
    queries = [" AND ".join([_of_term(term), *mark]) for term in terms]
    # The number of rows comes first in each result, so this is the word that is rarest.
    found, listed, match = min(_listed(connection, match, most + 1) for match in queries)
    if found > most and len(terms) > 1:
        match = " AND ".join([*(_of_term(term, step=_TRIGRAM) for term in terms), *mark])
        found, listed, match = _listed(connection, match, most + 1)
    return Words(terms, found > most, match, listed)


def _listed(connection: sa.Connection, match: str, limit: int) -> tuple[int, str, str]:
    """Return the number of rows that SQLite's index finds, up to a limit, a JSON array of them, and the query."""
    row = _LISTED.row(connection, match=match, most=limit)
    assert row is not None
    return row[0], row[1], match


def _of_term(term: Term, step: int = 1) -> str:
    """Return the full-text query for rows that contain all trigrams of an alternative.

    With a `step` of three it asks only for trigrams that cover it, which is enough with several words.
    """
    found = [" AND ".join(map(_quoted, _trigrams(pieces, step))) for pieces in term]
    return found[0] if len(found) == 1 else f"({' OR '.join(f'({part})' for part in found)})"


def _trigrams(pieces: tuple[str, ...], step: int) -> list[str]:
    every: dict[str, None] = {}
    for piece in pieces:
        last = len(piece) - _TRIGRAM
        places = [*range(0, last, step), last][:_MOST_TRIGRAMS]
        every.update(dict.fromkeys(piece[at : at + _TRIGRAM] for at in places))
    return list(every)


def _quoted(trigram: str) -> str:
    return '"' + trigram.replace('"', '""') + '"'


def _apart(connection: sa.Connection, tenant_pk: int) -> list[str]:
    """Return the mark of a tenant with few of all users, so that it does not scan the users of others."""
    row = _SHARE.row(connection, tenant=tenant_pk)
    everybody, here = row if row else (0, 0)
    return [_quoted(tenant_mark(tenant_pk))] if (here or 0) * _MINORITY < (everybody or 0) else []


def _count_on_postgres(connection: sa.Connection, tenant_pk: int, terms: tuple[Term, ...], most: int) -> int:
    some: sa.Select[Any] = sa.select(sa.literal_column("1")).select_from(users)
    some = some.where(users.c.tenant_pk == tenant_pk, *map(fulfils, terms)).limit(most + 1)
    return int(connection.execute(sa.select(sa.func.count()).select_from(some.subquery())).scalar_one())
