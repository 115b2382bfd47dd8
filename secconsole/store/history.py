"""Figures of each day, and how far those of the past are rebuilt.

They are rebuilt from the bindings on record, of which none is ever deleted, and from the audit for users who were
disabled: a portion of the users at a time, by their keys, so that no log is loaded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from secconsole.domain.clock import NOTICED
from secconsole.domain.history import DAY, Figures, Life, Period, day_of, disabled_periods, start_of
from secconsole.store.engine.upsert import insert_into
from secconsole.store.schema import adoption_days, audit, factors, upkeep, users

_DAY, _WORK = adoption_days.c, upkeep.c


@dataclass(frozen=True, slots=True)
class Upkeep:
    """Regular work for a tenant.

    `day`: of the newest figures. Those from `first` to before `until` are rebuilt, for users up to `user_pk` so far.
    """

    tenant_pk: int
    due: int
    day: int
    first: int
    until: int
    user_pk: int | None


@dataclass(frozen=True, slots=True)
class DayRecord:
    """Figures of a day.

    Those that cannot be rebuilt may be None.
    """

    day: int
    users: int
    bound: int
    pending: int | None = None
    whitelisted: int | None = None
    overdue: int | None = None


def add_upkeep(connection: sa.Connection, tenant_pk: int, now: int) -> None:
    """Begin with a new tenant, which has no past."""
    today = day_of(now)
    values = {"tenant_pk": tenant_pk, "day": today, "due": start_of(today + 1)}
    connection.execute(sa.insert(upkeep).values(values))


def due_tenants(connection: sa.Connection, now: int, most: int) -> list[int]:
    """Return tenants with work that is due, those first that have waited longest."""
    ahead = now + DAY + NOTICED  # set by a clock that was ahead
    query = sa.select(_WORK.tenant_pk).where(sa.or_(_WORK.due <= now, _WORK.due > ahead))
    return list(connection.execute(query.order_by(_WORK.due).limit(most)).scalars())


def upkeep_of(connection: sa.Connection, tenant_pk: int) -> Upkeep:
    row = connection.execute(sa.select(upkeep).where(_WORK.tenant_pk == tenant_pk)).one()
    return Upkeep(**row._mapping)


def keep(connection: sa.Connection, work: Upkeep) -> None:
    connection.execute(sa.update(upkeep).where(_WORK.tenant_pk == work.tenant_pk).values(asdict(work)))


def hasten(connection: sa.Connection, tenant_pk: int) -> None:
    """Have the work of a tenant done with the next sweep."""
    connection.execute(sa.update(upkeep).where(_WORK.tenant_pk == tenant_pk).values(due=0))


def record(connection: sa.Connection, tenant_pk: int, figures: DayRecord) -> None:
    """Store the figures of a day, in place of those from a clock that was ahead."""
    values = asdict(figures)
    put = insert_into(connection, adoption_days).values(tenant_pk=tenant_pk, **values)
    connection.execute(put.on_conflict_do_update(index_elements=["tenant_pk", "day"], set_=values))


def add_rebuilt(connection: sa.Connection, tenant_pk: int, first: int, figures: Sequence[Figures]) -> None:
    """Add figures of a portion of the users to days from `first` on which nothing was recorded."""
    put = insert_into(connection, adoption_days)
    added = {
        "users": _DAY.users + put.excluded.users,
        "bound": _DAY.bound + put.excluded.bound,
    }
    # A day that has figures of pending factors was recorded at the time, and that is better than a reconstruction.
    rebuilt = put.on_conflict_do_update(index_elements=["tenant_pk", "day"], set_=added, where=_DAY.pending.is_(None))
    rows = [
        {"tenant_pk": tenant_pk, "day": first + number, "users": each.users, "bound": each.bound}
        for number, each in enumerate(figures)
        if each.users
    ]
    if rows:
        connection.execute(rebuilt, rows)


def forget_rebuilt(connection: sa.Connection, tenant_pk: int, first: int, until: int) -> None:
    """Delete figures that were rebuilt for some of the users only."""
    days = (_DAY.tenant_pk == tenant_pk, _DAY.day >= first, _DAY.day < until, _DAY.pending.is_(None))
    connection.execute(sa.delete(adoption_days).where(*days))


def lives(
    connection: sa.Connection, tenant_pk: int, after: int, until: int, *, disabled: str, enabled: str
) -> list[Life]:
    """Return the records of a tenant's users whose keys are after one and up to another.

    `disabled`, `enabled`: the audit's actions.
    """
    which = (users.c.pk > after, users.c.pk <= until, users.c.tenant_pk + 0 == tenant_pk)  # + 0: by the key alone
    people = connection.execute(sa.select(users.c.pk, users.c.created, users.c.disabled).where(*which)).all()
    bound = _bindings(connection, tenant_pk, after, until)
    changes = _disablings(connection, which, disabled, enabled)
    return [
        Life(
            person.created,
            bound.get(person.pk, ()),
            disabled_periods(changes.get(person.pk, ()), is_disabled=person.disabled, created=person.created),
        )
        for person in people
    ]


def last_user(connection: sa.Connection) -> int:
    """Return the highest key of a user."""
    return int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(users.c.pk), 0))).scalar_one())


def days_from(connection: sa.Connection, tenant_pk: int, first: int, until: int, *, most: int) -> list[DayRecord]:
    """Return recorded and rebuilt figures from a day on and before another, oldest first, the newest of too many."""
    columns = [_DAY[name] for name in DayRecord.__dataclass_fields__]
    query = sa.select(*columns).where(_DAY.tenant_pk == tenant_pk, _DAY.day >= first, _DAY.day < until)
    rows = connection.execute(query.order_by(_DAY.day.desc()).limit(most)).all()
    return [DayRecord(*row) for row in reversed(rows)]


def _bindings(connection: sa.Connection, tenant_pk: int, after: int, until: int) -> dict[int, list[Period]]:
    f = factors.c
    query = sa.select(f.user_pk, f.bound, f.removed).where(
        f.user_pk > after, f.user_pk <= until, f.tenant_pk + 0 == tenant_pk, f.bound.is_not(None)
    )
    found: dict[int, list[Period]] = defaultdict(list)
    for user_pk, since, removed in connection.execute(query):
        found[user_pk].append((since, removed))
    return found


def _disablings(
    connection: sa.Connection, which: Sequence[sa.ColumnElement[bool]], disabled: str, enabled: str
) -> dict[int, list[tuple[int, bool]]]:
    query = (
        sa.select(users.c.pk, audit.c.at, audit.c.action)
        .join(audit, sa.and_(audit.c.tenant_pk == users.c.tenant_pk, audit.c.target_id == users.c.id))
        .where(*which, audit.c.action.in_((disabled, enabled)), audit.c.outcome == "done")
        .order_by(audit.c.seq)
    )
    found: dict[int, list[tuple[int, bool]]] = defaultdict(list)
    for user_pk, at, action in connection.execute(query):
        found[user_pk].append((at, action == disabled))
    return found
