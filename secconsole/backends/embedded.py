"""The embedded store: operations performed in this process, on one SQLite file or on a PostgreSQL database."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection
from contextlib import aclosing, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa

from secconsole.backends.base import Notice
from secconsole.backends.demo.inbox import inbox_of
from secconsole.backends.head_keeper import HeadKeeper
from secconsole.backends.head_log import HeadLog
from secconsole.backends.session_backend import SessionBackend, TokenStore
from secconsole.backends.tending import Tending
from secconsole.backends.watcher import Watch, Watcher
from secconsole.config import locations
from secconsole.config.private import refuse_shared, refuse_shared_folder
from secconsole.config.settings import load_settings
from secconsole.delivery.inbox import Inbox
from secconsole.domain.audience import Audience, Change
from secconsole.domain.errors import NotSignedIn, SecconsoleError, Unavailable
from secconsole.domain.networks.reach import PUBLIC, Reach
from secconsole.operations.base import Operation
from secconsole.operations.caller import Credential, Source
from secconsole.service.alerts.worker import AlertWorker
from secconsole.service.factors.passwords import Passwords
from secconsole.service.outbox.worker import DeliveryWorker
from secconsole.service.pipeline import Service
from secconsole.service.streams.retention import RetentionWorker
from secconsole.service.streams.worker import StreamWorker
from secconsole.store.changes import Heads, changes_since, heads_of
from secconsole.store.copies.copy import refuse_unfinished
from secconsole.store.engine.metadata import INNER_KEY, fact
from secconsole.store.engine.migrate import check_version, migrate, schema_version
from secconsole.store.engine.sqlite import SqliteStore
from secconsole.store.sealing.keys import KeyRing, key_of, load_key_file

if TYPE_CHECKING:
    from secconsole.store.postgres.runner import PostgresStore

R = TypeVar("R")

READY_SECONDS = 2.0
SENDING_SECONDS = 6.0  # a command waits so long for a code to be sent


class EmbeddedBackend(SessionBackend):
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
        kept: TokenStore | None = None,
        reach: Reach = PUBLIC,
    ) -> None:
        super().__init__(credential, kept)
        self.title = str(store.path)
        self.store, self.keys = store, keys
        self.passwords = passwords or Passwords()
        self.delivery_worker = DeliveryWorker(store, keys, clock, inbox, reach)
        self.stream_worker = StreamWorker(store, keys, clock, reach)
        self.retention_worker = RetentionWorker(store, keys, clock)
        self.head_log = HeadLog(store, keys, clock)
        self.alert_worker = AlertWorker(store, keys, clock, self._wake)
        self._service = Service(
            store, keys, self.passwords, clock, self._wake, stays_here=inbox is not None, reach=reach
        )
        self.tending = Tending(self._service.tend)
        self._source = Source(channel)
        self._heads = HeadKeeper(store, keys.path)
        self._watcher = Watcher(_Watched(store))

    async def send(self, operation: Operation[R], credential: Credential) -> R:
        self._note_heads()
        if self._source.channel == "console" and operation.spec.writes:
            with self._own.write() as acknowledge:
                source = replace(self._source, request_id=secrets.token_hex(8))
                reply = await self._perform(operation, credential, source)
                acknowledge(source.request_id)
            return reply
        reply = await self._perform(operation, credential, self._source)
        if self._source.channel == "command":  # it may read from its terminal next, which blocks the event loop
            with suppress(TimeoutError):
                await asyncio.wait_for(self.delivery_worker.wait_idle(notices=False), SENDING_SECONDS)
        return reply

    def _wake(self) -> None:
        """Start sending after a commit that left something to send."""
        self.delivery_worker.wake()
        self.stream_worker.wake()

    async def perform_as(self, operation: Operation[R], credential: Credential, source: Source) -> R:
        """Perform an operation for one of a server's many callers."""
        self._note_heads()
        return await self._perform(operation, credential, source)

    async def _perform(self, operation: Operation[R], credential: Credential, source: Source) -> R:
        try:
            return await self._service.perform(operation, credential, source)
        finally:
            if operation.spec.writes:  # a refused one has an audit entry too
                self.alert_worker.wake()

    @property
    def damaged_secrets(self) -> int:
        """Times that a sealed secret did not open since the store was opened."""
        return self._service.damaged_secrets + self.delivery_worker.damaged_secrets

    async def is_ready(self) -> bool:
        """Return True if the store answers now.

        If many readers wait, it is enough that others were served meanwhile.
        """
        before = self.store.answered
        try:
            return await asyncio.wait_for(asyncio.wrap_future(self.store.read(self._is_usable)), READY_SECONDS)
        except SecconsoleError:
            return False
        except TimeoutError:
            return self.store.answered > before

    async def stream_lags(self) -> dict[str, tuple[int, float]]:
        """Return by the id of each audit stream how many entries its receiver lacks, and for how many seconds.

        Raise `Unavailable` or `TimeoutError` if the store does not answer.
        """
        return await asyncio.wait_for(self.stream_worker.lags(), READY_SECONDS)

    def _note_heads(self) -> None:
        """Note the heads of the audit beside the request that is performed now."""
        if self._heads.is_due():
            self._noting = asyncio.create_task(asyncio.to_thread(self._heads.note))

    def _is_usable(self, connection: sa.Connection) -> bool:
        """Return True if the schema is current and the store's key is here."""
        return check_version(connection) and self.keys.knows(key_of(fact(connection, INNER_KEY) or b""))

    async def changes(self) -> AsyncIterator[Notice]:
        """Yield after one or several changes that the caller may see.

        Continue with the new token after a step-up has replaced the session's token.
        """
        used = self.credential
        while True:
            begun = False
            try:
                async with aclosing(self.changes_for(used, self._source)) as found:
                    async for marks in found:
                        if begun:
                            yield await self._own.notice_of(marks)
                        begun = True
            except NotSignedIn:
                newer = await self._newer_than(used)
                if newer is None:
                    raise
                used = newer
                yield Notice.OTHERS

    def changes_for(self, credential: Credential, source: Source) -> AsyncGenerator[frozenset[str]]:
        """Yield once when listening has begun, then after changes the marks of their requests, for one of many callers.

        Raise the caller's error if they may not listen, or no longer may.
        """
        quiet = replace(source, idle=True)
        return self._watcher.changes(lambda: self._service.audience(credential, quiet))

    async def close(self) -> None:
        await self.tending.close()
        await self.alert_worker.close()
        await self.head_log.close()
        await self.retention_worker.close()
        await self.stream_worker.close()
        await self.delivery_worker.close()
        await asyncio.to_thread(self._heads.close)
        await asyncio.to_thread(self.store.close)
        self.passwords.close()


