"""Removal of entries of the audit that are older than their tenants keep them, a portion at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial

import sqlalchemy as sa

from secconsole.domain.errors import Conflict, Unavailable
from secconsole.operations.caller import Source
from secconsole.service.audit_retention import remove_portion
from secconsole.service.context import Context
from secconsole.service.outbox.notices import Notices
from secconsole.service.store import Store
from secconsole.store import tenants
from secconsole.store.audit_log import audit_retention
from secconsole.store.engine.tenant_lock import TenantLock
from secconsole.store.sealing.keys import KeyRing

log = logging.getLogger(__name__)

EVERY = 3600.0  # seconds
PAUSE = 0.2  # between two portions, in which others write


class RetentionWorker:
    """Worker that keeps the audits of one store within their days, which begins with `stay`."""

    def __init__(self, store: Store, keys: KeyRing, clock: Callable[[], float] | None = None) -> None:
        self._store, self._keys, self._clock = store, keys, clock
        self._task: asyncio.Task[None] | None = None

    def stay(self) -> None:
        """Remove what is too old now and each hour."""
        self._task = asyncio.create_task(self._work())

    async def close(self) -> None:
        """Stop, with the portion in progress committed or not begun."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def sweep(self) -> None:
        """Remove what is too old in every tenant, and report a chain that is broken."""
        for tenant_pk, name in await asyncio.wrap_future(self._store.read(_tenants)):
            try:
                await self._sweep(tenant_pk, name)
            except Conflict as error:
                log.error("Old entries of the audit of %s are kept: %s", name, error.message)

    async def _sweep(self, tenant_pk: int, name: str) -> None:
        more = True
        while more:
            body = partial(self._remove, tenant_pk)
            more = await asyncio.wrap_future(self._store.write(body, TenantLock(name)))
            await asyncio.sleep(PAUSE if more else 0)

    async def _work(self) -> None:
        while True:
            try:
                await self.sweep()
            except Unavailable as error:
                log.warning("Old entries of the audit could not be removed: %s", error.message)
            await asyncio.sleep(EVERY)

    def _remove(self, tenant_pk: int, connection: sa.Connection) -> bool:
        """Remove one portion by the rule as it is now, and return True if there are more."""
        rule = audit_retention.rule_of(connection, tenant_pk)
        if rule is None:
            return False
        now = int((self._clock() if self._clock is not None else self._store.now(connection)) * 1000)
        context = Context(connection, self._keys, now, Source("server"), Notices())
        return remove_portion(context, tenants.tenant_by_pk(connection, tenant_pk), rule.days, by="secconsole").more


def _tenants(connection: sa.Connection) -> list[tuple[int, str]]:
    rules = audit_retention.all_rules(connection)
    return [(rule.tenant_pk, tenants.tenant_by_pk(connection, rule.tenant_pk).name) for rule in rules]
