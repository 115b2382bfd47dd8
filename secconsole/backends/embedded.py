"""The embedded store: operations performed in this process, on one SQLite file or on a PostgreSQL database."""

from __future__ import annotations

import asyncio
import os
import pwd
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa

from secconsole.backends.acting import Acting, KeptToken
from secconsole.backends.demo_inbox import inbox_of
from secconsole.backends.watcher import Watcher
from secconsole.config import locations
from secconsole.config.private import refuse_shared, refuse_shared_folder
from secconsole.delivery.inbox import Inbox
from secconsole.domain.errors import Conflict, SecconsoleError, Unavailable
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.operations.caller import Credential, Source, StoreOwner
from secconsole.operations.tenants import CreateTenant
from secconsole.service.courier import Courier
from secconsole.service.passwords import Passwords
from secconsole.service.pipeline import Service
from secconsole.store.copy import refuse_unfinished
from secconsole.store.facts import INNER_KEY, fact, set_fact
from secconsole.store.keys import KeyRing, create_key_file, load_key_file
from secconsole.store.migrate import check_version, migrate, schema_version
from secconsole.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from secconsole.store.postgres import PostgresStore

R = TypeVar("R")

READY_SECONDS = 2.0
SENDING_SECONDS = 6.0  # that a command waits for a code to leave


@dataclass(frozen=True, slots=True)
class Created:
    """What `create_store` made."""

    tenant: str
    admin: str
    role: Role
    database: str
    key: str


class EmbeddedBackend(Acting):
    """A backend over an open store."""

    def __init__(
        self,
        store: SqliteStore | PostgresStore,
        keys: KeyRing,
        credential: Credential,
        channel: str,
        *,
        clock: Callable[[], float] | None = None,
        passwords: Passwords | None = None,
        inbox: Inbox | None = None,
        kept: KeptToken | None = None,
    ) -> None:
        super().__init__(credential, kept)
        self.title = str(store.path)
        self.store, self.keys = store, keys
        self.passwords = passwords or Passwords()
        self.courier = Courier(store, keys, clock, inbox)
        self._service = Service(store, keys, self.passwords, clock, self.courier.wake, stays_here=inbox is not None)
        self._source = Source(channel)
        self._watcher = Watcher(store.watch)

    async def ask_as(self, operation: Operation[R], credential: Credential) -> R:
        reply = await self._service.perform(operation, credential, self._source)
        if self._source.channel == "command":  # which may read from its terminal next, and then nothing else goes on
            with suppress(TimeoutError):
                await asyncio.wait_for(self.courier.rest(notices=False), SENDING_SECONDS)
        return reply

    async def perform_as(self, operation: Operation[R], credential: Credential, source: Source) -> R:
        """Do an operation for one of many callers, as a server has them."""
        return await self._service.perform(operation, credential, source)

    async def is_ready(self) -> bool:
        """Whether the store answers now, and not only after a while."""
        try:
            return await asyncio.wait_for(asyncio.wrap_future(self.store.read(check_version)), READY_SECONDS)
        except (SecconsoleError, TimeoutError):
            return False

    def lacks(self, operation: type[Operation[object]]) -> str:
        return ""

    async def changes(self) -> AsyncIterator[None]:
        """Yield after each change, or several."""
        async for _ in self._watcher.changes():
            yield

    async def close(self) -> None:
        await self.courier.close()
        await asyncio.to_thread(self.store.close)
        self.passwords.close()


def store_exists() -> bool:
    return locations.database_path().exists()


def store_owner() -> StoreOwner | None:
    """The OS user who runs this, if both the store and its key belong to them."""
    try:
        owners = {os.stat(path).st_uid for path in (locations.database_path(), locations.key_path())}
    except OSError:
        return None
    return owner_here() if owners == {os.geteuid()} else None


