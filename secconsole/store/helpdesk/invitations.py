"""First-time passwords that ended unused."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from secconsole.domain.clock import NOTICED
from secconsole.domain.limits import LONGEST_INVITATION
from secconsole.domain.users.invitation import DAY
from secconsole.store.rows import UserRecord
from secconsole.store.schema import users
from secconsole.store.users import USER, user_record
from secconsole.store.whitelist import MOST_ENDED

_END = users.c.password_until


def _ended(now: int) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the condition that corresponds to `is_over` in domain/users/invitation.py."""
    latest = now + LONGEST_INVITATION * DAY + NOTICED
    return _END > 0, sa.or_(now >= _END, latest < _END)  # the first lets SQLite use the partial index


def tenants_with_ended(connection: sa.Connection, now: int) -> list[int]:
    query = sa.select(users.c.tenant_pk).distinct().where(*_ended(now))
    return list(connection.execute(query).scalars())


def ended(connection: sa.Connection, tenant_pks: Sequence[int], now: int) -> list[UserRecord]:
    """Return the first users of these tenants whose first-time password has ended."""
    query = sa.select(*USER).where(users.c.tenant_pk.in_(tenant_pks), *_ended(now)).order_by(_END).limit(MOST_ENDED)
    return [user_record(row) for row in connection.execute(query)]
