"""Creation of a store, which leaves nothing behind if it is interrupted."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from secconsole.backends.owner import owner_here
from secconsole.config import locations
from secconsole.domain.errors import Conflict
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.tenants import CreateTenant
from secconsole.service.factors.passwords import Passwords
from secconsole.store.engine.metadata import INNER_KEY, set_fact
from secconsole.store.engine.migrate import migrate
from secconsole.store.engine.sqlite import SqliteStore
from secconsole.store.sealing.keys import KeyRing, create_key_file

if TYPE_CHECKING:
    pass
from secconsole.backends.embedded import EmbeddedBackend


@dataclass(frozen=True, slots=True)
class Created:
    """Result of `create_store`."""

    tenant: str
    admin: str
    role: Role
    database: str
    key: str


async def create_store(
    *, tenant: str, admin: str, password: Secret[str], passwords: Passwords | None = None
) -> Created:
    """Create a store with a first tenant and its platform administrator, or raise `Conflict` if one exists."""
    database, key = locations.database_path(), locations.key_path()
    locations.ensure_private_dir(database.parent)
    if database.exists():
        raise Conflict(f"A store already exists: {database}. Nothing was changed.")
    if key.exists():
        raise Conflict(
            f"There is a key without its store: {key}. Restore the store from a backup, or move the key away."
        )
    backend = await open_new(database, key, passwords=passwords)
    try:
        made = await backend.perform(
            CreateTenant(name=tenant, admin=admin, password=password, role=Role.PLATFORM_ADMIN)
        )
    except BaseException:
        await backend.close()
        _discard(database, key)
        raise
    await backend.close()
    return Created(made.name, admin, Role.PLATFORM_ADMIN, str(database), str(key))


async def open_new(database: Path, key: Path, *, passwords: Passwords | None = None) -> EmbeddedBackend:
    """Create an empty store and open it as its owner, or raise `Conflict` if one exists by now."""
    try:
        handle = os.open(database, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    except FileExistsError:
        raise Conflict(f"A store already exists: {database}. Nothing was changed.") from None
    os.fchmod(handle, 0o600)
    os.close(handle)
    try:
        keys = create_key_file(key)
        store = await asyncio.to_thread(SqliteStore, database)
        try:
            await asyncio.wrap_future(store.write(lambda connection: make_schema(connection, keys)))
        except BaseException:
            await asyncio.to_thread(store.close)
            raise
    except FileExistsError:  # a key is never replaced: it may open a backup
        os.unlink(database)
        raise Conflict(f"There is a key without its store: {key}. Move it away.") from None
    except BaseException:
        _discard(database, key)
        raise
    return EmbeddedBackend(store, keys, owner_here(), "command", passwords=passwords)


def make_schema(connection: sa.Connection, keys: KeyRing) -> None:
    """Create the tables in an empty database, and bind the store to its key."""
    migrate(connection)
    inner = keys.make_inner()
    set_fact(connection, INNER_KEY, inner)
    keys.open_inner(inner)


def _discard(database: Path, key: Path) -> None:
    """Remove a store whose creation was interrupted."""
    for path in (key, *database.parent.glob(database.name + "*")):
        path.unlink(missing_ok=True)
