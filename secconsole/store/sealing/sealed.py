"""Tables with sealed secrets, and moving of these secrets to another key, in portions.

A new table with a column `sealed` has to be added here, or a test fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from secconsole.domain.secret import Secret
from secconsole.store.schema import (
    audit_streams,
    delivery_settings,
    factors,
    idempotency,
    outbox,
    recovery_codes,
    users,
)
from secconsole.store.sealing.keys import DamagedSecret, KeyRing, header_of


@dataclass(frozen=True, slots=True)
class SealedTable:
    """Table whose rows have a sealed secret, bound to the row, its tenant and, with `of_user`, its user."""

    table: sa.Table
    purpose: str
    of_user: bool = False


TABLES = (
    SealedTable(factors, "totp", of_user=True),
    SealedTable(recovery_codes, "recovery", of_user=True),
    SealedTable(delivery_settings, "delivery"),
    SealedTable(outbox, "outbox"),
    SealedTable(audit_streams, "audit-stream"),
)
# Stored replies are bound to their callers, so nobody else can open them. They expire within a day.
REPLIES = idempotency
_GONE = b""


@dataclass(frozen=True, slots=True)
class Moved:
    """Result of one portion: the key of its last row (None: there are no more), and what was done."""

    last: int | None
    moved: int = 0
    failed: int = 0


def sealed_rows(sealed: SealedTable, *which: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Return the query of the rows with a secret by their key, with id and login of the user if they have one."""
    table = sealed.table
    wanted = [table.c.pk, table.c.id, table.c.tenant_pk, table.c.sealed]
    query: sa.Select[Any] = sa.select(*wanted, sa.literal("").label("user"), sa.literal("").label("login"))
    if sealed.of_user:
        query = sa.select(*wanted, users.c.id.label("user"), users.c.login).join(users, users.c.pk == table.c.user_pk)
    return query.where(table.c.sealed.is_not(None), *which).order_by(table.c.pk)


def open_row(keys: KeyRing, sealed: SealedTable, row: Any) -> Secret[bytes]:
    """Return the secret of a row, or raise `DamagedSecret`."""
    return keys.unseal(row.sealed, **_place(sealed, row))


def sealed_otherwise(table: sa.Table, key: str) -> sa.ColumnElement[bool]:
    """Return the condition for rows that are not sealed with this key."""
    head = header_of(key)
    return sa.and_(
        table.c.sealed.is_not(None), table.c.sealed != _GONE, sa.func.substr(table.c.sealed, 1, len(head)) != head
    )


def count_sealed_otherwise(connection: sa.Connection, key: str) -> int:
    """Return the number of secrets that are not sealed with this key."""
    queries = [
        sa.select(sa.func.count()).select_from(one.table).where(sealed_otherwise(one.table, key)) for one in TABLES
    ]
    return sum(int(connection.execute(query).scalar_one()) for query in queries)


def move(connection: sa.Connection, keys: KeyRing, sealed: SealedTable, after: int, most: int) -> Moved:
    """Seal the next secrets after a row with the current key.

    A row is changed only if its secret is still the same, so nothing that others write meanwhile is lost. Secrets that
    do not open are left as they are.
    """
    table = sealed.table
    query = sealed_rows(sealed, sealed_otherwise(table, keys.current), table.c.pk > after).limit(most)
    rows = connection.execute(query).all()
    new = []
    for row in rows:
        try:
            plain = open_row(keys, sealed, row)
        except DamagedSecret:
            continue
        new.append({"this": row.pk, "old": row.sealed, "new": keys.seal(plain, **_place(sealed, row))})
    if new:
        change = sa.update(table).where(table.c.pk == sa.bindparam("this"), table.c.sealed == sa.bindparam("old"))
        connection.execute(change.values(sealed=sa.bindparam("new")), new)
    return Moved(rows[-1].pk if rows else None, len(new), len(rows) - len(new))


def wipe_replies(connection: sa.Connection, key: str) -> int:
    """Wipe stored replies that are not sealed with this key: a repeated request is still not performed again."""
    query = sa.update(REPLIES).where(sealed_otherwise(REPLIES, key))
    return connection.execute(query.values(sealed=_GONE, due=REPLIES.c.expires)).rowcount


def _place(sealed: SealedTable, row: Any) -> dict[str, str]:
    return {"purpose": sealed.purpose, "tenant": str(row.tenant_pk), "user": row.user, "row": row.id}


def tables_with_secrets(metadata: sa.MetaData) -> Sequence[sa.Table]:
    """Return every table with a column for sealed secrets."""
    return [table for table in metadata.sorted_tables if "sealed" in table.c]
