"""Users with an imported key of fewer than 128 bits."""

from __future__ import annotations

import sqlalchemy as sa

from secconsole.store.schema import factors

_LIVE = sa.text("weak_key AND removed IS NULL")  # as the index has it


def weak_key_users(tenant: int | sa.ColumnElement[int]) -> sa.Select[tuple[int]]:
    """Return the query of a tenant's users who have such a live factor."""
    return sa.select(factors.c.user_pk).where(factors.c.tenant_pk == tenant, _LIVE)


def count_weak_key_users(connection: sa.Connection, tenant_pk: int) -> int:
    """Return how many users have such a live factor."""
    found = weak_key_users(tenant_pk).distinct().subquery()
    return int(connection.execute(sa.select(sa.func.count()).select_from(found)).scalar_one())
