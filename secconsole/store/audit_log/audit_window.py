"""Audit entries of a period, read by index and up to a limit, however long the audit is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from secconsole.store.schema import audit

_NEWEST = sa.select(sa.func.max(audit.c.seq)).where(audit.c.tenant_pk == sa.bindparam("tenant"))
# The first entry from a number on, because the one with that number may have been removed.
_FROM = (
    sa.select(audit.c.seq, audit.c.at)
    .where(audit.c.tenant_pk == sa.bindparam("tenant"), audit.c.seq >= sa.bindparam("number"))
    .order_by(audit.c.seq)
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Window:
    """Entries from number `first` on and before `end`."""

    tenant_pk: int
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class OutcomeCount:
    """Number of entries of an action with an outcome."""

    action: str
    outcome: str
    count: int


def window_of(connection: sa.Connection, tenant_pk: int, since: int, until: int) -> Window:
    """Return the entries written from `since` on and before `until`, in milliseconds.

    They are found by bisection, since their times increase with their numbers. After a correction of the clock, a few
    entries around it may count to the neighbouring period.
    """
    newest = connection.execute(_NEWEST, {"tenant": tenant_pk}).scalar() or 0
    first = _bisect(connection, tenant_pk, newest + 1, since)
    return Window(tenant_pk, first, _bisect(connection, tenant_pk, newest + 1, until))


def _bisect(connection: sa.Connection, tenant_pk: int, end: int, at: int) -> int:
    """Return the number of the first entry at a time or later, `end` if there is none."""
    low, high = 1, end
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(_FROM, {"tenant": tenant_pk, "number": middle}).one_or_none()
        if row is None or row.at >= at:
            high = middle
        else:
            low = row.seq + 1
    return low


def count_by_action(
    connection: sa.Connection, window: Window, actions: Sequence[str], *, most: int
) -> list[OutcomeCount]:
    """Return the numbers of entries by action and outcome, of at most the newest `most` of each action."""
    if not actions:
        return []

    def newest(action: str) -> sa.Select[tuple[str, str]]:
        return sa.select(audit.c.action, audit.c.outcome).where(*_in(window, action)).order_by(audit.c.seq.desc())

    found = _union(newest, actions, most).subquery()
    query = sa.select(found.c.action, found.c.outcome, sa.func.count()).group_by(found.c.action, found.c.outcome)
    return [OutcomeCount(*row) for row in connection.execute(query)]


def newest_of(
    connection: sa.Connection, window: Window, actions: Sequence[str], *, limit: int
) -> list[sa.Row[tuple[object, ...]]]:
    """Return the newest entries of these actions, newest first."""
    if not actions:
        return []

    def newest(action: str) -> sa.Select[tuple[object, ...]]:
        return sa.select(audit).where(*_in(window, action)).order_by(audit.c.seq.desc())

    found = _union(newest, actions, limit).subquery()
    return list(connection.execute(sa.select(found).order_by(found.c.seq.desc()).limit(limit)))


def newest_of_each(
    connection: sa.Connection, window: Window, actions: Sequence[str]
) -> list[sa.Row[tuple[object, ...]]]:
    """Return the newest entry of each of these actions that was done."""

    def newest(action: str) -> sa.Select[tuple[object, ...]]:
        done = audit.c.outcome == "done"
        return sa.select(audit).where(*_in(window, action), done).order_by(audit.c.seq.desc())

    return list(connection.execute(_union(newest, actions, 1)))


def _union(newest: Callable[[str], sa.Select[Any]], actions: Sequence[str], most: int) -> sa.CompoundSelect[Any]:
    """Return one statement that reads at most so many entries of each action along its index."""
    parts = [newest(action).limit(most).subquery() for action in actions]
    return sa.union_all(*(sa.select(part) for part in parts))


def _in(window: Window, action: str) -> tuple[sa.ColumnElement[bool], ...]:
    numbers = audit.c.seq >= window.first, audit.c.seq < window.end
    return audit.c.tenant_pk == window.tenant_pk, audit.c.action == action, *numbers
