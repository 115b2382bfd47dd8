"""Expired entries are ended by whichever server sees them first, in any tenant, unless renewed meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
import pytest_asyncio

from secconsole.backends.embedded import EmbeddedBackend
from secconsole.domain.model import Flag
from secconsole.operations.audit import ListAudit
from secconsole.operations.factors import VerifyCode
from secconsole.operations.tenants import CreateTenant
from secconsole.operations.unbinding import UNDO_MINUTES, Unbind, UndoUnbind
from secconsole.operations.users import ShowUser
from secconsole.operations.whitelist import AddToWhitelist, ListWhitelist
from secconsole.store import factors, whitelist
from secconsole.store.engine.tenant_lock import TenantLock
from tests.organisation import TENANT, Organisation, open_store, organisation_in
from tests.postgres import Cluster, wait_until

T = TypeVar("T")
Servers = tuple[Organisation, EmbeddedBackend]

PATIENCE = 8.0  # seconds; less than a transaction waits for another one
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
IDLE = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'"


@pytest_asyncio.fixture
async def servers(home: Path, postgres: Cluster) -> AsyncIterator[Servers]:
    async with organisation_in(home, postgres=postgres) as organisation:
        other = await open_store(organisation.clock, organisation.place)
        await organisation.perform(CreateTenant(name="beta"))
        await organisation.add("ana")
        yield organisation, other
        await other.close()


def meanwhile(
    monkeypatch: pytest.MonkeyPatch,
    module: object,
    name: str,
    postgres: Cluster,
    do: Callable[[], Coroutine[Any, Any, T]],
) -> list[Future[T]]:
    """Have another server do something once this function has answered: until it is done, or waits for us."""
    loop, real = asyncio.get_running_loop(), getattr(module, name)
    begun: list[Future[T]] = []

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        found = real(*args, **kwargs)
        if not begun:
            begun.append(asyncio.run_coroutine_threadsafe(do(), loop))
            wait_until(lambda: begun[0].done() or postgres.sql(WAITING) != "0", "the other server is done, or waits")
        return found

    monkeypatch.setattr(module, name, wrapped)
    return begun


async def put_on(organisation: Organisation, reason: str) -> None:
    until = datetime.fromtimestamp(organisation.clock.now, UTC) + timedelta(days=1)
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=("ana",), reason=reason, until=until))


async def test_an_entry_renewed_while_another_server_ends_it_stays(
    servers: Servers, monkeypatch: pytest.MonkeyPatch, postgres: Cluster
) -> None:
    organisation, other = servers
    await put_on(organisation, "new phone")
    organisation.clock.forward(days=2)
    renewal = AddToWhitelist(tenant=TENANT, users=("ana",), reason="still no phone")
    begun = meanwhile(monkeypatch, whitelist, "expired", postgres, lambda: other.perform(renewal))
    await organisation.perform(CreateTenant(name="gamma"))
    await asyncio.wrap_future(begun[0])
    shown = await organisation.perform(ShowUser(tenant=TENANT, user="ana"))
    assert shown.whitelist is not None
    assert shown.whitelist.reason == "still no phone"
    assert shown.user.flags == (Flag.WHITELISTED,)
    assert [event.action for event in shown.events].count("whitelist.expired") == 1


async def test_a_factor_being_restored_is_not_erased(
    servers: Servers, monkeypatch: pytest.MonkeyPatch, postgres: Cluster
) -> None:
    organisation, other = servers
    await organisation.bind("ana")
    unbound = await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="lost phone"))
    organisation.clock.forward(minutes=UNDO_MINUTES, seconds=-1)

    async def a_second_later() -> None:
        organisation.clock.forward(seconds=1)
        await other.perform(CreateTenant(name="gamma"))

    begun = meanwhile(monkeypatch, factors, "removed_by", postgres, a_second_later)
    await organisation.perform(UndoUnbind(tenant=TENANT, event=unbound.event))
    await asyncio.wrap_future(begun[0])
    verify = VerifyCode(tenant=TENANT, user="ana", code=organisation.code("ana"))
    assert (await organisation.perform(verify)).accepted


async def test_a_stuck_transaction_of_one_tenant_delays_no_other(servers: Servers, postgres: Cluster) -> None:
    organisation, other = servers
    await put_on(organisation, "new phone")
    organisation.clock.forward(days=2)
    release = threading.Event()
    stuck = other.store.write(lambda c: release.wait(PATIENCE), TenantLock(tenant=TENANT))
    try:
        wait_until(lambda: postgres.sql(IDLE) != "0", "a transaction is in the tenant")
        await asyncio.wait_for(organisation.perform(CreateTenant(name="gamma")), PATIENCE / 2)
    finally:
        release.set()
    await asyncio.wrap_future(stuck)
    shown = await organisation.perform(ShowUser(tenant=TENANT, user="ana"))
    assert shown.user.flags == ()
    assert [event.action for event in shown.events].count("whitelist.expired") == 1


async def test_many_expirations_are_processed_in_batches(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whitelist, "MOST_ENDED", 2)
    people = tuple(f"person-{number}" for number in range(5))
    for login in people:
        await organisation.add(login)
    until = datetime.fromtimestamp(organisation.clock.now, UTC) + timedelta(days=1)
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=people, reason="new phones", until=until))
    organisation.clock.forward(days=2)
    for ended in (2, 5):  # looking at the whitelist has ended two more
        entries = (await organisation.perform(ListAudit(tenant=TENANT, action="whitelist.expired"))).items
        assert len(entries) == ended
        assert (await organisation.perform(ListWhitelist(tenant=TENANT))).items == ()
        organisation.clock.forward(seconds=2)
