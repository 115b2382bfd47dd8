"""A copy of a backup that is made ready to be a store: checked, migrated, and sealed with the present key."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from secconsole.domain.errors import Conflict, Unavailable
from secconsole.domain.text import visible
from secconsole.store.copies.backup import MARK, Progress, backup_time, chain_heads, copy_store_file, working_on
from secconsole.store.copies.copy import refuse_unfinished
from secconsole.store.engine.metadata import INNER_KEY, fact, set_fact
from secconsole.store.engine.migrate import check_version, migrate, schema_version
from secconsole.store.schema import facts
from secconsole.store.sealing import rotation
from secconsole.store.sealing.keys import DamagedSecret, KeyRing, key_of
from secconsole.store.sealing.sealed import TABLES, move, wipe_replies

PREFIX = ".restore-"
_PORTION = 2_000


@dataclass(frozen=True, slots=True)
class Staged:
    """Copy of a backup, with the backup's time in milliseconds, schema and key."""

    path: Path
    at: int
    schema: str
    key: str


@contextmanager
def stage(
    source: Path, folder: Path, keys: KeyRing, inner: bytes | None, key: str, progress: Progress
) -> Iterator[Staged]:
    """Yield a copy of a backup that is ready to be a store, and remove the file at the end.

    `inner`: the own key of the present store, which has to be that of the backup. `key`: the id to seal with.
    """
    for left in folder.glob(f"{PREFIX}*"):  # from a restore that was killed
        left.unlink(missing_ok=True)
    handle, name = tempfile.mkstemp(dir=folder, prefix=PREFIX, suffix=".db")
    os.close(handle)
    path = Path(name)
    try:
        _copy(source, path, progress)
        with working_on(path) as connection:
            _check_pages(connection, source)
            schema, at = schema_version(connection), _time_of(connection, source)
            sealed = _check_owner(connection, source, keys, inner)
        with working_on(path) as connection:
            if not check_version(connection):
                migrate(connection)
            refuse_unfinished(connection)
            keys.open_inner(sealed)
            _seal_with(connection, keys, sealed, key)
        yield Staged(path, at, schema, key_of(sealed))
    finally:
        for left in (path, *folder.glob(f"{path.name}-*")):
            left.unlink(missing_ok=True)


def _copy(source: Path, path: Path, progress: Progress) -> None:
    try:
        copy_store_file(source, path, progress)
    except Unavailable as error:
        if "damaged" in error.message:
            raise Unavailable(f"{visible(str(source))} is damaged or not a backup of a secconsole store.") from None
        raise


def _check_pages(connection: sa.Connection, source: Path) -> None:
    found = [str(row) for (row,) in connection.exec_driver_sql("PRAGMA integrity_check(3)")]
    found += [str(row) for row in connection.exec_driver_sql("PRAGMA foreign_key_check")]
    if found[:1] != ["ok"] or len(found) > 1:
        raise Unavailable(f"{visible(str(source))} is damaged: {visible(found[0])[:200]}. Use another backup.")


def _time_of(connection: sa.Connection, source: Path) -> int:
    """Return when a backup was made: as it says, or else the time of its newest audit entry."""
    if not schema_version(connection):
        raise Unavailable(f"{visible(str(source))} is not a backup of a secconsole store.")
    check_version(connection)  # raises for a newer one
    known = backup_time(connection, MARK)
    return known if known is not None else max((head.at for head in chain_heads(connection)), default=0)


def _check_owner(connection: sa.Connection, source: Path, keys: KeyRing, inner: bytes | None) -> bytes:
    """Return the backup's own key, sealed, or raise if it is not one of this store."""
    sealed = fact(connection, INNER_KEY) or b""
    name = visible(key_of(sealed))
    if not keys.knows(key_of(sealed)):
        raise Unavailable(
            f"The backup is sealed with the key {name}, which is not here. Name the file that has it: --key-file FILE. "
            "After a rotation the old key is in master.key.OLD-ID."
        )
    try:
        found = keys.inner_of(sealed)
    except DamagedSecret:
        raise Conflict(
            f"{visible(str(source))} is a backup of another store: the key {name} here does not open it. "
            "Nothing was changed."
        ) from None
    if inner is not None and found != inner:
        raise Conflict(f"{visible(str(source))} is a backup of another store. Nothing was changed.")
    return sealed


def _seal_with(connection: sa.Connection, keys: KeyRing, sealed: bytes, key: str) -> None:
    """Seal every secret with the present key, because a backup may be older than its rotation."""
    keys.use(key)
    if key_of(sealed) != key:
        set_fact(connection, INNER_KEY, keys.reseal_inner(sealed))
    for table in TABLES:
        last: int | None = 0
        while last is not None:
            last = move(connection, keys, table, last, _PORTION).last
    wipe_replies(connection, key)
    connection.execute(sa.delete(facts).where(facts.c.name == rotation.UNFINISHED))
