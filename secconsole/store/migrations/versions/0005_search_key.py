"""Folded keys to search and sort users by, the same on every database."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from secconsole.domain.throttling.throttle import FOREVER
from secconsole.store.engine.triggers import count_by_triggers, drop_index, drop_triggers, index_words
from secconsole.store.schema import Words
from secconsole.store.search.user_keys import derived_columns

revision = "0005"
down_revision = "0004"

COUNTED = (
    "role",
    "status",
    "whitelisted",
    "disabled",
    "must_reset",
    "weak_only",
    "has_recovery",
    "switched_on",
    "keeps_factor",
)
AT_ONCE = 2_000


def upgrade() -> None:
    """Add the keys, compute them for a few thousand users at a time, and create the index afterwards."""
    connection = op.get_bind()
    dialect = connection.dialect.name
    for statement in (*drop_index(dialect), *drop_triggers(dialect)):
        connection.exec_driver_sql(statement)
    op.add_column("users", sa.Column("search_key", Words, server_default="", nullable=False))
    last: int | None = 0
    while last is not None:
        last = _fill_after(connection, last)
    for statement in (*count_by_triggers(dialect, COUNTED, FOREVER), *index_words(dialect)):
        connection.exec_driver_sql(statement)


def _fill_after(connection: sa.Connection, last: int) -> int | None:
    """Fill the keys of the next users, and return the internal key of the last one, or None at the end."""
    users = sa.table(
        "users", *map(sa.column, ("pk", "tenant_pk", "login", "name", "email", "phone", "name_key", "search_key"))
    )
    c = users.c
    query = sa.select(c.pk, c.tenant_pk, c.login, c.name, c.email, c.phone).where(c.pk > last)
    rows = connection.execute(query.order_by(c.pk).limit(AT_ONCE)).all()
    values = []
    for row in rows:
        made = derived_columns(row.tenant_pk, dict(row._mapping))
        values.append({"this": row.pk, "sorted": made["name_key"], "found": made["search_key"]})
    if values:
        change = sa.update(users).where(c.pk == sa.bindparam("this"))
        connection.execute(change.values(name_key=sa.bindparam("sorted"), search_key=sa.bindparam("found")), values)
    return int(rows[-1].pk) if len(rows) == AT_ONCE else None
