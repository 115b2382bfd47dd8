"""Finding users: filtered, ordered, a window at a time, and counted, at a cost that does not grow with the tenant.

Words of three letters and more go through a trigram index. A word that most rows share is cheaper to find by walking
the order and testing each row, so matches are counted up to a limit first: below it they are sorted, above it the order
is walked. Shorter words are looked up as beginnings of login or name.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass

import sqlalchemy as sa

from secconsole.domain.errors import Invalid
from secconsole.domain.model import Flag
from secconsole.domain.search import UserFilter
from secconsole.domain.throttle import FOREVER
from secconsole.store.rows import UserRecord
from secconsole.store.schema import user_counts, users
from secconsole.store.users import user_record

MOST_COUNTED = 10_000
_TRIGRAM = 3
_FTS = sa.text("users.pk IN (SELECT rowid FROM users_fts WHERE users_fts MATCH :match)")

Row = sa.Row[tuple[object, ...]]
Condition = sa.ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of the order: after or before a cursor, or from a position on."""

    limit: int
    cursor: str | None = None
    backwards: bool = False
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """`column` is login_key, name_key or last_sign_in; the internal key settles ties."""

    column: str
    descending: bool

    @property
    def name(self) -> str:
        return f"{self.column}{'-' if self.descending else '+'}"


def find_users(
    connection: sa.Connection, tenant_pk: int, wanted: UserFilter, order: Order, window: Window, now: int
) -> list[UserRecord]:
    """The users of one window, in order."""
    conditions = _conditions(connection, tenant_pk, wanted, now)
    column = _sort_value(order)
    backwards = window.backwards or False
    query = sa.select(users).where(*conditions)
    offset = 0
    if window.cursor:
        query = query.where(_beyond(order, window.cursor, backwards))
    elif window.at:
        offset = window.at
        total = count_users(connection, tenant_pk, wanted, now)
        if not wanted.words and offset > total[0] // 2:  # the far half is nearer from the end
            rest = max(0, total[0] - offset)
            limit = min(window.limit, rest)
            backwards, offset = True, max(0, rest - limit)
            query = query.limit(limit)
    falling = order.descending != backwards
    keys = (column.desc(), users.c.pk.desc()) if falling else (column.asc(), users.c.pk.asc())
    query = query.order_by(*keys)
    if query._limit_clause is None:
        query = query.limit(window.limit)
    if offset:
        # Skip over the index alone, then fetch only the rows that are wanted.
        ids = query.with_only_columns(users.c.pk).offset(offset).subquery()
        query = sa.select(users).where(users.c.pk.in_(sa.select(ids.c.pk))).order_by(*keys)
    rows = [user_record(row) for row in connection.execute(query)]
    return rows[::-1] if backwards else rows


def count_users(connection: sa.Connection, tenant_pk: int, wanted: UserFilter, now: int) -> tuple[int, bool]:
    """How many users a filter finds; True if that is only the limit up to which was counted."""
    if not wanted.words and wanted.factor is None and wanted.flag is not Flag.LOCKED:
        return _from_counts(connection, tenant_pk, wanted), False
    conditions = _conditions(connection, tenant_pk, wanted, now)
    some = sa.select(users.c.pk).where(*conditions).limit(MOST_COUNTED + 1).subquery()
    found = int(connection.execute(sa.select(sa.func.count()).select_from(some)).scalar_one())
    return min(found, MOST_COUNTED), found > MOST_COUNTED


def position_of(
    connection: sa.Connection, tenant_pk: int, user: UserRecord, wanted: UserFilter, order: Order, now: int
) -> int | None:
    """How many users stand before one in a list; None if the filter does not find them at all."""
    conditions = _conditions(connection, tenant_pk, wanted, now)
    there = sa.select(users.c.pk).where(*conditions, users.c.pk == user.pk)
    if connection.execute(there).first() is None:
        return None
    before = _beyond(order, cursor_of(user, order), backwards=True)
    some = sa.select(users.c.pk).where(*conditions, before).subquery()
    return int(connection.execute(sa.select(sa.func.count()).select_from(some)).scalar_one())


