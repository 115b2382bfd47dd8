"""Refused sign-ins that are not in the audit individually, counted by account and origin until they are summed up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from secconsole.domain.clock import NOTICED
from secconsole.store.schema import refused_sign_ins as table

MOST_AT_ONCE = 500  # that are summed up in one transaction


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """Sign-ins refused since `since`, besides the first.

    `user_id` is empty for unknown logins.
    """

    tenant_pk: int
    user_id: str
    origin: str
    since: int
    due: int
    more: int
    channel: str
    rule: str


def refused_row(connection: sa.Connection, tenant_pk: int, user_id: str, origin: str) -> RefusedRow | None:
    found = connection.execute(sa.select(table).where(*_key(tenant_pk, user_id, origin))).one_or_none()
    return RefusedRow(**found._mapping) if found else None


def count_rows(connection: sa.Connection, tenant_pk: int) -> int:
    """Return the number of rows of a tenant."""
    query = sa.select(sa.func.count()).select_from(table).where(table.c.tenant_pk == tenant_pk)
    return int(connection.execute(query).scalar_one())


def add_row(connection: sa.Connection, row: RefusedRow) -> None:
    values = {column.name: getattr(row, column.name) for column in table.columns}
    connection.execute(sa.insert(table).values(values))


def count_more(connection: sa.Connection, row: RefusedRow) -> None:
    """Count one more refusal."""
    query = sa.update(table).where(*_key(row.tenant_pk, row.user_id, row.origin))
    connection.execute(query.values(more=table.c.more + 1))


def drop_row(connection: sa.Connection, row: RefusedRow) -> None:
    connection.execute(sa.delete(table).where(*_key(row.tenant_pk, row.user_id, row.origin)))


def has_due(connection: sa.Connection, now: int) -> bool:
    return connection.execute(_DUE, {"now": now}).first() is not None


def tenants_with_due(connection: sa.Connection, now: int) -> list[int]:
    return list(connection.execute(sa.select(table.c.tenant_pk).distinct().where(_is_due(now))).scalars())


def due_rows(connection: sa.Connection, tenant_pks: Sequence[int], now: int) -> list[RefusedRow]:
    """Return rows of these tenants that are due, oldest first."""
    query = sa.select(table).where(table.c.tenant_pk.in_(tenant_pks), _is_due(now))
    found = connection.execute(query.order_by(table.c.due).limit(MOST_AT_ONCE))
    return [RefusedRow(**row._mapping) for row in found]


def _key(tenant_pk: int, user_id: str, origin: str) -> tuple[sa.ColumnElement[bool], ...]:
    return table.c.tenant_pk == tenant_pk, table.c.user_id == user_id, table.c.origin == origin


def _is_due(now: int | sa.BindParameter[int]) -> sa.ColumnElement[bool]:
    """Return the condition for rows that are due, or were recorded by a clock that has been corrected since."""
    return sa.or_(table.c.due <= now, table.c.since > now + NOTICED)


_DUE = sa.select(table.c.due).where(_is_due(sa.bindparam("now"))).limit(1)
