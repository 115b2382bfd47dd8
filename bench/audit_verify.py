"""Time and memory of verifying a long audit, on SQLite and PostgreSQL, in the parts that the command asks for."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import sqlalchemy as sa

from bench.console import CONSOLE
from bench.figure import Bench, Result, median, milliseconds
from secconsole.backends.demo.people import TENANT
from secconsole.backends.embedded import EmbeddedBackend
from secconsole.backends.stores import open_store, parse_store
from secconsole.config.locations import HOME_VARIABLE
from secconsole.domain.ident import make_id
from secconsole.operations.audit import ListAudit, VerifyAudit
from secconsole.operations.base import Operation
from secconsole.operations.caller import StoreOwner
from secconsole.operations.portions import VERIFIED_AT_ONCE as PART
from secconsole.operations.users import CreateUser
from secconsole.store.audit_log import audit
from secconsole.store.tenants import tenant_by_name
from tests.postgres import Cluster

ENTRIES = 1_000_000
USERS = 1_000
SECONDS = 60.0  # for all of them
MEBIBYTES = 64.0
_BATCH = 10_000
_USES = 200


def million_entries(bench: Bench) -> Iterator[Result]:
    entries = bench.entries or (ENTRIES // 50 if bench.quick else ENTRIES)
    with ExitStack() as stack:
        home = stack.enter_context(bench.stores.copy(USERS, "audit-verify"))
        os.environ[HOME_VARIABLE] = str(home)
        cluster = Cluster(())
        stack.callback(cluster.remove)
        sqlite, database = f"sqlite:///{home / 'console.db'}", cluster.fresh_database()
        subprocess.run([*CONSOLE, "store", "copy", sqlite, database], check=True, capture_output=True)
        for engine, store in (("SQLite", sqlite), ("PostgreSQL", database)):
            bench.say(f"{engine}: adding {entries:,} entries and verifying them")
            seconds, peak, verified, growth = asyncio.run(_measure(store, entries))
            how = f"{verified:,} entries of one chain, in parts of {PART:,}, once"
            yield Result(f"verify the audit, {engine}", seconds, SECONDS * verified / ENTRIES, " s", how)
            yield Result(f"its memory, {engine}", peak, MEBIBYTES, " MiB", "allocated by Python in three parts")
            for what, (short, long) in growth.items():
                yield Result(
                    f"{what} with {verified:,} entries ÷ with few, {engine}",
                    median(long) / median(short),
                    1.2,
                    "×",
                    f"p50 {milliseconds(median(long))} ÷ {milliseconds(median(short))}; n = {len(long)}",
                )


async def _measure(store: str, entries: int) -> tuple[float, float, int, dict[str, tuple[list[float], list[float]]]]:
    """Return seconds without and MiB with tracing of memory, the number of entries, and times before and after."""
    backend = await open_store(parse_store(store), StoreOwner("bench"), "command")
    try:
        await asyncio.wrap_future(backend.store.write(lambda connection: _add(backend, connection, 0)))
        before = await _use(backend, "before")
        for first in range(0, entries, _BATCH):
            await asyncio.wrap_future(backend.store.write(lambda connection, at=first: _add(backend, connection, at)))
        after = await _use(backend, "after")
        started = time.perf_counter()
        verified = await _verify(backend)
        seconds = time.perf_counter() - started
        tracemalloc.start()
        await _verify(backend, 3 * PART)
        peak = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        return seconds, peak, verified, {what: (before[what], after[what]) for what in before}
    finally:
        await backend.close()


async def _use(backend: EmbeddedBackend, name: str) -> dict[str, list[float]]:
    """Return the seconds of appends, and of lists by filter, newest first."""
    lists: dict[str, Operation[Any]] = {
        "list of the audit": ListAudit(tenant=TENANT, limit=50),
        "list by action": ListAudit(tenant=TENANT, limit=50, action="unbind"),
        "list by actor": ListAudit(tenant=TENANT, limit=50, actor="hana"),
    }
    took: dict[str, list[float]] = {"write with an entry": [], **{what: [] for what in lists}}
    for number in range(_USES):
        create = CreateUser(tenant=TENANT, login=f"{name}-{number}")
        took["write with an entry"].append(await _seconds(backend, create))
        for what, operation in lists.items():
            took[what].append(await _seconds(backend, operation))
    return took


async def _seconds(backend: EmbeddedBackend, operation: Operation[Any]) -> float:
    started = time.perf_counter()
    await backend.perform(operation)
    return time.perf_counter() - started


async def _verify(backend: EmbeddedBackend, most: int | None = None) -> int:
    """Verify from the first entry on, until the end or in parts of at least so many entries."""
    cursor: str | None = None
    while True:
        check = await backend.perform(VerifyAudit(tenant=TENANT, limit=PART, cursor=cursor))
        assert check.whole, check
        cursor = check.next
        if cursor is None or (most is not None and check.entries >= most):
            return check.entries


def _add(backend: EmbeddedBackend, connection: sa.Connection, first: int) -> None:
    tenant = tenant_by_name(connection, TENANT)
    assert tenant is not None
    now = 1_800_000_000_000 + first
    rows = [
        {
            "id": make_id(now, os.urandom(10)),
            "at": now,
            "actor": "hana",
            "actor_id": "01KAMZ8X5R3T7W9Y2B4D6F8H0J",
            "action": "unbind",
            "target": "ana.kral",
            "target_id": "01KAMZ9B7N1Q3S5V8X0Z2C4E6G",
            "outcome": "done",
            "reason": "lost her phone, showed her badge at the desk",
            "ticket": "HD-4711",
            "channel": "api",
            "address": "192.0.2.7",
            "request_id": "913b2c26ede40aaa",
            "details": '{"factors": 1, "sessions_ended": 1}',
        }
        for _ in range(_BATCH)
    ]
    audit.append(connection, backend.keys, tenant.pk, rows)
