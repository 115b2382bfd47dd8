"""Inspection of a store from outside: its whole content, and the integrity of its audit."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path

import sqlalchemy as sa

from secconsole.config import locations
from secconsole.store.audit_log import audit_chain
from secconsole.store.engine.metadata import INNER_KEY, fact
from secconsole.store.engine.sqlite import open_engine
from secconsole.store.schema import metadata
from secconsole.store.sealing.keys import KeyRing, load_key_file

Tables = dict[str, list[tuple[object, ...]]]


def database(home: Path) -> Path:
    return home / locations.database_path().name


def tables(home: Path, but: Iterable[str] = ()) -> Tables:
    """Every row of every table, but for some tables or `table.column`s."""
    left_out = set(but)
    connection = sqlite3.connect(database(home), isolation_level=None)
    try:
        connection.execute("BEGIN")
        found: Tables = {}
        for table in metadata.sorted_tables:
            if table.name not in left_out:
                names = [c.name for c in table.c if f"{table.name}.{c.name}" not in left_out]
                query = f"SELECT {', '.join(names)} FROM {table.name} ORDER BY {', '.join(names)}"
                found[table.name] = connection.execute(query).fetchall()
        return found
    finally:
        connection.close()


def column(home: Path, table: str, name: str) -> list[object]:
    """All values of one column."""
    connection = sqlite3.connect(database(home))
    try:
        return [value for (value,) in connection.execute(f"SELECT {name} FROM {table}")]
    finally:
        connection.close()


def differing(before: Tables, after: Tables) -> set[str]:
    """The tables in which something changed."""
    return {name for name in before if before[name] != after[name]}


def key_ring(home: Path) -> KeyRing:
    """The keys of a store, ready to check its audit."""
    ring = load_key_file(home / locations.key_path().name)
    connection = sqlite3.connect(database(home))
    try:
        (inner,) = connection.execute("SELECT value FROM facts WHERE name = ?", (INNER_KEY,)).fetchone()
    finally:
        connection.close()
    ring.open_inner(inner)
    return ring


def broken_chains(home: Path) -> list[str]:
    """Return the problems of a store from SQLite's check, foreign keys, and every tenant's audit."""
    ring = key_ring(home)
    engine = open_engine(database(home))
    try:
        with engine.connect() as connection:
            assert fact(connection, INNER_KEY) is not None
            found = [str(row) for row in connection.exec_driver_sql("PRAGMA foreign_key_check")]
            if (answer := connection.exec_driver_sql("PRAGMA integrity_check").scalar()) != "ok":
                found.append(str(answer))
            for pk in connection.execute(sa.text("SELECT pk FROM tenants")).scalars().all():
                _, broken = audit_chain.check_chain(connection, ring, pk)
                if broken is not None:
                    found.append(f"tenant {pk}: {broken}")
        return found
    finally:
        engine.dispose()
