"""Factors that refuse correct codes, because a code of a later time step was used while the clock was ahead."""

from __future__ import annotations

import sqlalchemy as sa

from secconsole.store.schema import factors


def used_ahead(now: int | sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """Return the condition for factors with a future mark.

    A mark one step ahead is normal for a phone that runs ahead within the window. Removed factors are included, because
    an unbinding can be undone. The mark of a token that counts is no time.
    """
    return sa.and_(sa.not_(factors.c.counts), (factors.c.last_step - 1) * factors.c.period * 1000 > now)


def refusing_users(tenant: sa.ColumnElement[int], now: sa.ColumnElement[int]) -> sa.Select[tuple[int]]:
    """Return the query of a tenant's users who have such a factor now."""
    live = sa.and_(factors.c.tenant_pk == tenant, factors.c.removed.is_(None))
    return sa.select(factors.c.user_pk).where(live, used_ahead(now))
