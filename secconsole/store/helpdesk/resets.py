"""Counts of users that each operator unbound or reset within the last hour."""

from __future__ import annotations

import sqlalchemy as sa

from secconsole.domain.clock import NOTICED
from secconsole.domain.helpdesk import HOUR
from secconsole.store.schema import resets

_ROW = resets.c


def add(connection: sa.Connection, values: dict[str, object], now: int) -> None:
    """Note resets, and forget those that no longer count."""
    old = sa.or_(_ROW.at <= now - HOUR, _ROW.at > now + NOTICED)
    connection.execute(sa.delete(resets).where(_ROW.tenant_pk == values["tenant_pk"], old))
    connection.execute(sa.insert(resets).values(values))


def recent(connection: sa.Connection, tenant_pk: int, by_id: str, by: str, now: int) -> list[tuple[int, int]]:
    """Return time and number of an operator's resets within the last hour, oldest first."""
    mine = _ROW.by_id == by_id if by_id else sa.and_(_ROW.by_id == "", _ROW.by == by)
    counted = (_ROW.tenant_pk == tenant_pk, _ROW.at > now - HOUR, _ROW.at <= now + NOTICED, mine)
    query = sa.select(_ROW.at, _ROW.users).where(*counted).order_by(_ROW.at, _ROW.pk)
    return [(row.at, row.users) for row in connection.execute(query)]