async def create_store(
    *, tenant: str, admin: str, password: Secret[str], passwords: Passwords | None = None
) -> Created:
    """Make a new store with a first tenant and its platform administrator; raise `Conflict` if there is a store."""
    database, key = locations.database_path(), locations.key_path()
    locations.ensure_private_dir(database.parent)
    if database.exists():
        raise Conflict(f"There is a store already: {database}. Nothing was changed.")
    if key.exists():
        raise Conflict(
            f"There is a key without its store: {key}. Put the store back from the backup, or move the key away."
        )
    backend = await open_new(database, key, passwords=passwords)
    try:
        made = await backend.perform(CreateTenant(name=tenant, admin=admin, password=password))
    except BaseException:
        await backend.close()
        _discard(database, key)
        raise
    await backend.close()
    return Created(made.name, admin, Role.PLATFORM_ADMIN, str(database), str(key))


async def open_new(database: Path, key: Path, *, passwords: Passwords | None = None) -> EmbeddedBackend:
    """Make an empty store and open it as its owner; raise `Conflict` if somebody else just made one."""
    try:
        handle = os.open(database, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    except FileExistsError:
        raise Conflict(f"There is a store already: {database}. Nothing was changed.") from None
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
    except FileExistsError:  # a key is never replaced: it may be what opens a backup
        os.unlink(database)
        raise Conflict(f"There is a key without its store: {key}. Move it away.") from None
    except BaseException:
        _discard(database, key)
        raise
    return EmbeddedBackend(store, keys, owner_here(), "command", passwords=passwords)


def make_schema(connection: sa.Connection, keys: KeyRing) -> None:
    """Fill an empty database with the tables and what ties the store to its key."""
    migrate(connection)
    inner = keys.make_inner()
    set_fact(connection, INNER_KEY, inner)
    keys.open_inner(inner)


def owner_here() -> StoreOwner:
    """Whoever runs this, as the owner of a store."""
    try:
        return StoreOwner(pwd.getpwuid(os.geteuid()).pw_name)
    except KeyError:
        return StoreOwner(str(os.geteuid()))


async def open_embedded(
    credential: Credential,
    channel: str,
    *,
    clock: Callable[[], float] | None = None,
    passwords: Passwords | None = None,
    database: Path | None = None,
    inbox: Inbox | None = None,
    kept: KeptToken | None = None,
) -> EmbeddedBackend:
    """Open the store of this home, or one elsewhere with the key beside it.

    `inbox` is for the making of a demo; a demo that is made finds its own.

    Raises `Unavailable` with what to do if the store, its key or their modes are not right.
    """
    key = database.with_name(locations.key_path().name) if database else locations.key_path()
    database = database or locations.database_path()
    if not database.exists():
        advice = "Make one with: secconsole init, or try: secconsole demo"
        if key.exists():  # so there was a store, or it is a database that only servers open
            advice = "Put it back from a backup; for one in PostgreSQL ask its server: secconsole --backend unix:PATH"
        raise Unavailable(f"There is no store at {database}. {advice}")
    refuse_shared_folder(database.parent)
    refuse_shared(database, os.stat(database))
    keys = load_key_file(key)
    store = await asyncio.to_thread(SqliteStore, database)
    try:
        inbox = await _take_into_use(store, keys, database.parent) or inbox
    except BaseException:
        await asyncio.to_thread(store.close)
        raise
    return EmbeddedBackend(store, keys, credential, channel, clock=clock, passwords=passwords, inbox=inbox, kept=kept)


async def _take_into_use(store: SqliteStore, keys: KeyRing, home: Path) -> Inbox | None:
    """Check that a store and its key belong together and are of today; give its inbox if it is a demo's."""

    def look(connection: sa.Connection) -> tuple[bool, bytes | None]:
        current = check_version(connection)
        if current:
            refuse_unfinished(connection)
        return current, fact(connection, INNER_KEY) if schema_version(connection) else None

    current, inner = await asyncio.wrap_future(store.read(look))
    if inner is None:
        raise Unavailable(
            f"{store.path} is not a secconsole store, or making it was interrupted. Move it away and init again."
        )
    keys.open_inner(inner)
    if not current:  # only now: a store is not touched before its key has opened it
        await asyncio.wrap_future(
            store.write(lambda connection: None if check_version(connection) else migrate(connection))
        )
    return await asyncio.wrap_future(store.read(lambda connection: inbox_of(connection, keys, home)))


def _discard(database: Path, key: Path) -> None:
    """Take away a store that was never finished."""
    for path in (key, *database.parent.glob(database.name + "*")):
        path.unlink(missing_ok=True)
