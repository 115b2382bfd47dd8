"""Users with a due reminder, as conditions that correspond to domain/reminders.py and domain/grace.py."""

from __future__ import annotations

from itertools import pairwise

import sqlalchemy as sa

from secconsole.domain.clock import NOTICED, is_from_future
from secconsole.domain.grace import DAY
from secconsole.domain.reminders import reminder_days, reminder_due
from secconsole.store.engine.compiled import Prepared
from secconsole.store.rows import TenantRow, UserRecord
from secconsole.store.schema import users
from secconsole.store.search.overdue import WITHOUT_FACTOR
from secconsole.store.users import USER, user_record

_REMINDED, _CREATED = users.c.reminded, users.c.created
_MARK = Prepared(
    sa.update(users)
    .where(users.c.pk == sa.bindparam("this"), sa.bindparam("before") == _REMINDED)
    .values(reminded=sa.bindparam("now"))
)


def users_to_remind(connection: sa.Connection, tenant: TenantRow, now: int, most: int) -> list[UserRecord]:
    """Return users without a factor whose reminder is due, pending ones included."""
    since = tenant.required_since or 0
    if is_from_future(since, now):
        since = 0
    ahead = now + NOTICED  # recorded by a clock that was ahead, here and below
    groups: list[tuple[sa.ColumnElement[bool], ...]] = []
    due = reminder_due(since, tenant.grace_days, now)
    if due is not None:  # for all whose period began with the policy
        groups.append((_missed(sa.literal(due), ahead), sa.or_(since >= _CREATED, ahead < _CREATED)))
    for day, following in pairwise((*reminder_days(tenant.grace_days), tenant.grace_days)):  # for those who came later
        period = (max(since, now - following * DAY) < _CREATED, now - day * DAY >= _CREATED)
        groups.append((_missed(_CREATED + day * DAY, ahead), *period))
    found: list[UserRecord] = []
    for conditions in groups:
        query = sa.select(*USER).where(users.c.tenant_pk == tenant.pk, *WITHOUT_FACTOR, *conditions)
        found += [user_record(row) for row in connection.execute(query.limit(most - len(found)))]
        if len(found) == most:
            break
    return found


def mark_reminded(connection: sa.Connection, user: UserRecord, now: int) -> bool:
    """Record that a reminder was handled, or return False if another process has done so."""
    return _MARK.change(connection, this=user.pk, before=user.reminded, now=now) == 1


def _missed(due: sa.ColumnElement[int], ahead: int) -> sa.ColumnElement[bool]:
    return sa.or_(due > _REMINDED, ahead < _REMINDED)
