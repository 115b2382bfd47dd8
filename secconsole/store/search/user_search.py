"""Search for users: filtered, sorted, counted and paged, at a cost independent of the size of the tenant.

Without words, and with words in few rows, the list is sorted throughout. If many rows match, sorting them would take
long. Then users whose login (or name) begins with the first word come first, in order, and the others follow as they
are found. With further words or filters, only the first 500 users with such a login are checked in order. Nobody
reads that far: people type another letter.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, replace

import sqlalchemy as sa

from secconsole.domain.errors import Unfit
from secconsole.domain.limits import MOST_EXACT
from secconsole.domain.model import Flag
from secconsole.domain.throttling.throttle import is_held
from secconsole.domain.users.search import EVERYBODY, UserFilter
from secconsole.domain.users.search_key import LEAST_DIGITS, search_terms
from secconsole.store.rows import UserRecord
from secconsole.store.search.overdue import count_overdue
from secconsole.store.search.user_ages import AgeLookup, look_up_ages
from secconsole.store.search.user_match import FEW, SEVERAL, Words, beginning, words_of
from secconsole.store.search.user_queries import (
    Criteria,
    Part,
    beginners,
    choosing,
    count_beginners,
    counting,
    edge_of,
    fitting,
    kept_count,
    listing,
    preceding,
    the_others,
)
from secconsole.store.search.user_queries import (
    Order as Order,
)
from secconsole.store.users import user_record

MOST_COUNTED = 10_000  # without words; FEW with words
_INDEXED = (Flag.WHITELISTED, Flag.DISABLED, Flag.MUST_RESET, Flag.NO_PASSWORD)


@dataclass(frozen=True, slots=True)
class Window:
    """Part of a list: after or before a cursor, or from a position on."""

    limit: int
    cursor: str | None = None
    backwards: bool = False
    at: int | None = None


@dataclass(frozen=True, slots=True)
class UserWindow:
    """One window of users, with cursors for the previous and the next one."""

    users: list[UserRecord]
    next: str | None = None
    previous: str | None = None


@dataclass(frozen=True, slots=True)
class _Search:
    """A search: what decides its SQL, and the values of the parameters."""

    criteria: Criteria
    values: dict[str, object]


def find_users(
    connection: sa.Connection, tenant_pk: int, wanted: UserFilter, order: Order, window: Window, now: int
) -> UserWindow:
    """Return the users of one window.

    Raise `Invalid` for a cursor of another list, and for too many users to sort without an index.
    """
    words = _words_of(connection, tenant_pk, wanted, None if order.follows_words else SEVERAL)
    if not order.has_index and _are_many(connection, tenant_pk, wanted, words, now):
        raise Unfit(f"Up to {MOST_COUNTED:,} users can be sorted by {order.column}. Search for fewer.", "sort")
    search = _search(connection, tenant_pk, wanted, words, now, order)
    if words is not None and words.many and order.follows_words:
        return _by_position(connection, search, words, order, window)
    total = count_users(connection, tenant_pk, wanted, now)[0] if window.at and words is None else 0
    return _in_order(connection, search, order, window, total)


def count_users(connection: sa.Connection, tenant_pk: int, wanted: UserFilter, now: int) -> tuple[int, bool]:
    """Return the number of matching users, and True if counting stopped at the limit."""
    words = _words_of(connection, tenant_pk, wanted)
    if wanted == UserFilter(flag=Flag.OVERDUE):
        return count_overdue(connection, tenant_pk, now), False
    if words is None and wanted.is_counted:
        return _from_counts(connection, tenant_pk, wanted), False
    most = MOST_COUNTED if words is None else FEW
    search = _search(connection, tenant_pk, wanted, words, now)
    row = counting(search.criteria).row(connection, **search.values, most=most + 1)
    found = int(row[0]) if row else 0
    return min(found, most), found > most


def matching_users(
    connection: sa.Connection, tenant_pk: int, wanted: UserFilter, now: int, most: int
) -> list[UserRecord]:
    """Return all matching users by login, or the first so many that are found."""
    search = _search(connection, tenant_pk, wanted, _words_of(connection, tenant_pk, wanted), now)
    rows = choosing(search.criteria).rows(connection, **search.values, most=most)
    return sorted(map(user_record, rows), key=lambda user: user.login_key)


def position_of(
    connection: sa.Connection, tenant_pk: int, user: UserRecord, wanted: UserFilter, order: Order, now: int
) -> int | None:
    """Return the position of a user in a list, or None if the filter does not match or the list is too long."""
    words = _words_of(connection, tenant_pk, wanted)
    if words is not None and words.many:
        return None
    if not order.has_index and _are_many(connection, tenant_pk, wanted, words, now):
        return None
    search = _search(connection, tenant_pk, wanted, words, now)
    if fitting(search.criteria).row(connection, **search.values, this=user.pk) is None:
        return None
    beyond = _beyond(order, _cursor(user, order))
    row = preceding(search.criteria, order).row(connection, **search.values, **beyond)
    return int(row[0]) if row else 0


def flags_of(user: UserRecord, now: int) -> tuple[Flag, ...]:
    """Return a user's flags at a moment, in the order they are shown."""
    if not (user.whitelisted or user.locked_until or user.disabled or user.must_reset or user.weak_only):
        return ()  # as nearly everyone
    facts = (
        (user.whitelisted, Flag.WHITELISTED),
        (is_held(user.locked_until, now), Flag.LOCKED),
        (user.disabled, Flag.DISABLED),
        (user.must_reset, Flag.MUST_RESET),
        (user.weak_only, Flag.WEAK_ONLY),
    )
    return tuple(flag for holds, flag in facts if holds)


