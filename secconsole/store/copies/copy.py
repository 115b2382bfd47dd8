"""Copying of an organisation from one store to another, row by row with all internal keys, and comparison of the two.

Values are sealed for their internal keys, so the keys must not change. The target is marked as unfinished until both
sides have been compared, and cannot be opened before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from secconsole.domain.errors import Conflict, Unavailable
from secconsole.store.engine.metadata import COPY_OF_DEMO, DEMO, INNER_KEY, fact, set_fact
from secconsole.store.schema import facts, idempotency, metadata, tenants, user_counts

Key = tuple[Any, ...]  # of a row: the values of its primary key

UNFINISHED = "unfinished-copy"
PAGE = 2_000
# Counts are kept by triggers, facts are set individually, and replies are not needed after a move.
TABLES = tuple(table for table in metadata.sorted_tables if table not in (user_counts, facts, idempotency))
COMPARED = (*TABLES, user_counts)


def refuse_unfinished(connection: sa.Connection) -> None:
    """Raise `Unavailable` for a store whose copy is not complete."""
    if fact(connection, UNFINISHED) is not None:
        raise Unavailable("A copy into this store is not finished. Run the same secconsole store copy again.")


def begin(connection: sa.Connection, inner: bytes, *, restart: bool) -> bool:
    """Mark a store as the target of a copy, and return True if an earlier copy continues.

    Raise `Conflict` if it contains anything that is not from such a copy. `restart` discards what was copied so far.
    """
    # Each store has a different inner key, so its digest identifies the store that a copy was begun from.
    mark = hashlib.sha256(inner).digest()
    found = fact(connection, UNFINISHED)
    if found == mark:
        if restart:
            # Children before parents, because foreign keys are enforced.
            for table in reversed(TABLES):
                connection.execute(sa.delete(table))
        return not restart
    if found is not None:
        raise Conflict("A copy of another organisation into this store is not finished. Nothing was changed.")
    if connection.execute(sa.select(tenants.c.pk).limit(1)).first() is not None:
        raise Conflict("That store already contains an organisation. Copy into an empty one.")
    set_fact(connection, UNFINISHED, mark)
    set_fact(connection, INNER_KEY, inner)
    return False


def last_key(connection: sa.Connection, table: sa.Table) -> Key | None:
    """Return the key of the last row, or None for an empty table."""
    columns = _key(table)
    row = connection.execute(sa.select(*columns).order_by(*(c.desc() for c in columns)).limit(1)).one_or_none()
    return tuple(row) if row is not None else None


def page_after(connection: sa.Connection, table: sa.Table, last: Key | None) -> list[dict[str, Any]]:
    """Return the next rows with all their columns, the first ones if `last` is None."""
    columns = _key(table)
    query = sa.select(table).order_by(*columns).limit(PAGE)
    if last is not None:
        # By key and not by offset, so that each page costs the same.
        after = (sa.literal(value, column.type) for value, column in zip(last, columns, strict=True))
        query = query.where(sa.tuple_(*columns) > sa.tuple_(*after))
    return [dict(row._mapping) for row in connection.execute(query)]


def add(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    connection.execute(sa.insert(table), rows)


def key_of(table: sa.Table, row: dict[str, Any]) -> Key:
    return tuple(row[column.name] for column in _key(table))


def count(connection: sa.Connection, table: sa.Table) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def checksum(connection: sa.Connection, table: sa.Table) -> tuple[int, str]:
    """Return the number of rows of a table, and a SHA-256 over all of them in the order of their keys."""
    digest, rows = hashlib.sha256(), 0
    for row in _in_order(connection, table):
        # `repr` keeps values apart that are equal as text, such as 1 and "1".
        digest.update(repr(tuple(row)).encode())
        rows += 1
    return rows, digest.hexdigest()


def demo_mark(connection: sa.Connection) -> bytes | None:
    """Return the mark of a store whose passwords are public, because it is a demo's or a copy of one."""
    return fact(connection, DEMO) or fact(connection, COPY_OF_DEMO)


def finish(connection: sa.Connection, demo: bytes | None) -> None:
    """Remove the mark of the copy, set that of a demo's, and continue numbering after the copied rows."""
    if demo is not None:
        set_fact(connection, COPY_OF_DEMO, demo)
    connection.execute(sa.delete(facts).where(facts.c.name == UNFINISHED))
    if connection.dialect.name == "postgresql":
        for table in TABLES:
            column = table.autoincrement_column
            if column is not None:
                sequence = sa.func.pg_get_serial_sequence(table.name, column.name)
                last = connection.execute(sa.select(sa.func.max(column))).scalar_one()
                if last is not None:
                    connection.execute(sa.select(sa.func.setval(sequence, last)))


def _in_order(connection: sa.Connection, table: sa.Table) -> Iterator[sa.Row[Any]]:
    query = sa.select(table).order_by(*_key(table))
    if table is user_counts:  # an empty group may have a count of 0 or no row
        query = query.where(user_counts.c.n != 0)
    yield from connection.execute(query.execution_options(yield_per=PAGE))


def _key(table: sa.Table) -> list[sa.Column[Any]]:
    return list(table.primary_key.columns)
