"""Users whose grace period is over and who have no factor, as conditions that correspond to domain/grace.py."""

from __future__ import annotations

import sqlalchemy as sa

from secconsole.domain.clock import NOTICED
from secconsole.domain.grace import DAY
from secconsole.domain.model import BindingStatus, PolicyMode
from secconsole.store.engine.compiled import Prepared
from secconsole.store.schema import tenants, user_counts, users

TENANT, NOW = sa.bindparam("tenant", type_=sa.BigInteger), sa.bindparam("now", type_=sa.BigInteger)
# Users who have to bind at some time. Its terms are those of the index on their creation.
WITHOUT_FACTOR = (
    users.c.status != BindingStatus.BOUND.value,
    users.c.whitelisted.is_(sa.false()),
    users.c.disabled.is_(sa.false()),
)
_SINCE = sa.func.coalesce(tenants.c.required_since, 0)
_OWN = (tenants.c.pk == TENANT, tenants.c.policy == PolicyMode.REQUIRED.value)
_LAST_START = NOW - tenants.c.grace_days * sa.literal_column(str(DAY))  # of a grace period that is over now
# The latest start of a grace period that is over, and no value while nobody's is.
_OVER = (
    sa.select(_LAST_START)
    .where(*_OWN, sa.or_(_SINCE <= _LAST_START, sa.and_(_SINCE > NOW + NOTICED, _LAST_START >= 0)))
    .scalar_subquery()
)
OVERDUE = (
    *WITHOUT_FACTOR,
    _OVER.is_not(None),
    sa.or_(users.c.created <= _OVER, users.c.created > NOW + NOTICED),
)
_C = user_counts.c
_ALL = Prepared(
    sa.select(sa.func.coalesce(sa.func.sum(_C.n), 0)).where(
        _C.tenant_pk == TENANT,
        _C.status != BindingStatus.BOUND.value,
        _C.whitelisted.is_(sa.false()),
        _C.disabled.is_(sa.false()),
        _OVER.is_not(None),
    )
)
_IN_GRACE = Prepared(
    sa.select(sa.func.count())
    .select_from(users)
    .where(users.c.tenant_pk == TENANT, *WITHOUT_FACTOR, users.c.created > _OVER, users.c.created <= NOW + NOTICED)
)


def count_overdue(connection: sa.Connection, tenant_pk: int, now: int) -> int:
    """Return how many users of a tenant are overdue: all without a factor, less those who came during a grace period.

    The latter are few, and an index has them.
    """
    every = _ALL.row(connection, tenant=tenant_pk, now=now)
    later = _IN_GRACE.row(connection, tenant=tenant_pk, now=now)
    return int(every[0] if every else 0) - int(later[0] if later else 0)
