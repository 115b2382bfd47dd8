"""Queries of the list of users, one for each kind of search, built once and kept.

SQLAlchemy takes longer to build and to run a query of this size than SQLite takes to answer it. So words, cursors and
times are parameters, and what remains decides the SQL: filter, order, and the number of words and their pieces.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from secconsole.domain.model import BindingStatus, Flag
from secconsole.domain.users.search import UserFilter
from secconsole.store.engine.compiled import Prepared
from secconsole.store.rows import UserRecord, kinds_to
from secconsole.store.schema import user_counts, users
from secconsole.store.search.overdue import TENANT
from secconsole.store.search.user_ages import AgeLookup
from secconsole.store.search.user_match import Condition, SearchShape, filter_conditions
from secconsole.store.users import USER

_KEPT = 64  # of each function: nobody uses all combinations of filters, orders and numbers of words
_MOST, _START = sa.bindparam("most", type_=sa.BigInteger), sa.bindparam("start", type_=sa.BigInteger)
_USERS = sa.select(*USER)
_GROUPING = ("status", "role", "kinds", "flags")
_WEIGHTS = (("locked_until", 8), ("disabled", 4), ("must_reset", 2), ("whitelisted", 1))
_FLAGS: sa.ColumnElement[int] = sum(
    (
        sa.case((users.c[name] > 0 if name == "locked_until" else users.c[name].is_(sa.true()), weight), else_=0)
        for name, weight in _WEIGHTS
    ),
    start=sa.literal_column("0", sa.BigInteger),
)
_PKS = sa.select(users.c.pk)


@dataclass(frozen=True, slots=True)
class Order:
    """Order of a list.

    `column` is one of the table, or `flags`. Logins and then the internal key break the ties of columns with few
    different values, for some of which there is an index with the login, and the internal key those of others.
    """

    column: str
    descending: bool

    @property
    def name(self) -> str:
        return f"{self.column}{'-' if self.descending else '+'}"

    @property
    def is_number(self) -> bool:
        return self.column in ("last_sign_in", "created", "flags")

    @property
    def has_index(self) -> bool:
        return self.column != "flags"

    @property
    def follows_words(self) -> bool:
        """True if users who begin with a word are together in this order."""
        return self.column in ("login_key", "name_key")

    @property
    def key(self) -> sa.ColumnElement[Any]:
        return _FLAGS if self.column == "flags" else users.c[self.column]

    @property
    def ties(self) -> tuple[sa.ColumnElement[Any], ...]:
        """Columns that order users with the same key."""
        return (users.c.login_key, users.c.pk) if self.column in _GROUPING else (users.c.pk,)

    def value(self, user: UserRecord) -> int | str:
        """Return the key of a user."""
        if self.column == "flags":
            return sum(weight for (name, weight) in _WEIGHTS if getattr(user, name))
        if self.column == "kinds":
            return kinds_to(user.kinds)
        value: int | str = getattr(user, self.column)
        return value


@dataclass(frozen=True, slots=True)
class Criteria:
    """Filter without its words, and the shape of these: what decides the SQL of a search.

    `ages`: how users with the ages of the filter are found.
    """

    rest: UserFilter
    words: SearchShape | None
    ages: AgeLookup = AgeLookup.FREE

    @property
    def conditions(self) -> list[Condition]:
        """All conditions on a user, with those that find few users in an index."""
        found = self.own
        return [*found, *self.words.among_found] if self.words else found

    @property
    def own(self) -> list[Condition]:
        """The conditions on a user's own columns."""
        found = filter_conditions(self.rest, self.ages)
        return [*found, *self.words.conditions] if self.words else found


@dataclass(frozen=True, slots=True)
class Part:
    """Users who begin with the first word in a list of many, and its order.

    `is_cut`: only the first few of them in order, each of which is checked, up to the parameter `high` (or `low`).
    """

    order: Order
    is_cut: bool

    @property
    def condition(self) -> Condition:
        column = users.c[self.order.column]
        low, high = (sa.bindparam(name, type_=column.type) for name in ("low", "high"))
        falls = self.is_cut and self.order.descending
        return sa.and_(column > low if falls else column >= low, column < high)


@lru_cache(_KEPT)
def listing(criteria: Criteria, order: Order, *, beyond: bool, turned: bool, skips: bool) -> Prepared:
    """Return the query for users in order, up to `most`.

    `beyond`: after the user at `value` and `id`. `turned`: in the opposite direction. `skips`: without the first
    `start`.
    """
    keys = _keys(order, turned=turned)
    query = _USERS.where(*criteria.conditions)
    if beyond:
        query = query.where(_beyond(order, turned=turned))
    query = query.order_by(*keys).limit(_MOST)
    if skips:  # skip within the index, then fetch only the rows of the window
        ids = query.with_only_columns(users.c.pk).offset(_START).subquery()
        query = _USERS.where(users.c.pk.in_(sa.select(ids.c.pk))).order_by(*keys)
    return Prepared(query)


