"""Finding users: filtered, ordered, a window at a time, and counted, at a cost that does not grow with the tenant.

Without words, and with words that few rows hold, the list is in order throughout. Where many rows hold the words,
sorting them would take long, so those come first, in order, whose login (or name) begins with the first word, and then
the others as they are come upon. Nobody reads on to there: they type another letter.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass

import sqlalchemy as sa

from secconsole.domain.errors import Unfit
from secconsole.domain.limits import MOST_EXACT
from secconsole.domain.model import BindingStatus, Flag
from secconsole.domain.search import UserFilter
from secconsole.domain.throttle import FOREVER
from secconsole.store.rows import UserRecord
from secconsole.store.schema import user_counts, users
from secconsole.store.user_match import FEW, Condition, Words, begins, filter_conditions, words_of
from secconsole.store.users import user_record

MOST_COUNTED = 10_000  # without words; with words FEW


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of the list: after or before a cursor, or from a position on."""

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


@dataclass(frozen=True, slots=True)
class Found:
    """One window of users, and cursors for what comes before and after."""

    users: list[UserRecord]
    next: str | None = None
    previous: str | None = None


def find_users(
    connection: sa.Connection, tenant_pk: int, wanted: UserFilter, order: Order, window: Window, now: int
) -> Found:
    """The users of one window; raises `Invalid` for a cursor that is not one of this list."""
    words = words_of(connection, wanted)
    conditions = filter_conditions(tenant_pk, wanted, now)
    if words is not None and words.many and order.column != "last_sign_in":
        return _by_position(connection, conditions, words, order, window)
    if words is not None:
        conditions += words.conditions()
        if not words.many:
            conditions += words.in_index
    total = count_users(connection, tenant_pk, wanted, now)[0] if window.at and words is None else 0
    return _in_order(connection, conditions, order, window, total)


def count_users(connection: sa.Connection, tenant_pk: int, wanted: UserFilter, now: int) -> tuple[int, bool]:
    """How many users a filter finds; True if that is only the limit up to which was counted."""
    if not wanted.words and wanted.factor is None and wanted.flag is not Flag.LOCKED:
        return _from_counts(connection, tenant_pk, wanted), False
    words = words_of(connection, wanted)
    most = MOST_COUNTED if words is None else FEW
    query = sa.select(users.c.pk).where(*filter_conditions(tenant_pk, wanted, now))
    if words is not None:
        query = words.from_index(query.where(*words.conditions()))
    some = query.limit(most + 1).subquery()
    found = int(connection.execute(sa.select(sa.func.count()).select_from(some)).scalar_one())
    return min(found, most), found > most


def position_of(
    connection: sa.Connection, tenant_pk: int, user: UserRecord, wanted: UserFilter, order: Order, now: int
) -> int | None:
    """How many users stand before one in a list; None if the filter does not find them, or too many to tell."""
    words = words_of(connection, wanted)
    conditions = filter_conditions(tenant_pk, wanted, now)
    if words is not None:
        conditions += words.conditions()
        if words.many:
            return None
        conditions += words.in_index
    if connection.execute(sa.select(users.c.pk).where(*conditions, users.c.pk == user.pk)).first() is None:
        return None
    before = _beyond(order, _cursor(user, order), backwards=True)
    return _count(connection, sa.select(users.c.pk).where(*conditions, before))


def flags_of(user: UserRecord, now: int) -> tuple[Flag, ...]:
    """A user's flags at a moment, in the order they are shown."""
    facts = (
        (user.whitelisted, Flag.WHITELISTED),
        (user.locked_until >= FOREVER or user.locked_until > now, Flag.LOCKED),
        (user.disabled, Flag.DISABLED),
        (user.must_reset, Flag.MUST_RESET),
        (user.weak_only, Flag.WEAK_ONLY),
    )
    return tuple(flag for holds, flag in facts if holds)


def _in_order(
    connection: sa.Connection, conditions: list[Condition], order: Order, window: Window, total: int
) -> Found:
    backwards = window.backwards and window.cursor is not None
    limit, offset, from_end = window.limit + 1, 0, False
    query = sa.select(users).where(*conditions)
    if window.cursor:
        query = query.where(_beyond(order, window.cursor, backwards))
    elif window.at:
        offset = window.at
        if offset > total // 2 and total:  # the far half is nearer from the end
            rest = max(0, total - offset)
            limit = min(limit, rest)
            from_end, offset = True, rest - limit
    turned = backwards or from_end
    keys = _keys(users.c[order.column], order.descending != turned)
    query = query.order_by(*keys).limit(limit)
    if offset:  # skip over the index alone, then fetch only the rows that are wanted
        ids = query.with_only_columns(users.c.pk).offset(offset).subquery()
        query = sa.select(users).where(users.c.pk.in_(sa.select(ids.c.pk))).order_by(*keys)
    rows = [user_record(row) for row in connection.execute(query)]
    if turned:
        rows.reverse()
    more = len(rows) > window.limit
    if more:
        rows = rows[1:] if backwards else rows[: window.limit]
    if not rows:
        return Found(rows)
    has_previous = more if backwards else bool(window.cursor or window.at)
    return Found(
        rows,
        next=_cursor(rows[-1], order) if more or backwards else None,
        previous=_cursor(rows[0], order) if has_previous else None,
    )