def _words_of(connection: sa.Connection, tenant_pk: int, wanted: UserFilter, few: int | None = None) -> Words | None:
    if len(wanted.phone) >= LEAST_DIGITS and wanted.phone.isdigit():  # the index knows them, at least as part of a word
        wanted = replace(wanted, words=(*wanted.words, wanted.phone))
    rest = replace(wanted, words=())
    # So few are checked row by row, which costs less than asking the index of words.
    if wanted.words and _has_index(rest) and _from_counts(connection, tenant_pk, rest) <= 2 * FEW:
        terms = search_terms(wanted.words)
        return Words(terms, many=False, in_few=True) if terms else None
    return words_of(connection, tenant_pk, wanted, few)


def _are_many(connection: sa.Connection, tenant_pk: int, wanted: UserFilter, words: Words | None, now: int) -> bool:
    """Return True if more than `MOST_COUNTED` users match."""
    if words is not None:
        return words.many
    found, is_more = count_users(connection, tenant_pk, wanted, now)
    return is_more or found > MOST_COUNTED


def _search(
    connection: sa.Connection,
    tenant_pk: int,
    wanted: UserFilter,
    words: Words | None,
    now: int,
    order: Order | None = None,
) -> _Search:
    values: dict[str, object] = {"tenant": tenant_pk, "now": now}
    if words is not None:
        values |= words.values(connection.dialect.name)
    rest, ages = replace(wanted, words=()), AgeLookup.FREE
    if words is None and not (order is not None and order.column in ("created", "last_sign_in")):
        ages, values["of_age"] = look_up_ages(connection, tenant_pk, rest, now)
    return _Search(Criteria(rest, words.shape if words else None, ages), values)


def _in_order(connection: sa.Connection, search: _Search, order: Order, window: Window, total: int) -> UserWindow:
    backwards = window.backwards and window.cursor is not None
    # One more than wanted, which tells whether there is another page.
    limit, offset, from_end = window.limit + 1, 0, False
    beyond: dict[str, object] = {}
    if window.cursor:
        beyond = _beyond(order, window.cursor)
    elif window.at:
        offset = window.at
        if offset > total // 2 and total:  # the far half is closer to the end
            rest = max(0, total - offset)
            limit = min(limit, rest)
            from_end, offset = True, rest - limit
    turned = backwards or from_end
    query = listing(search.criteria, order, beyond=bool(beyond), turned=turned, skips=offset > 0)
    found = query.rows(connection, **search.values, **beyond, most=limit, start=offset)
    rows = [user_record(row) for row in found]
    if turned:
        rows.reverse()
    more = len(rows) > window.limit
    if more:
        rows = rows[1:] if backwards else rows[: window.limit]
    if not rows:
        return UserWindow(rows)
    has_previous = more if backwards else bool(window.cursor or window.at)
    return UserWindow(
        rows,
        next=_cursor(rows[-1], order) if more or backwards else None,
        previous=_cursor(rows[0], order) if has_previous else None,
    )


