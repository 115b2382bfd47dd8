"""Killing a primary can lose writes, unless the standby has them: on PostgreSQL and its driver alone."""

from __future__ import annotations

import asyncio

import asyncpg

from tests.failover.pair import Pair, fail_over

WRITERS = 4
EACH = 300
PAUSE = 0.01  # seconds before a writer tries again


class Writers:
    """Write number after number, from four connections at once, and keep those whose commit was answered."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.acknowledged: set[int] = set()
        self.ended = False

    async def write(self) -> None:
        self.pair.primary.sql("CREATE TABLE written (number bigint PRIMARY KEY)")
        pool = await asyncpg.create_pool(self.pair.dsn("postgres"), min_size=WRITERS, max_size=WRITERS, timeout=5)
        try:
            await asyncio.gather(*(self._write_on(pool, number) for number in range(WRITERS)))
        finally:
            pool.terminate()

    async def _write_on(self, pool: asyncpg.Pool, number: int) -> None:
        while not self.ended:
            number += WRITERS
            try:
                await pool.execute("INSERT INTO written VALUES ($1)", number)
                self.acknowledged.add(number)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
                await asyncio.sleep(PAUSE)

    def lost(self) -> set[int]:
        """Return acknowledged writes that are missing on the promoted standby."""
        return self.acknowledged - {int(line) for line in self.pair.standby.sql("SELECT number FROM written").split()}


async def test_no_acknowledged_write_is_lost_if_the_standby_is_synchronous(synchronous_pair: Pair) -> None:
    assert not (await killed_under_load(synchronous_pair)).lost()


async def test_acknowledged_writes_are_lost_if_it_is_not(asynchronous_pair: Pair) -> None:
    """Or else the test above could not fail."""
    assert len((await killed_under_load(asynchronous_pair)).lost()) >= EACH


async def killed_under_load(pair: Pair) -> Writers:
    writers = Writers(pair)
    writing = asyncio.create_task(writers.write())
    await fail_over(pair, lambda: len(writers.acknowledged), each=EACH, waiting=WRITERS)
    writers.ended = True
    await writing
    return writers
