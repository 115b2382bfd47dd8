"""Transactions of the service: each has a context, and what has become due is done before its rows are read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import sqlalchemy as sa

from secconsole.domain.errors import Unavailable
from secconsole.domain.networks.reach import PUBLIC, Reach
from secconsole.domain.once import carried
from secconsole.operations.caller import Source
from secconsole.service.context import Context
from secconsole.service.expiry import is_due, sweep
from secconsole.service.outbox.notices import Notices
from secconsole.service.store import Store
from secconsole.store.engine.ahead import Ahead
from secconsole.store.engine.tenant_lock import NO_LOCK, TenantLock
from secconsole.store.sealing.keys import KeyRing

T = TypeVar("T")
Clock = Callable[[], float]  # seconds since the epoch

LOOK_AGAIN_AFTER = 1_000  # milliseconds between two looks for what has become due
LONGEST_WAIT = 15.0  # seconds for the store to begin a write


class Transactions:
    """Transactions on one store, by default with the store's clock, which all servers share."""

    def __init__(
        self,
        store: Store,
        keys: KeyRing,
        clock: Clock | None = None,
        *,
        stays_here: bool = False,
        reach: Reach = PUBLIC,
        posted: Callable[[], None] = lambda: None,
    ) -> None:
        self._posted = posted
        self._store, self._keys, self._clock = store, keys, clock
        self._stays_here, self._reach = stays_here, reach
        self._looked = 0

    def context(self, connection: sa.Connection, source: Source) -> Context:
        """Return the context of a transaction, without actor, tenant or target."""
        now = self._clock() if self._clock is not None else self._store.now(connection)
        return Context(
            connection, self._keys, int(now * 1000), source, Notices(), stays_here=self._stays_here, reach=self._reach
        )

    async def look(self, body: Callable[[sa.Connection], T]) -> T:
        """Run a body on a snapshot of the store, whatever is due."""
        return await asyncio.wrap_future(self._store.read(body))

    async def read(self, body: Callable[[sa.Connection], T], source: Source) -> T:
        """Run a body on a snapshot of the store in which nothing is overdue."""

        def unless_due(connection: sa.Connection) -> tuple[bool, T | None]:
            if self._is_due(connection, self.context(connection, source).now):
                return True, None
            return False, body(connection)

        due, reply = await self.look(unless_due)
        if due:
            # A full or read-only disk must not keep anyone from reading. What has expired is not valid either way.
            with suppress(Unavailable):
                await self._sweep(source)
            return await self.look(body)
        return reply  # type: ignore[return-value]

    async def _sweep(self, source: Source) -> None:
        """Do what has become due in a separate transaction, and have its messages sent."""

        def body(connection: sa.Connection) -> bool:
            context = self.context(connection, source)
            sweep(context)
            return context.posted

        if await self.write(body):
            self._posted()

    async def write(
        self,
        body: Callable[[sa.Connection], T],
        lock: TenantLock = NO_LOCK,
        *,
        repeatable: bool = False,
        ahead: Ahead | None = None,
    ) -> T:
        """Run a body in a write transaction, or raise `Unavailable` if it cannot start in time."""
        future = self._store.write(carried(body), lock, repeatable=repeatable, ahead=ahead)
        waiting = asyncio.wrap_future(future)
        try:
            return await asyncio.wait_for(asyncio.shield(waiting), LONGEST_WAIT)
        except TimeoutError:
            if future.cancel():  # it had not started, and never will
                raise Unavailable("The store is busy: another process is writing. Nothing was changed.") from None
            return await asyncio.shield(waiting)

    def sweep_if_due(self, context: Context) -> None:
        """Do what has become due in a write transaction, ahead of its own changes."""
        if self._is_due(context.connection, context.now):
            sweep(context)
            context.entries = 0

    def _is_due(self, connection: sa.Connection, now: int) -> bool:
        """Return True if a sweep is due, asking the store at most once a second.

        Entries carry their own end, so a late sweep is harmless.
        """
        if abs(now - self._looked) < LOOK_AGAIN_AFTER:
            return False
        if is_due(connection, now):
            return True
        self._looked = now
        return False
