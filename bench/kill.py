"""Acknowledged writes that are lost after kill -9.

The writer is forked from a process that has everything imported. It makes many writes at once, and prints what was
acknowledged. It is killed at a random moment, and the store is opened again.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from bench.figure import Bench, Result
from secconsole.backends.demo.people import TENANT
from secconsole.backends.embedded import open_embedded
from secconsole.config.locations import HOME_VARIABLE
from secconsole.operations.caller import StoreOwner
from secconsole.operations.users import CreateUser
from secconsole.store.audit_log.audit_chain import check_chain

AT_ONCE = 8
USERS = 1_000


def lost_writes(bench: Bench) -> Iterator[Result]:
    rounds = 25 if bench.quick else 100
    bench.say(f"kill -9, {rounds} times")
    with bench.stores.copy(USERS, "kill") as home:
        worker = subprocess.run(
            [sys.executable, "-m", "bench.kill", str(home), str(rounds)], stdout=subprocess.PIPE, check=True
        )
    found = json.loads(worker.stdout)
    whole = "database and audit chain whole" if found["whole"] else "DATABASE OR AUDIT CHAIN BROKEN"
    yield Result(
        f"acknowledged writes lost over {rounds} × kill -9",
        found["lost"] + (not found["whole"]),
        0,
        "",
        f"{found['acknowledged']:,} acknowledged, {AT_ONCE} at once; {whole}; power loss is not covered",
    )


def _kill_again_and_again(home: Path, rounds: int) -> dict[str, object]:
    os.environ[HOME_VARIABLE] = str(home)
    chance = random.Random(1)
    acknowledged = lost = 0
    for number in range(rounds):
        told = _one_life(number, chance.uniform(0.0, 0.15))
        with sqlite3.connect(home / "console.db") as connection:
            there = {row[0] for row in connection.execute("SELECT login FROM users WHERE login LIKE 'killed-%'")}
        connection.close()
        acknowledged += len(told)
        lost += len(told - there)
    return {"acknowledged": acknowledged, "lost": lost, "whole": asyncio.run(_is_whole())}


def _one_life(number: int, lasts: float) -> set[str]:
    """Kill a writer so many seconds after its first acknowledged write, and return all acknowledged ones."""
    read_end, write_end = os.pipe()
    writer = os.fork()
    if writer == 0:
        os.close(read_end)
        asyncio.run(_write_on(number, write_end))
        os._exit(0)
    os.close(write_end)
    said = os.read(read_end, 1 << 16)
    end = time.monotonic() + lasts
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, 0.01))
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)
    while some := os.read(read_end, 1 << 16):
        said += some
    os.close(read_end)
    return set(said.decode().split("\n")[:-1])  # ignore a truncated line


async def _write_on(number: int, told: int) -> None:
    backend = await open_embedded(StoreOwner("bench"), "command")

    async def writing(worker: int) -> None:
        count = 0
        while True:
            login = f"killed-{number}-{worker}-{count}"
            await backend.perform(CreateUser(tenant=TENANT, login=login))
            os.write(told, f"{login}\n".encode())
            count += 1

    await asyncio.gather(*(writing(worker) for worker in range(AT_ONCE)))


async def _is_whole() -> bool:
    backend = await open_embedded(StoreOwner("bench"), "command")

    def look(connection: sa.Connection) -> bool:
        sound = connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        tenant_pk = connection.exec_driver_sql("SELECT pk FROM tenants").scalar_one()
        return bool(sound and check_chain(connection, backend.keys, tenant_pk)[1] is None)

    try:
        return await asyncio.wrap_future(backend.store.read(look))
    finally:
        await backend.close()


if __name__ == "__main__":
    print(json.dumps(_kill_again_and_again(Path(sys.argv[1]), int(sys.argv[2]))))
