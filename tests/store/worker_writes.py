"""Processes that write continuously, now and then, or hold their turn."""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections import deque
from concurrent.futures import Future
from multiprocessing.connection import Connection
from pathlib import Path

import sqlalchemy as sa

from secconsole.domain.errors import SecconsoleError, Stale
from secconsole.operations.policy import SetPolicy, ShowPolicy
from secconsole.operations.users import CreateUser
from secconsole.store.engine.queue import WriteQueue
from secconsole.store.engine.sqlite import MOST_PER_COMMIT, SqliteStore
from secconsole.store.schema import facts
from tests.organisation import TENANT
from tests.store.looking import database
from tests.store.worker_calls import opened

TOGETHER = 8


def create_until_killed(home: Path, pipe: Connection, name: str, now: float) -> None:
    """Create users, several at once, and send each login once it is acknowledged."""

    async def one_after_another(numbers: itertools.count[int]) -> None:
        for number in numbers:
            login = f"{name}{number}"
            await backend.perform(CreateUser(tenant=TENANT, login=login))
            pipe.send(login)

    async def together() -> None:
        numbers = itertools.count()
        await asyncio.gather(*(one_after_another(numbers) for _ in range(TOGETHER)))

    backend = asyncio.run(opened(now))
    asyncio.run(together())


def change_together(home: Path, pipe: Connection, name: str, times: int, now: float) -> None:
    """Create users, and between them extend the grace period by a day, reading it first, and send the refusals."""

    async def change() -> list[str]:
        backend = await opened(now)
        refused: list[str] = []
        for number in range(times):
            while True:
                seen = await backend.perform(ShowPolicy(tenant=TENANT))
                try:
                    edit = SetPolicy(tenant=TENANT, grace_days=seen.grace_days + 1, expect=seen.version)
                    await backend.perform(edit)
                    break
                except Stale:
                    refused.append("stale")
                except SecconsoleError as error:
                    refused.append(error.message)
            await backend.perform(CreateUser(tenant=TENANT, login=f"{name}{number}"))
        await backend.close()
        return refused

    pipe.send("ready")
    pipe.recv()
    pipe.send(asyncio.run(change()))


def write_all_the_time(home: Path, pipe: Connection, most: int) -> None:
    """Keep more writes waiting than fit one commit, until stopped or so many are done, and send their number."""
    store = SqliteStore(database(home))
    pipe.send("ready")
    waiting: deque[Future[int]] = deque()
    done = 0
    while done < most and not pipe.poll():
        while len(waiting) < 2 * MOST_PER_COMMIT:
            name = f"greedy {done + len(waiting)}"
            waiting.append(store.write(functools.partial(note, name=name)))
        waiting.popleft().result()
        done += 1
    store.close()
    pipe.send(done)


def write_now_and_then(home: Path, pipe: Connection, name: str, times: int) -> None:
    """Write so many times, each after a read, and send how many writes of others came in between."""
    store = SqliteStore(database(home))
    pipe.send("ready")
    pipe.recv()
    overtaken: list[int] = []
    for number in range(times):
        before = store.read(last).result()
        mine = store.write(functools.partial(note, name=f"{name} {number}")).result()
        overtaken.append(mine - before - 1)
    store.close()
    pipe.send(overtaken)


def hold_turn(home: Path, pipe: Connection) -> None:
    """Take the writer's turn, report it, and keep it until released."""
    with WriteQueue(database(home)).turn():
        pipe.send("mine")
        pipe.recv()


def last(connection: sa.Connection) -> int:
    """The number of the newest note: row ids grow with each, so they are the order of the commits."""
    return int(connection.exec_driver_sql("SELECT max(rowid) FROM facts").scalar_one())


def note(connection: sa.Connection, name: str) -> int:
    connection.execute(sa.insert(facts).values(name=name, value=b""))
    return last(connection)