def _by_position(connection: sa.Connection, search: _Search, words: Words, order: Order, window: Window) -> UserWindow:
    """Return users who begin with the first word in order, then the others in the order of the index."""
    start = _position(window.cursor) if window.cursor else window.at or 0
    if window.backwards and window.cursor:
        start, limit = max(0, start - window.limit), min(window.limit, start)
    else:
        limit = window.limit
    low, high = beginning(words.first)
    values = {**search.values, "low": low, "high": high}
    all_fit = search.criteria.rest == EVERYBODY and len(words.terms) == 1
    edge = None if all_fit else edge_of(order).row(connection, **values, start=FEW // 2)
    if edge:
        values["low" if order.descending else "high"] = edge[0]
    first = Part(order, is_cut=edge is not None)
    wanted = limit + 1
    found = beginners(search.criteria, first).rows(connection, **values, start=start, most=wanted)
    rows = [user_record(row) for row in found]
    if len(rows) < wanted:
        ahead = start + len(rows)
        # The window lies behind the first part, whose length is not known otherwise.
        if start and not rows:
            counted = count_beginners(search.criteria, first).row(connection, **values)
            ahead = int(counted[0]) if counted else 0
        missing = wanted - len(rows)
        others = the_others(search.criteria, first)
        more_rows = others.rows(connection, **values, start=max(0, start - ahead), most=missing)
        rows += [user_record(row) for row in more_rows]
    more = len(rows) > limit
    rows = rows[:limit]
    return UserWindow(
        rows,
        next=_at(start + limit) if more else None,
        previous=_at(start) if start and rows else None,
    )


def _cursor(user: UserRecord, order: Order) -> str:
    """Return an opaque cursor for the end of a page."""
    return _encode([order.name, order.value(user), user.id])


def _at(position: int) -> str:
    return _encode(["at", position])


def _position(cursor: str) -> int:
    match _decode(cursor):
        case ["at", int(position)] if 0 <= position <= MOST_EXACT:
            return position
    raise _NOT_OURS


def _beyond(order: Order, cursor: str) -> dict[str, object]:
    """Return the values of the place that a cursor names, for the queries that go on from there."""
    match _decode(cursor):
        case [order.name, int() | str() as value, str(id)] if isinstance(value, int) == order.is_number:
            return {"value": value, "id": id}
    raise _NOT_OURS


def _encode(parts: list[str | int]) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts, ensure_ascii=False).encode()).decode().rstrip("=")


def _decode(cursor: str) -> object:
    try:
        # The padding was cut off: it would have to be escaped in an address.
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        json.dumps(parts, ensure_ascii=False).encode()  # half of a surrogate pair is not text for any store
    except (ValueError, binascii.Error, RecursionError):
        raise _NOT_OURS from None
    if not isinstance(parts, list) or not all(_can_be_stored(part) for part in parts):
        raise _NOT_OURS
    return parts


def _can_be_stored(part: object) -> bool:
    return "\0" not in part if isinstance(part, str) else isinstance(part, int) and abs(part) <= MOST_EXACT


_NOT_OURS = Unfit("The cursor does not belong to this list.", "cursor")


def _has_index(rest: UserFilter) -> bool:
    """Return True for a filter of one fact that has an index, and a count of its users."""
    facts = [UserFilter(status=rest.status), UserFilter(role=rest.role), UserFilter(flag=rest.flag)]
    return rest != UserFilter() and rest in facts and rest.flag in (None, *_INDEXED)


def _from_counts(connection: sa.Connection, tenant_pk: int, wanted: UserFilter) -> int:
    row = kept_count(replace(wanted, words=())).row(connection, tenant=tenant_pk)
    return int(row[0]) if row else 0