class _Watched:
    """A store as the watcher reads it."""

    def __init__(self, store: SqliteStore | PostgresStore) -> None:
        self._store = store

    def watch(self) -> Watch:
        return self._store.watch()

    async def changes_since(
        self, before: Heads | None, audiences: Collection[Audience]
    ) -> tuple[Heads, Collection[Change]]:
        def look(connection: sa.Connection) -> tuple[Heads, Collection[Change]]:
            if before is None:
                return heads_of(connection), ()
            return changes_since(connection, before, audiences)

        return await asyncio.wrap_future(self._store.read(look))


def store_exists() -> bool:
    return locations.database_path().exists()


async def open_embedded(
    credential: Credential,
    channel: str,
    *,
    clock: Callable[[], float] | None = None,
    passwords: Passwords | None = None,
    database: Path | None = None,
    inbox: Inbox | None = None,
    kept: TokenStore | None = None,
) -> EmbeddedBackend:
    """Open the store of this home, or one elsewhere with the key beside it.

    `inbox` is passed while a demo is created. An existing demo finds its own.

    Raises `Unavailable` with advice if the store, its key or their modes are wrong.
    """
    key = database.with_name(locations.key_path().name) if database else locations.key_path()
    database = database or locations.database_path()
    if not database.exists():
        advice = "Create one with: secconsole init, or try: secconsole demo"
        if key.exists():  # so there was a store, or the store is a database that only servers open
            advice = "Restore it from a backup. If it is in PostgreSQL, use its server: secconsole --backend unix:PATH"
        raise Unavailable(f"There is no store at {database}. {advice}")
    refuse_shared_folder(database.parent)
    refuse_shared(database, os.stat(database))
    reach = load_settings().reach
    keys = load_key_file(key)
    store = await asyncio.to_thread(SqliteStore, database)
    try:
        inbox = await _take_into_use(store, keys, database.parent) or inbox
    except BaseException:
        await asyncio.to_thread(store.close)
        raise
    return EmbeddedBackend(
        store, keys, credential, channel, clock=clock, passwords=passwords, inbox=inbox, kept=kept, reach=reach
    )


async def _take_into_use(store: SqliteStore, keys: KeyRing, home: Path) -> Inbox | None:
    """Check that a store belongs to its key, migrate it, and return its inbox if it is a demo's."""

    def look(connection: sa.Connection) -> tuple[bool, bytes | None]:
        current = check_version(connection)
        if current:
            refuse_unfinished(connection)
        return current, fact(connection, INNER_KEY) if schema_version(connection) else None

    current, inner = await asyncio.wrap_future(store.read(look))
    if inner is None:
        raise Unavailable(
            f"{store.path} is not a secconsole store, or its creation was interrupted. Move it away and run init again."
        )
    keys.open_inner(inner)
    if not current:  # a store is not changed before its key has opened it
        await asyncio.wrap_future(
            store.write(lambda connection: None if check_version(connection) else migrate(connection))
        )
    return await asyncio.wrap_future(store.read(lambda connection: inbox_of(connection, keys, home)))
