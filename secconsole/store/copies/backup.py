"""Copies of an SQLite store through SQLite's own interface, which is safe while other processes write.

Reading the file in any other way would miss what is only in its log, and drop SQLite's locks on it.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from secconsole.config.private import refuse_shared
from secconsole.domain.errors import Unavailable
from secconsole.store.engine.metadata import fact, set_fact
from secconsole.store.engine.sqlite import BUSY_MILLISECONDS, in_words, open_engine
from secconsole.store.schema import audit, audit_heads, tenants

Progress = Callable[[int, int], None]  # bytes copied, and bytes in total

MARK = "backup"  # in a backup: its time and maker
LAST = "last-backup"  # in the store: the time of its last backup
_PAGES = 2_000  # copied between two reports of progress


@dataclass(frozen=True, slots=True)
class ChainHead:
    """Newest audit entry of a tenant."""

    tenant_pk: int
    tenant_id: str
    tenant: str
    seq: int
    mac: bytes
    at: int


def chain_heads(connection: sa.Connection) -> list[ChainHead]:
    """Return the heads of all tenants, by name."""
    newest = sa.and_(audit.c.tenant_pk == audit_heads.c.tenant_pk, audit.c.seq == audit_heads.c.seq)
    query = (
        sa.select(tenants.c.pk, tenants.c.id, tenants.c.name, audit_heads.c.seq, audit_heads.c.mac, audit.c.at)
        .join(audit_heads, audit_heads.c.tenant_pk == tenants.c.pk)
        .outerjoin(audit, newest)
        .order_by(tenants.c.name_key)
    )
    return [ChainHead(row.pk, row.id, row.name, row.seq, row.mac, row.at or 0) for row in connection.execute(query)]


def note_backup(connection: sa.Connection, name: str, at: int) -> None:
    """Store the time of a backup, in the backup (`MARK`) or in the store that it was made of (`LAST`)."""
    set_fact(connection, name, json.dumps({"at": at}).encode())


def backup_time(connection: sa.Connection, name: str) -> int | None:
    """Return the time of a backup, or None if none is known."""
    stored = fact(connection, name)
    return int(json.loads(stored)["at"]) if stored else None


def copy_store_file(source: Path, target: Path, progress: Progress) -> None:
    """Copy a store into an existing, empty file: one moment of it, however long that takes, while others write.

    The copy has no log beside it. Raises `Unavailable` if a disk is full or fails, and for a log beside the source that
    other users could have left there.
    """
    with words_of_errors(), closing(_open_source(source)) as origin, closing(open_file(target)) as copy:
        copy.execute("PRAGMA journal_mode=MEMORY")
        copy.execute("PRAGMA synchronous=OFF")  # it is flushed as a whole, and useless until then
        # While a read transaction is open, the copy is of one snapshot. Without it SQLite starts over whenever another
        # process writes, which under load may go on for hours.
        origin.execute("BEGIN")
        origin.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the moment that is copied
        copy_pages(origin, copy, progress)
        origin.execute("ROLLBACK")
        # The copied header says WAL, for which every reader would create a log beside the backup.
        copy.execute("PRAGMA journal_mode=DELETE")
    flush(target)


def _open_source(path: Path) -> sqlite3.Connection:
    """Open a file to copy from.

    A backup never has a log, so one that appears beside it from now on is ignored.
    """
    logs = [path.with_name(path.name + suffix) for suffix in ("-wal", "-shm", "-journal")]
    found = [log for log in logs if os.path.lexists(log)]
    for log in found:
        with suppress(FileNotFoundError):
            refuse_shared(log, os.lstat(log))
    with open(path, "rb") as file:
        is_backup = file.read(20)[18:] == b"\1\1"  # the mode of the journal: 2 for a store in use
    return open_file(path) if found or not is_backup else _connect(path, "mode=ro&immutable=1")


def copy_pages(origin: sqlite3.Connection, target: sqlite3.Connection, progress: Progress) -> None:
    """Replace the content of one database by that of another, in one transaction."""
    size = int(origin.execute("PRAGMA page_size").fetchone()[0])
    origin.backup(target, pages=_PAGES, progress=lambda _, left, total: progress((total - left) * size, total * size))


def check_file(path: Path) -> str:
    """Return the first problem of a store's pages, or an empty text."""
    with words_of_errors(), closing(open_file(path)) as connection:
        # Unlike integrity_check it does not compare indexes with their tables, which would take several times as long.
        found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    return "" if found == "ok" else found


@contextmanager
def working_on(path: Path) -> Iterator[sa.Connection]:
    """Yield a transaction on a store that nobody else uses, which is committed at the end and leaves no log."""
    engine = open_engine(path, journal="DELETE").execution_options(secconsole_write=True)
    try:
        with words_of_errors(), engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def flush(path: Path) -> None:
    """Write a file to disk that no connection has open."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def words_of_errors() -> Iterator[None]:
    """Raise errors of SQLite and of the system as `Unavailable`."""
    try:
        yield
    except (sqlite3.Error, sa.exc.DBAPIError, OSError) as error:
        translated = in_words(error)
        if isinstance(translated, Unavailable):
            raise translated from None
        raise


def open_file(path: Path) -> sqlite3.Connection:
    """Open an existing file, for reading only if it may not be written."""
    return _connect(path, "mode=rw" if os.access(path, os.W_OK) else "mode=ro")


def _connect(path: Path, options: str) -> sqlite3.Connection:
    # As a URI, because only that can keep SQLite from creating a file that is missing.
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{options}", uri=True, isolation_level=None)
    connection.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
    return connection
