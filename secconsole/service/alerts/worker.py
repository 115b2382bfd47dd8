"""Worker that applies the rules of suspicious activity to new audit entries, beside the requests that write them.

Any number of processes may do so: the position of each tenant makes sure that an entry counts once. It never makes a
request wait, so that its work shows nobody whether a login exists.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Callable
from contextlib import suppress

import sqlalchemy as sa

from secconsole.domain.errors import Unavailable
from secconsole.operations.caller import Source
from secconsole.service.alerts.sweep import apply, next_batch
from secconsole.service.store import Store
from secconsole.service.transactions import Clock, Transactions
from secconsole.store.audit_log.alert_sweep import Behind, tenants_behind
from secconsole.store.engine.tenant_lock import TenantLock
from secconsole.store.sealing.keys import KeyRing

log = logging.getLogger(__name__)

LOOK_EVERY = 10.0  # seconds, for the entries of other processes
AT_MOST_EVERY = 1.0  # seconds, however many requests write
LAST_WAIT = 3.0  # for what is left when the store is closed


class AlertWorker:
    """Worker of one store, which works by itself after `stay`, and otherwise when `sweep` is called."""

    def __init__(self, store: Store, keys: KeyRing, clock: Clock | None, posted: Callable[[], None]) -> None:
        self._transactions = Transactions(store, keys, clock)
        self._posted = posted
        self._looked: dict[int, int] = {}  # positions without a signal that are not stored yet
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_closing = self._is_busy = False

    def stay(self) -> None:
        """Work from now on until the store is closed."""
        self._task = asyncio.create_task(self._work(), context=contextvars.Context())
        self._woken.set()

    def wake(self) -> None:
        """Look for new entries soon."""
        self._woken.set()

    async def close(self) -> None:
        """Look at what was written last, for a limited time, and stop."""
        if self._task is None:
            return
        is_left = self._woken.is_set() or self._is_busy
        self._is_closing = True  # a transaction that ends now can outlast a cancellation
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None
        if is_left:
            with suppress(Unavailable, TimeoutError):
                async with asyncio.timeout(LAST_WAIT):
                    await self.sweep()

    async def sweep(self) -> None:
        """Apply the rules to all new entries of all tenants, a batch of each in turn."""
        is_left = True
        while is_left:
            is_left = False
            for tenant in await self._transactions.look(tenants_behind):
                is_left |= await self._sweep_batch(tenant)

    async def _sweep_batch(self, tenant: Behind) -> bool:
        """Apply the rules to some entries of a tenant, and return True if there are more."""
        after = max(tenant.position, self._looked.get(tenant.tenant_pk, 0))
        if after >= tenant.head:
            return False
        batch = await self._transactions.look(lambda connection: next_batch(connection, tenant, after))
        if not batch.is_worth_a_write:
            self._looked[tenant.tenant_pk] = batch.until
            return not batch.is_last

        def body(connection: sa.Connection) -> bool:
            context = self._transactions.context(connection, Source("server"))
            apply(context, batch)
            return context.posted

        if await self._transactions.write(body, TenantLock(tenant=tenant.tenant_id)):
            self._posted()
        return not batch.is_last

    async def _work(self) -> None:
        reported = ""
        while not self._is_closing:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self._woken.wait()
            self._woken.clear()
            self._is_busy = True
            try:
                await self.sweep()
            except Unavailable as error:
                if error.message != reported:
                    log.warning("Suspicious activity could not be looked for: %s", error.message)
                reported = error.message
            else:
                reported = ""
            self._is_busy = False
            if not self._is_closing:
                await asyncio.sleep(AT_MOST_EVERY)
