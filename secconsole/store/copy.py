"""Moving an organisation from one store to another, row by row with all internal keys, and comparing the two.

Values are sealed for their internal keys, so those stay as they are. What is copied is marked as unfinished until both
sides have been compared; until then nobody opens it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from secconsole.domain.errors import Conflict, Unavailable
from secconsole.store.facts import INNER_KEY, fact, set_fact
from secconsole.store.schema import facts, idempotency, metadata, tenants, user_counts

UNFINISHED = "unfinished-copy"
PAGE = 2_000
# The counts are kept by triggers, facts are set one by one, and nobody waits for a reply across a move.
TABLES = tuple(table for table in metadata.sorted_tables if table not in (user_counts, facts, idempotency))
COMPARED = (*TABLES, user_counts)


def refuse_unfinished(connection: sa.Connection) -> None:
    """Raise `Unavailable` for a store that is not all there yet."""
    if fact(connection, UNFINISHED) is not None:
        raise Unavailable("A copy into this store is not finished. Run the same secconsole store copy again.")


def begin(connection: sa.Connection, inner: bytes, *, anew: bool) -> bool:
    """Mark a store as being copied into, from the one with this inner key; whether that goes on with an earlier copy.

    Raises `Conflict` if there is anything in it that is not from such a copy. `anew` forgets what was copied so far.
    """
    mark = hashlib.sha256(inner).digest()
    found = fact(connection, UNFINISHED)
    if found == mark:
        if anew:
            for table in reversed(TABLES):
                connection.execute(sa.delete(table))
        return not anew
    if found is not None:
        raise Conflict("A copy of another organisation into this store is not finished. Nothing was changed.")
    if connection.execute(sa.select(tenants.c.pk).limit(1)).first() is not None:
        raise Conflict("There is an organisation in that store already. Copy into an empty one.")
    set_fact(connection, UNFINISHED, mark)
    set_fact(connection, INNER_KEY, inner)
    return False


def last_key(connection: sa.Connection, table: sa.Table) -> Any:
    """The key of the last row that is there; None for an empty table."""
    key = _key(table)
    return connection.execute(sa.select(key).order_by(key.desc()).limit(1)).scalar_one_or_none()


def page_after(connection: sa.Connection, table: sa.Table, last: Any) -> list[dict[str, Any]]:
    """The next rows, each with all its columns; `last` None: the first ones."""
    key = _key(table)
    query = sa.select(table).order_by(key).limit(PAGE)
    if last is not None:
        query = query.where(key > last)
    return [dict(row._mapping) for row in connection.execute(query)]


def add(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    connection.execute(sa.insert(table), rows)


def key_of(table: sa.Table, row: dict[str, Any]) -> Any:
    return row[_key(table).name]


def count(connection: sa.Connection, table: sa.Table) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def checksum(connection: sa.Connection, table: sa.Table) -> tuple[int, str]:
    """How many rows a table has, and a SHA-256 over all of them in the order of their keys."""
    digest, rows = hashlib.sha256(), 0
    for row in _in_order(connection, table):
        digest.update(repr(tuple(row)).encode())
        rows += 1
    return rows, digest.hexdigest()


def finish(connection: sa.Connection) -> None:
    """Take the mark away, and let new rows be numbered after the copied ones."""
    connection.execute(sa.delete(facts).where(facts.c.name == UNFINISHED))
    if connection.dialect.name == "postgresql":
        for table in TABLES:
            column = table.autoincrement_column
            if column is not None:
                name, last = column.name, last_key(connection, table)
                sequence = sa.func.pg_get_serial_sequence(table.name, name)
                if last is not None:
                    connection.execute(sa.select(sa.func.setval(sequence, last)))


def _in_order(connection: sa.Connection, table: sa.Table) -> Iterator[sa.Row[Any]]:
    query = sa.select(table).order_by(*table.primary_key.columns)
    if table is user_counts:  # a group that nobody is in any more may stand there with 0 or not at all
        query = query.where(user_counts.c.n != 0)
    yield from connection.execute(query.execution_options(yield_per=PAGE))


def _key(table: sa.Table) -> sa.Column[Any]:
    (key,) = table.primary_key.columns
    return key
