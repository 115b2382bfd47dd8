"""Checks of a PostgreSQL database and of what keeps its data consistent.

The database itself checks pages and foreign keys at each read and write. These checks confirm that it does.
"""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from secconsole.backends.doctor.finding import Finding
from secconsole.domain.errors import Unavailable
from secconsole.domain.text import visible
from secconsole.store.engine.triggers import COUNTING
from secconsole.store.postgres.errors import DAMAGED, code_of
from secconsole.store.schema import metadata

_NAMED = 3
_ADVICE = "Find out who changed that in the database. Then correct it there, or restore the database from a backup."
_DAMAGE_ADVICE = (
    "Check its disk, and restore the database from a backup. A damaged index can be rebuilt: REINDEX DATABASE"
)

_VERSION = sa.text("SELECT current_setting('server_version'), current_setting('server_encoding')")
_PAGES = sa.text(
    "SELECT current_setting('data_checksums') = 'on',"
    " (SELECT coalesce(max(checksum_failures), 0) FROM pg_stat_database WHERE datname = current_database())"
)
_FOREIGN_KEYS = sa.text(
    "SELECT r.relname, a.attname, c.convalidated FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid"
    " JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = ANY(c.conkey)"
    " WHERE c.contype = 'f' AND r.relnamespace = current_schema()::regnamespace"
)
_INDEXES = sa.text(
    "SELECT r.relname, i.relname, x.indisvalid AND x.indisready FROM pg_index x"
    " JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class r ON r.oid = x.indrelid"
    " WHERE r.relnamespace = current_schema()::regnamespace"
)
_TRIGGERS = sa.text(
    "SELECT r.relname, t.tgname, t.tgenabled IN ('O', 'A') FROM pg_trigger t JOIN pg_class r ON r.oid = t.tgrelid"
    " WHERE r.relnamespace = current_schema()::regnamespace"
)


def look_at_server(connection: sa.Connection) -> Finding:
    """Return the version and encoding of the database.

    Unusable encodings were refused before.
    """
    version, encoding = connection.execute(_VERSION).one()
    return Finding("database", True, visible(f"PostgreSQL {version}, encoded in {encoding}"))


def check_database(connection: sa.Connection) -> Finding:
    """Check that a database with the current schema keeps the store consistent."""
    checked, failures = connection.execute(_PAGES).one()
    if failures:
        return Finding("integrity", False, f"{failures:,} pages failed their checksum", _DAMAGE_ADVICE)
    wrong = [*_keys(connection), *_indexes(connection), *_triggers(connection)]
    if wrong:
        more = f", and {len(wrong) - _NAMED:,} more" if len(wrong) > _NAMED else ""
        return Finding("integrity", False, visible("; ".join(wrong[:_NAMED])) + more, _ADVICE)
    pages = "page checksums are on" if checked else "page checksums are off"
    detail = f"all keys, indexes and triggers exist and are enforced by the database; {pages}"
    advice = "Check the entries of the audit: secconsole audit verify"
    return Finding("integrity", True, detail, advice)


def damage(error: Unavailable) -> Finding | None:
    """Return the finding for damage that the database reports of its files, or None for other errors."""
    cause = error.__cause__
    if cause is None or not code_of(cause).startswith(DAMAGED):
        return None
    return Finding("integrity", False, f"the database found damage: {visible(str(cause))[:200]}", _DAMAGE_ADVICE)


def _keys(connection: sa.Connection) -> Iterator[str]:
    found = _ask(connection, _FOREIGN_KEYS)
    for table in metadata.sorted_tables:
        for key in table.foreign_keys:
            is_valid = found.get((table.name, key.parent.name))
            if not is_valid:
                why = "is missing" if is_valid is None else "is not validated"
                yield f"the foreign key on {table.name}.{key.parent.name} {why}"


def _indexes(connection: sa.Connection) -> Iterator[str]:
    found = _ask(connection, _INDEXES)
    yield from (
        f"the index {name} of {table} is not valid" for (table, name), is_valid in found.items() if not is_valid
    )
    for table in metadata.sorted_tables:
        names = [str(index.name) for index in table.indexes]
        yield from (f"the index {name} of {table.name} is missing" for name in names if (table.name, name) not in found)


def _triggers(connection: sa.Connection) -> Iterator[str]:
    """Yield missing and disabled triggers, which also enforce foreign keys."""
    found = _ask(connection, _TRIGGERS)
    yield from (f"the trigger {name} of {table} is off" for (table, name), is_on in found.items() if not is_on)
    yield from (f"the trigger {name} is missing" for name in COUNTING if ("users", name) not in found)


def _ask(connection: sa.Connection, query: sa.TextClause) -> dict[tuple[str, str], bool]:
    """Return the objects of our tables, and True for those in effect."""
    rows = sorted(tuple(row) for row in connection.execute(query))
    return {(table, name): works for table, name, works in rows if table in metadata.tables}