def cursor_of(user: UserRecord, order: Order) -> str:
    """What a page's end is remembered by: opaque to everybody else."""
    text = json.dumps([order.name, getattr(user, order.column) or _least(order), user.id], ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _beyond(order: Order, cursor: str, backwards: bool) -> Condition:
    try:
        name, value, id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if name != order.name or not isinstance(id, str) or not isinstance(value, type(_least(order))):
            raise ValueError(name)
    except (ValueError, TypeError, binascii.Error):
        raise Invalid("The cursor is not one of this list.", "cursor") from None
    key = sa.select(users.c.pk).where(users.c.id == id).scalar_subquery()
    here, there = sa.tuple_(_sort_value(order), users.c.pk), sa.tuple_(sa.literal(value), key)
    return here < there if order.descending != backwards else here > there


def _sort_value(order: Order) -> sa.ColumnElement[object]:
    column: sa.ColumnElement[object] = users.c[order.column]
    return column


def _least(order: Order) -> str | int:
    return 0 if order.column == "last_sign_in" else ""


def _conditions(connection: sa.Connection, tenant_pk: int, wanted: UserFilter, now: int) -> list[Condition]:
    conditions: list[Condition] = [users.c.tenant_pk == tenant_pk]
    if wanted.status is not None:
        conditions.append(users.c.status == wanted.status)
    if wanted.role is not None:
        conditions.append(users.c.role == wanted.role)
        if wanted.role != "user":
            conditions.append(users.c.role != "user")  # says to SQLite that the partial index will do
    if wanted.factor is not None:
        conditions.append(users.c.kinds.contains(wanted.factor.value, autoescape=True))
    if wanted.flag is Flag.LOCKED:
        conditions += [users.c.locked_until > 0, users.c.locked_until > now]
    elif wanted.flag is not None:
        conditions.append(users.c[wanted.flag.replace("-", "_")].is_(sa.true()))
    conditions += _word_conditions(connection, wanted.words)
    return conditions


def _word_conditions(connection: sa.Connection, words: tuple[str, ...]) -> list[Condition]:
    long = [word for word in words if len(word) >= _TRIGRAM]
    conditions = [_begins(word.casefold()) for word in words if len(word) < _TRIGRAM]
    if long:
        match = " AND ".join(_trigrams(word) for word in long)
        if _is_rare(connection, match):
            conditions.append(_FTS.bindparams(match=match))  # type: ignore[arg-type]
        conditions += [_contains(word) for word in long]
    return conditions


def _trigrams(word: str) -> str:
    """The index knows which rows hold three letters, not where: rows that hold all of a word's are then looked at."""
    parts = dict.fromkeys(word[i : i + _TRIGRAM] for i in range(len(word) - _TRIGRAM + 1))
    return " AND ".join('"' + part.replace('"', '""') + '"' for part in list(parts)[:12])


def _is_rare(connection: sa.Connection, match: str) -> bool:
    query = sa.text("SELECT count(*) FROM (SELECT 1 FROM users_fts WHERE users_fts MATCH :match LIMIT :most)")
    return bool(connection.execute(query, {"match": match, "most": MOST_COUNTED}).scalar_one() < MOST_COUNTED)


def _contains(word: str) -> Condition:
    fields = (users.c.login, users.c.name, users.c.email)
    return sa.or_(*(field.contains(word, autoescape=True) for field in fields))


def _begins(word: str) -> Condition:
    end = word[:-1] + chr(min(ord(word[-1]) + 1, 0x10FFFF))
    columns = (users.c.login_key, users.c.name_key)
    return sa.or_(*(sa.and_(column >= word, column < end) for column in columns))


def _from_counts(connection: sa.Connection, tenant_pk: int, wanted: UserFilter) -> int:
    c = user_counts.c
    conditions: list[Condition] = [c.tenant_pk == tenant_pk]
    if wanted.status is not None:
        conditions.append(c.status == wanted.status)
    if wanted.role is not None:
        conditions.append(c.role == wanted.role)
    if wanted.flag is not None:
        conditions.append(c[wanted.flag.replace("-", "_")].is_(sa.true()))
    return int(connection.execute(sa.select(sa.func.coalesce(sa.func.sum(c.n), 0)).where(*conditions)).scalar_one())


def flags_of(user: UserRecord, now: int) -> tuple[Flag, ...]:
    """A user's flags at a moment, in the order they are shown."""
    facts = (
        (user.whitelisted, Flag.WHITELISTED),
        (user.locked_until >= FOREVER or user.locked_until > now, Flag.LOCKED),
        (user.disabled, Flag.DISABLED),
        (user.must_reset, Flag.MUST_RESET),
    )
    return tuple(flag for holds, flag in facts if holds)
