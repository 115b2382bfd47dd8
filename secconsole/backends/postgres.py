"""The store on PostgreSQL: opening, creation and migration on request.

Its key is in this home.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from secconsole.backends.embedded import EmbeddedBackend
from secconsole.backends.new_store import Created, make_schema
from secconsole.backends.owner import owner_here
from secconsole.config import locations
from secconsole.config.settings import load_settings
from secconsole.domain.errors import Conflict, Unavailable
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.caller import Credential
from secconsole.operations.tenants import CreateTenant, ListTenants
from secconsole.service.factors.passwords import Passwords
from secconsole.store.copies.copy import refuse_unfinished
from secconsole.store.engine.metadata import INNER_KEY, fact
from secconsole.store.engine.migrate import CURRENT, check_version, migrate, schema_version
from secconsole.store.postgres.address import Address
from secconsole.store.postgres.runner import PostgresStore
from secconsole.store.sealing.keys import KeyRing, create_key_file, load_key_file


@dataclass(frozen=True, slots=True)
class Migrated:
    """Result of `migrate_postgres`.

    `key` is the file of a new key, or empty.
    """

    store: str
    before: str
    after: str
    key: str = ""


async def open_postgres(
    address: Address,
    credential: Credential,
    channel: str,
    *,
    clock: Callable[[], float] | None = None,
    passwords: Passwords | None = None,
) -> EmbeddedBackend:
    """Open a database whose schema is current.

    Raises `Unavailable` with advice if the database, its schema or the key in this home are wrong.
    """
    reach = load_settings().reach
    keys = load_key_file(locations.key_path())
    store = await asyncio.to_thread(PostgresStore, address)
    try:
        inner = await asyncio.wrap_future(store.read(_inner_of_current))
        if inner is None:
            raise Unavailable(
                f"{address.shown} is empty or older than this secconsole. Read the upgrade notes, then run: "
                f"secconsole store migrate --store {shlex.quote(address.shown)}"
            )
        keys.open_inner(inner)
    except BaseException:
        await asyncio.to_thread(store.close)
        raise
    return EmbeddedBackend(store, keys, credential, channel, clock=clock, passwords=passwords, reach=reach)


async def migrate_postgres(address: Address) -> Migrated:
    """Create the schema in an empty database, or migrate an older one.

    A key is created only with the schema.

    Raises `Unavailable` for a newer schema, and for a missing key or the key of another store.
    """
    store = await asyncio.to_thread(PostgresStore, address)
    try:
        before = await asyncio.wrap_future(store.read(schema_version))
        key = locations.key_path()
        if before:
            keys = load_key_file(key)
            await asyncio.wrap_future(store.write(lambda connection: _update(connection, keys)))
            return Migrated(address.shown, before, CURRENT)
        locations.ensure_private_dir(key.parent)
        made = not key.exists()
        keys = create_key_file(key) if made else load_key_file(key)
        try:
            await asyncio.wrap_future(store.write(lambda connection: _make_alone(connection, keys)))
        except BaseException:
            if made:
                key.unlink()
            raise
        return Migrated(address.shown, "", CURRENT, str(key) if made else "")
    finally:
        await asyncio.to_thread(store.close)


async def create_in_postgres(
    address: Address, *, tenant: str, admin: str, password: Secret[str], passwords: Passwords | None = None
) -> Created:
    """Create missing tables, and a first tenant with its platform administrator.

    Raises `Conflict` if a tenant already exists.
    """
    await migrate_postgres(address)
    backend = await open_postgres(address, owner_here(), "command", passwords=passwords)
    try:
        if (await backend.perform(ListTenants())).items:
            raise Conflict(f"{address.shown} already contains an organisation. Nothing was changed.")
        made = await backend.perform(
            CreateTenant(name=tenant, admin=admin, password=password, role=Role.PLATFORM_ADMIN)
        )
    finally:
        await backend.close()
    return Created(made.name, admin, Role.PLATFORM_ADMIN, address.shown, str(locations.key_path()))


def _make_alone(connection: sa.Connection, keys: KeyRing) -> None:
    _one_at_a_time(connection)
    if schema_version(connection):
        raise Unavailable(
            "Another process has just created the schema. Copy its master.key here, then run the command again."
        )
    make_schema(connection, keys)


def _update(connection: sa.Connection, keys: KeyRing) -> None:
    _one_at_a_time(connection)
    current = check_version(connection)
    keys.open_inner(fact(connection, INNER_KEY) or b"")
    if not current:
        migrate(connection)


def _one_at_a_time(connection: sa.Connection) -> None:
    """Serialise concurrent migrations."""
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('secconsole migrate'))")


def _inner_of_current(connection: sa.Connection) -> bytes | None:
    if not check_version(connection):
        return None
    refuse_unfinished(connection)
    return fact(connection, INNER_KEY)
