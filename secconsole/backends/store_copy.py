"""`store copy`: copies an organisation to another store, resumes after interruptions, and compares both."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import sqlalchemy as sa

from secconsole.backends.stores import StorePlace
from secconsole.config import locations
from secconsole.config.private import read_private, refuse_shared, refuse_shared_folder, write_private
from secconsole.domain.errors import Conflict, Invalid, Unavailable
from secconsole.store.copies import copy
from secconsole.store.engine.metadata import INNER_KEY, fact
from secconsole.store.engine.migrate import check_version, migrate, schema_version
from secconsole.store.engine.sqlite import SqliteStore
from secconsole.store.sealing.keys import load_key_file

T = TypeVar("T")

Progress = Callable[[str, int], None]  # the name of a table, and the number of its rows copied


class Store(Protocol):
    """Interface of both kinds of store."""

    def read(self, body: Callable[[sa.Connection], T]) -> Future[T]: ...

    def write(self, body: Callable[[sa.Connection], T]) -> Future[T]: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class CopiedTable:
    """A table that is equal in both stores.

    `checksum` is a SHA-256 over its rows.
    """

    name: str
    rows: int
    checksum: str


@dataclass(frozen=True, slots=True)
class Copied:
    """Result of `copy_store`."""

    origin: str
    target: str
    resumed: bool
    tables: tuple[CopiedTable, ...]


async def copy_store(origin: StorePlace, target: StorePlace, progress: Progress, *, restart: bool = False) -> Copied:
    """Copy all missing rows, then compare.

    Only an equal copy can be used.

    Raises `Conflict` if the target holds something else, or if the two differ because the origin was changed meanwhile,
    and `Unavailable` for a store, schema or key that cannot be used.
    """
    if origin.database == target.database:
        raise Invalid("Both are the same store.", "to")
    async with _opened(origin, make=False) as source:
        inner = await _done(source.read(_inner_of))
        load_key_file(origin.key).open_inner(inner)
        if target.key.exists():
            load_key_file(target.key).open_inner(inner)
        async with _opened(target, make=True) as sink:
            resumed = await _done(sink.write(partial(_begin, inner=inner, restart=restart)))
            _place_key(origin.key, target.key)  # only beside a store that may be a target
            for table in copy.TABLES:
                await _copy_table(source, sink, table, progress)
            tables = [await _compare(source, sink, table) for table in copy.COMPARED]
            demo = await _done(source.read(copy.demo_mark))
            await _done(sink.write(partial(copy.finish, demo=demo)))
    return Copied(str(origin), str(target), resumed, tuple(tables))


async def _copy_table(source: Store, sink: Store, table: sa.Table, progress: Progress) -> None:
    last, rows = await _done(sink.read(lambda c: (copy.last_key(c, table), copy.count(c, table))))
    while page := await _done(source.read(partial(copy.page_after, table=table, last=last))):
        await _done(sink.write(partial(copy.add, table=table, rows=page)))
        last, rows = copy.key_of(table, page[-1]), rows + len(page)
        progress(table.name, rows)


async def _compare(source: Store, sink: Store, table: sa.Table) -> CopiedTable:
    read = partial(copy.checksum, table=table)
    here, there = await asyncio.gather(_done(source.read(read)), _done(sink.read(read)))
    if here != there:
        raise Conflict(
            f"{table.name} differs between the stores ({here[0]:,} and {there[0]:,} rows): the origin was changed "
            "while it was copied. Stop what uses it, and run the same command with --restart. The copy stays unused."
        )
    return CopiedTable(str(table.name), *here)


def _begin(connection: sa.Connection, *, inner: bytes, restart: bool) -> bool:
    if not schema_version(connection):
        migrate(connection)
    elif not check_version(connection):
        raise Unavailable("The schema of the target is older than this secconsole. Migrate it first.")
    return copy.begin(connection, inner, restart=restart)


def _inner_of(connection: sa.Connection) -> bytes:
    if not check_version(connection):
        raise Unavailable("The origin is empty or older than this secconsole. Open it with this version first.")
    copy.refuse_unfinished(connection)
    return fact(connection, INNER_KEY) or b""


def _place_key(origin: Path, target: Path) -> None:
    """Copy the key beside the target, unless it is there.

    Both stores have the same key.
    """
    if target != origin and not target.exists():
        locations.ensure_private_dir(target.parent)
        write_private(target, read_private(origin), exclusive=True)


@asynccontextmanager
async def _opened(place: StorePlace, *, make: bool) -> AsyncIterator[Store]:
    store = await asyncio.to_thread(_open, place, make)
    try:
        yield store
    finally:
        await asyncio.to_thread(store.close)


def _open(place: StorePlace, make: bool) -> Store:
    if not isinstance(place.database, Path):
        from secconsole.store.postgres.runner import PostgresStore

        return PostgresStore(place.database)
    if make and not place.database.exists():
        locations.ensure_private_dir(place.database.parent)
        os.close(os.open(place.database, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    if not place.database.exists():
        raise Unavailable(f"There is no store at {place.database}.")
    refuse_shared_folder(place.database.parent)
    refuse_shared(place.database, os.stat(place.database))
    return SqliteStore(place.database)


async def _done(future: Future[T]) -> T:
    return await asyncio.wrap_future(future)
