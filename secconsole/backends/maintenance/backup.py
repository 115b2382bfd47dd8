"""`backup`: one consistent copy of a running SQLite store, in one private file without the key."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from secconsole.backends.maintenance.opening import open_file, opening_keys, require_owner
from secconsole.backends.stores import StorePlace
from secconsole.domain.errors import Conflict, Invalid, Unavailable
from secconsole.domain.text import visible
from secconsole.service.context import when
from secconsole.service.maintenance import owner_context, record_backup
from secconsole.store.audit_log.seen_heads import file_of, note_heads
from secconsole.store.copies.backup import (
    LAST,
    MARK,
    ChainHead,
    Progress,
    chain_heads,
    check_file,
    copy_store_file,
    flush,
    note_backup,
    words_of_errors,
    working_on,
)
from secconsole.store.engine.migrate import check_version, schema_version
from secconsole.store.engine.sqlite import SqliteStore

USE_POSTGRES_TOOLS = (
    "This store is a PostgreSQL database, which PostgreSQL's own tools back up: pg_dump --format=custom for one "
    "moment, or base backups with archived WAL for any moment. See Backup in docs/operations.md."
)


@dataclass(frozen=True, slots=True)
class TenantHead:
    """Newest audit entry of a tenant in a backup."""

    tenant: str
    seq: int
    mac: str
    at: datetime


@dataclass(frozen=True, slots=True)
class BackedUp:
    """Result of `back_up`.

    `key`: the id of the key that opens the backup's secrets, in the file `key_file`, which the backup does not contain.
    `recorded`: False if the store could not be written, so that its audit does not mention the backup.
    """

    file: str
    store: str
    size: int
    at: datetime
    schema: str
    key: str
    key_file: str
    tenants: tuple[TenantHead, ...]
    recorded: bool = True
    contains_key: bool = False


def back_up(
    place: StorePlace,
    file: Path,
    *,
    overwrite: bool = False,
    progress: Progress = lambda done, total: None,
    clock: Callable[[], float] = time.time,
) -> BackedUp:
    """Copy a store to a file while others use it.

    Raises `Conflict` if the file exists and may not be replaced, `Invalid` for a PostgreSQL database, and `Unavailable`
    if store, key or file cannot be used. Nothing is left behind then.
    """
    if not isinstance(place.database, Path):
        raise Invalid(USE_POSTGRES_TOOLS, "store")
    if str(file) == "-":
        raise Invalid("A backup is a file: name it. It is not written to the standard output.", "file")
    source, target = place.database, file.expanduser().absolute()
    owner = require_owner(place)
    with closing(open_file(source)) as store:
        keys, inner_key = opening_keys(place, store)
        _check_target(source, target, overwrite)
        now = clock()
        current = store.read(check_version).result()

        def record(connection: sa.Connection, problem: str = "") -> None:
            record_backup(owner_context(connection, keys, owner, now), visible(str(target)), problem=problem)

        # Before the copy, so that the backup contains the entry about itself.
        recorded = current and _written(store, record)
        try:
            heads, size, schema = _copy(source, target, int(now * 1000), overwrite, progress)
        except Unavailable as error:
            if recorded:
                _written(store, partial(record, problem=error.message))
            raise
        if recorded:
            _written(store, lambda connection: note_backup(connection, LAST, int(now * 1000)))
        store.read(lambda connection: note_heads(connection, file_of(place.key))).result()
    return BackedUp(
        str(target),
        str(source),
        size,
        datetime.fromtimestamp(now, UTC),
        schema,
        inner_key,
        str(place.key),
        tuple(TenantHead(head.tenant, head.seq, head.mac.hex(), when(head.at)) for head in heads),
        recorded,
    )


def _check_target(source: Path, target: Path, overwrite: bool) -> None:
    if target.name.startswith(source.name) and target.parent.resolve() == source.parent.resolve():
        raise Invalid("Choose another name: the store's own files begin with that one.", "file")
    if target.is_dir():
        raise Invalid(f"{visible(str(target))} is a folder. Name a file in it.", "file")
    if target.exists() and not target.is_file():
        raise Invalid(f"{visible(str(target))} is not an ordinary file. Choose another name.", "file")
    if not target.parent.is_dir():
        raise Unavailable(f"There is no folder {visible(str(target.parent))}. Create it first.")
    if os.path.lexists(target) and not overwrite:
        raise Conflict(f"{visible(str(target))} exists. Choose another name, or replace it with --overwrite.")


def _written(store: SqliteStore, body: Callable[[sa.Connection], None]) -> bool:
    """Return False if the store cannot be written: a full disk must not prevent its backup to another one."""
    with suppress(Unavailable):
        store.write(body).result()
        return True
    return False


def _copy(
    source: Path, target: Path, now: int, overwrite: bool, progress: Progress
) -> tuple[list[ChainHead], int, str]:
    """Copy to a private folder beside the target, check the copy, and give it its name as the last step."""
    with (
        words_of_errors(),
        # a private folder, because SQLite would apply a log that others left beside the copy
        tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-", suffix=".partial") as folder,
    ):
        copy = Path(folder) / "copy.db"
        os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        copy_store_file(source, copy, progress)
        with working_on(copy) as connection:
            note_backup(connection, MARK, now)
            heads, schema = chain_heads(connection), schema_version(connection)
        # The copy is checked and not the store: a fault of the disk that is written to is found too.
        if problem := check_file(copy):
            raise Unavailable(f"The copy is damaged ({visible(problem)[:200]}). Check the disks, then try again.")
        flush(copy)
        size = copy.stat().st_size
        try:
            # A link fails if the name exists by now, whereas a rename would replace the file.
            os.replace(copy, target) if overwrite else os.link(copy, target)
        except FileExistsError:
            raise Conflict(f"{visible(str(target))} exists by now. Nothing was replaced.") from None
        # The new name is in the folder, which has to reach the disk too.
        flush(target.parent)
    return heads, size, schema
