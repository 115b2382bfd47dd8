"""The runner on PostgreSQL: any number of processes on one database, each with a few writers and readers.

The same transaction bodies as on SQLite. A write is alone in its tenant (`secconsole.store.claim`) and answered after
COMMIT; several that wait share one, each but the first in its own savepoint. What fails because others were at it, or
because the server was lost before COMMIT, is done again as a whole.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from secconsole.domain.errors import Unavailable
from secconsole.store.claim import NOTHING, Claim, time_of
from secconsole.store.postgres_address import Address
from secconsole.store.postgres_errors import unreached
from secconsole.store.postgres_lane import RIDE_OUT, Job, Lane, Patience, connected
from secconsole.store.schema import audit_heads

T = TypeVar("T")

LANES = 4  # writers of one process; a tenant's writes all go through the same one
READERS = 4
CONNECT, ANSWER = 3.0, 20.0
STUCK = 15.0  # seconds; a server that stands still in the middle of a write loses it, so that others may write again
_CLOSED = "The store is closed already. Nothing was changed."
_WATCHED = sa.select(sa.func.coalesce(sa.func.sum(audit_heads.c.seq), 0), sa.func.count())


class PostgresStore:
    """One database, shared with any number of other processes. Raises `Unavailable` if it cannot be reached."""

    def __init__(self, address: Address) -> None:
        self.path = address.shown
        self._address = address
        self._loop = _new_loop()
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._loop.run_forever, name="store", daemon=True)
        self._thread.start()
        self._lanes: list[Lane] = []
        self._readers: AsyncEngine
        self._writers: AsyncEngine
        try:
            asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()
        except BaseException:
            self._end_loop()
            raise

    def write(
        self, body: Callable[[sa.Connection], T], claim: Claim = NOTHING, *, repeatable: bool = False
    ) -> Future[T]:
        """Run a body in a write transaction; the future is done after COMMIT, and may be cancelled until it starts.

        `repeatable`: the body itself sees whether it was done before, so it may be repeated when a COMMIT's answer
        was lost.
        """
        job = Job(body, Future(), claim, repeatable)
        lane = self._lanes[hash(claim) % LANES]
        self._hand_over(job, lambda: lane.add(job))
        return job.future

    def read(self, body: Callable[[sa.Connection], T]) -> Future[T]:
        """Run a body on a snapshot of the store."""
        job = Job(body, Future())
        self._hand_over(job, lambda: self._spawn(self._read(job)))
        return job.future

    def now(self, connection: sa.Connection) -> float:
        """The database's time when the transaction began to work, in seconds since the epoch."""
        return float(connection.info["now"])

    def watch(self) -> Watch:
        """What tells whether anybody has written since it was last asked."""
        return Watch(self)

    def close(self) -> None:
        """Finish what was asked for, then give everything back; closing twice does nothing more."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
        asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result()
        self._end_loop()

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _hand_over(self, job: Job[Any], start: Callable[[], None]) -> None:
        with self._closing:
            if self._closed:
                job.future.set_exception(Unavailable(_CLOSED))
            else:
                self._loop.call_soon_threadsafe(start)

    async def _open(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers = self._engine(LANES, {})
        # A search is planned for its words: a plan for any words walks the whole table for those that few rows hold.
        self._readers = self._engine(READERS, {"plan_cache_mode": "force_custom_plan"}).execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        try:
            async with connected(self._readers):  # who opens a store is told at once, and why; later one waits for it
                pass
        except Exception as error:
            await self._readers.dispose()
            raise unreached(error, self.path) from None
        self._lanes = [Lane(self._writers) for _ in range(LANES)]

    def _engine(self, size: int, settings: dict[str, str]) -> AsyncEngine:
        settings = {
            "application_name": "secconsole",
            "lock_timeout": f"{RIDE_OUT:.0f}s",
            "idle_in_transaction_session_timeout": f"{STUCK * 1000:.0f}ms",
        } | settings

        async def connect() -> Any:
            return await asyncpg.connect(
                self._address.dsn, timeout=CONNECT, command_timeout=ANSWER, server_settings=settings
            )

        engine = create_async_engine(
            "postgresql+asyncpg://", async_creator=connect, pool_size=size, max_overflow=0, pool_timeout=RIDE_OUT
        )
        # Many rows in one statement, which the triggers count once.
        engine.dialect.use_insertmanyvalues_wo_returning = True
        return engine

    async def _shut(self) -> None:
        for lane in self._lanes:
            await lane.end()
        while self._tasks:
            await asyncio.wait(set(self._tasks))
        await self._writers.dispose()
        await self._readers.dispose()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _read(self, job: Job[Any]) -> None:
        def run(connection: sa.Connection) -> Any:
            connection.info["now"] = time_of(connection)
            return job.body(connection)

        if not job.begin():
            return
        patience = Patience()
        while True:
            try:
                async with connected(self._readers) as connection:
                    job.reply = await connection.run_sync(run)
            except Exception as error:
                if await patience.may_repeat(error):
                    continue
                job.error = error
            job.answer()
            return


def _new_loop() -> asyncio.AbstractEventLoop:
    """A third less time is spent between statements with uvloop, which comes with the server."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class Watch:
    """Asks how many entries all chains have together: every change that matters adds one."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store
        self._seen: object = None

    async def changed(self) -> bool:
        """Whether anybody has written since this was last asked; no, while the database cannot be reached."""
        with suppress(Unavailable):
            now = await asyncio.wrap_future(self._store.read(lambda c: tuple(c.execute(_WATCHED).one())))
            before, self._seen = self._seen, now
            return before is not None and now != before
        return False

    def close(self) -> None:
        """Nothing is held."""