def _by_position(
    connection: sa.Connection, conditions: list[Condition], words: Words, order: Order, window: Window
) -> Found:
    """First those that begin with the first word, in order; then the others, as they stand in the index."""
    start = _position(window.cursor) if window.cursor else window.at or 0
    if window.backwards and window.cursor:
        start, limit = max(0, start - window.limit), min(window.limit, start)
    else:
        limit = window.limit
    column, other = users.c[order.column], users.c.name_key if order.column == "login_key" else users.c.login_key
    beginning = begins(column, words.first)
    in_order = sa.select(users).where(*conditions, *words.conditions(but_first=True), beginning)
    wanted = limit + 1
    ordered = in_order.order_by(*_keys(column, order.descending)).offset(start).limit(wanted)
    rows = [user_record(row) for row in connection.execute(ordered)]
    if len(rows) < wanted:
        known = rows or not start
        ahead = start + len(rows) if known else _count(connection, in_order.with_only_columns(users.c.pk))
        rest = sa.select(users).where(*conditions, *words.conditions(), sa.not_(beginning))
        if words.long:
            rest = words.from_index(rest).order_by(words.index_order)
        else:
            rest = rest.where(begins(other, words.first)).order_by(other, users.c.pk)
        rest = rest.offset(max(0, start - ahead)).limit(wanted - len(rows))
        rows += [user_record(row) for row in connection.execute(rest)]
    more = len(rows) > limit
    rows = rows[:limit]
    return Found(
        rows,
        next=_at(start + limit) if more else None,
        previous=_at(start) if start and rows else None,
    )


def _keys(column: sa.ColumnElement[object], falling: bool) -> tuple[sa.UnaryExpression[object], ...]:
    return (column.desc(), users.c.pk.desc()) if falling else (column.asc(), users.c.pk.asc())


def _count(connection: sa.Connection, query: sa.Select[tuple[int]]) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(query.subquery())).scalar_one())


def _cursor(user: UserRecord, order: Order) -> str:
    """What a page's end is remembered by: opaque to everybody else."""
    return _encode([order.name, getattr(user, order.column), user.id])


def _at(position: int) -> str:
    return _encode(["at", position])


def _position(cursor: str) -> int:
    match _decode(cursor):
        case ["at", int(position)] if 0 <= position <= MOST_EXACT:
            return position
    raise _NOT_OURS


def _beyond(order: Order, cursor: str, backwards: bool) -> Condition:
    match _decode(cursor):
        case [order.name, int() | str() as value, str(id)] if isinstance(value, int) == (
            order.column == "last_sign_in"
        ):
            key = sa.select(users.c.pk).where(users.c.id == id).scalar_subquery()
            here, there = sa.tuple_(users.c[order.column], users.c.pk), sa.tuple_(sa.literal(value), key)
            return here < there if order.descending != backwards else here > there
    raise _NOT_OURS


def _encode(parts: list[str | int]) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts, ensure_ascii=False).encode()).decode().rstrip("=")


def _decode(cursor: str) -> object:
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        json.dumps(parts, ensure_ascii=False).encode()  # half of a surrogate pair is no text to any store
    except (ValueError, binascii.Error, RecursionError):
        raise _NOT_OURS from None
    if not isinstance(parts, list) or not all(_can_be_stored(part) for part in parts):
        raise _NOT_OURS
    return parts


def _can_be_stored(part: object) -> bool:
    return "\0" not in part if isinstance(part, str) else isinstance(part, int) and abs(part) <= MOST_EXACT


_NOT_OURS = Unfit("The cursor is not one of this list.", "cursor")


def _from_counts(connection: sa.Connection, tenant_pk: int, wanted: UserFilter) -> int:
    c = user_counts.c
    conditions: list[Condition] = [c.tenant_pk == tenant_pk]
    if wanted.status is not None:
        conditions.append(c.status == wanted.status)
    if wanted.role is not None:
        conditions.append(c.role == wanted.role)
    if wanted.flag is Flag.NO_RECOVERY:
        conditions += [c.status == BindingStatus.BOUND, c.has_recovery.is_(sa.false())]
    elif wanted.flag is not None:
        conditions.append(c[wanted.flag.replace("-", "_")].is_(sa.true()))
    return int(connection.execute(sa.select(sa.func.coalesce(sa.func.sum(c.n), 0)).where(*conditions)).scalar_one())