@lru_cache(_KEPT)
def counting(criteria: Criteria) -> Prepared:
    """Return the query for the number of users, up to `most`."""
    query = _PKS.where(*criteria.own)
    if criteria.words is not None:
        query = criteria.words.from_index(query)
    return Prepared(_count(query.limit(_MOST)))


@lru_cache(_KEPT)
def choosing(criteria: Criteria) -> Prepared:
    """Return the query for all matching users in no particular order, up to `most`."""
    query = _USERS.where(*criteria.own)
    if criteria.words is not None:
        query = criteria.words.from_index(query)
    return Prepared(query.limit(_MOST))


@lru_cache(_KEPT)
def fitting(criteria: Criteria) -> Prepared:
    """Return the query that finds the user `this` if the search does."""
    return Prepared(_PKS.where(*criteria.conditions, users.c.pk == sa.bindparam("this")))


@lru_cache(_KEPT)
def preceding(criteria: Criteria, order: Order) -> Prepared:
    """Return the query for the number of users before the one at `value` and `id`."""
    return Prepared(_count(_PKS.where(*criteria.conditions, _beyond(order, turned=True))))


@lru_cache(_KEPT)
def beginners(criteria: Criteria, part: Part) -> Prepared:
    """Return the query for users who begin with the first word, in order, from `start` on and up to `most`."""
    assert criteria.words is not None
    conditions = [*filter_conditions(criteria.rest), *criteria.words.conditions_in_row]
    query = _USERS.where(*conditions, part.condition).order_by(*_keys(part.order))
    return Prepared(query.offset(_START).limit(_MOST))


@lru_cache(_KEPT)
def count_beginners(criteria: Criteria, part: Part) -> Prepared:
    return Prepared(_count(_PKS.where(*criteria.own, part.condition)))


@lru_cache(_KEPT)
def the_others(criteria: Criteria, part: Part) -> Prepared:
    """Return the query for all other users as the index finds them, from `start` on and up to `most`."""
    assert criteria.words is not None
    query = criteria.words.from_index(_USERS.where(*criteria.own, sa.not_(part.condition)))
    return Prepared(query.order_by(criteria.words.index_order).offset(_START).limit(_MOST))


@lru_cache(_KEPT)
def edge_of(order: Order) -> Prepared:
    """Return the query for the place of the user after the first `start` who begin with the first word."""
    column = users.c[order.column]
    begins = Part(order, is_cut=False).condition
    query = sa.select(column).where(users.c.tenant_pk == TENANT, begins).order_by(*_keys(order))
    return Prepared(query.offset(_START).limit(1))


@lru_cache(_KEPT)
def kept_count(rest: UserFilter) -> Prepared:
    """Return the query for a number of users from the counts that triggers keep."""
    c = user_counts.c
    conditions: list[Condition] = [c.tenant_pk == TENANT]
    if rest.status is not None:
        conditions.append(c.status == str(rest.status))
    if rest.role is not None:
        conditions.append(c.role == str(rest.role))
    if rest.not_status is not None:
        conditions.append(c.status != str(rest.not_status))
    if rest.not_role is not None:
        conditions.append(c.role != str(rest.not_role))
    if rest.factor is not None:
        conditions.append(c.kinds.contains(rest.factor.value, autoescape=True))
    if rest.only is not None:
        conditions.append(c.kinds == rest.only.value)
    if rest.not_factor is not None:
        conditions.append(sa.not_(c.kinds.contains(rest.not_factor.value, autoescape=True)))
    if rest.flag is not None:
        conditions.append(_counted(rest.flag))
    conditions += [sa.not_(_counted(flag)) for flag in rest.not_flag]
    return Prepared(sa.select(sa.func.coalesce(sa.func.sum(c.n), 0)).where(*conditions))


def _counted(flag: Flag) -> Condition:
    c = user_counts.c
    if flag is Flag.NO_RECOVERY:
        return sa.and_(c.status == BindingStatus.BOUND.value, c.has_recovery.is_(sa.false()))
    return c[flag.replace("-", "_")].is_(sa.true())


def _count(query: sa.Select[Any]) -> sa.Select[Any]:
    return sa.select(sa.func.count()).select_from(query.subquery())


def _keys(order: Order, *, turned: bool = False) -> tuple[sa.UnaryExpression[object], ...]:
    falls = order.descending != turned
    return tuple(column.desc() if falls else column.asc() for column in (order.key, *order.ties))


def _beyond(order: Order, *, turned: bool) -> Condition:
    """Return the condition on users after the one at `value` and `id`, or before it if `turned`."""
    there = (
        sa.select(users.c[tie.name]).where(users.c.id == sa.bindparam("id")).scalar_subquery() for tie in order.ties
    )
    # A comparison of row values, which follows an index on these columns.
    here = sa.tuple_(order.key, *order.ties)
    end = sa.tuple_(sa.bindparam("value", type_=order.key.type), *there)
    return here < end if order.descending != turned else here > end
