"""Conditions on times of a user and on a missing number, and the ways to look them up.

The index of such a column has another order than the list. Few users are looked up in it and then sorted. Many are
found by going through the list in its order. SQLite cannot tell which is quicker: that depends on the moment asked for.
"""

from __future__ import annotations

import json
from enum import StrEnum
from functools import lru_cache

import sqlalchemy as sa

from secconsole.domain.grace import DAY
from secconsole.domain.users.search import NO_PHONE, UserFilter
from secconsole.store.engine.compiled import Prepared
from secconsole.store.schema import users
from secconsole.store.search.overdue import NOW, TENANT

MOST_LISTED = 10_000  # users that are cheaper to look up and sort than to find in the order of the list
_MOST = sa.bindparam("most", type_=sa.Integer)


class AgeLookup(StrEnum):
    """Ways to find users of an age.

    As the database prefers, from a list of them, or in the order of the list of users.
    """

    FREE = "free"
    LISTED = "listed"
    IN_ORDER = "in order"


def age_conditions(wanted: UserFilter, lookup: AgeLookup = AgeLookup.FREE) -> list[sa.ColumnElement[bool]]:
    """Return the conditions of a filter on these columns, with the parameter `NOW`, or `of_age` for a list."""
    created: sa.ColumnElement[int] = users.c.created
    last: sa.ColumnElement[int] = users.c.last_sign_in
    phone: sa.ColumnElement[str] = users.c.phone
    if lookup is AgeLookup.LISTED:
        listed = sa.func.json_each(sa.bindparam("of_age")).table_valued("value")
        return [users.c.pk.in_(sa.select(listed.c.value))]
    if lookup is AgeLookup.IN_ORDER:  # no index has a sum
        created, last = created + sa.literal_column("0"), last + sa.literal_column("0")
        phone = phone.concat(sa.literal_column("''"))
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.created_over is not None:
        conditions.append(created < NOW - wanted.created_over * DAY)
    if wanted.created_under is not None:
        conditions.append(created > NOW - wanted.created_under * DAY)
    if wanted.last_over is not None:
        conditions += [last > 0, last < NOW - wanted.last_over * DAY]
    if wanted.last_under is not None:
        conditions.append(last > NOW - wanted.last_under * DAY)
    if wanted.signed_in is not None:
        conditions.append(last > 0 if wanted.signed_in else last == 0)
    if wanted.phone == NO_PHONE:
        conditions.append(phone == "")
    return conditions


def look_up_ages(connection: sa.Connection, tenant_pk: int, wanted: UserFilter, now: int) -> tuple[AgeLookup, str]:
    """Return how the users with the ages of a filter are best found, and a JSON array of them if they are few."""
    only = UserFilter(
        created_over=wanted.created_over,
        created_under=wanted.created_under,
        last_over=wanted.last_over,
        last_under=wanted.last_under,
        signed_in=wanted.signed_in,
        phone=NO_PHONE if wanted.phone == NO_PHONE else "",
    )
    if only == UserFilter() or connection.dialect.name != "sqlite":
        return AgeLookup.FREE, ""
    rows = _of_ages(only).rows(connection, tenant=tenant_pk, now=now, most=MOST_LISTED + 1)
    if len(rows) > MOST_LISTED:
        return AgeLookup.IN_ORDER, ""
    return AgeLookup.LISTED, json.dumps([row[0] for row in rows])


@lru_cache(16)
def _of_ages(only: UserFilter) -> Prepared:
    return Prepared(sa.select(users.c.pk).where(users.c.tenant_pk == TENANT, *age_conditions(only)).limit(_MOST))
