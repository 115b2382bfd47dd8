"""Runner of transactions on PostgreSQL: any number of processes on one database, each with a few writers and readers.

It runs the same transaction bodies as on SQLite. A write locks its tenant (`store/engine/tenant_lock.py`) and is
answered after COMMIT. Several waiting writes share a transaction, each but the first in its own savepoint. A
transaction that fails because of concurrent ones, or because the server was lost before COMMIT, is repeated as a whole.
Checks of codes take another way, which needs two round trips (`store/postgres/ahead_writer.py`).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from secconsole.domain.errors import Unavailable
from secconsole.store.engine.ahead import Ahead
from secconsole.store.engine.tenant_lock import NO_LOCK, TenantLock, time_of
from secconsole.store.outbox import ALL_OPEN
from secconsole.store.postgres.address import Address
from secconsole.store.postgres.ahead_writer import HELD, AheadWriter
from secconsole.store.postgres.errors import unreached
from secconsole.store.postgres.requirements import refuse_unfit
from secconsole.store.postgres.writer import RETRY_SECONDS, Job, RetryDeadline, Writer, connected
from secconsole.store.schema import audit_heads

T = TypeVar("T")

WRITERS = 4  # writers of one process; all writes of a tenant use the same one
READERS = 4
CONNECT, ANSWER = 3.0, 20.0
STUCK = 15.0  # seconds after which a server that hangs during a write loses it, so that others can write
_CLOSED = "The store is already closed. Nothing was changed."
_ENTRIES = sa.select(sa.func.coalesce(sa.func.sum(audit_heads.c.seq), 0), sa.func.count())


class PostgresStore:
    """Database shared with any number of other processes.

    Raises `Unavailable` if it cannot be reached.
    """

    def __init__(self, address: Address) -> None:
        self.path = address.shown
        self.answered = 0  # number of reads, for health checks
        self._address = address
        self._loop = _new_loop()
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._loop.run_forever, name="store", daemon=True)
        self._thread.start()
        self._writers: list[Writer] = []
        self._read_engine: AsyncEngine
        self._write_engine: AsyncEngine
        try:
            asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()
        except BaseException:
            self._end_loop()
            raise

    def write(
        self,
        body: Callable[[sa.Connection], T],
        lock: TenantLock = NO_LOCK,
        *,
        repeatable: bool = False,
        ahead: Ahead | None = None,
    ) -> Future[T]:
        """Run a body in a write transaction.

        The future is done after COMMIT, and can be cancelled until the body starts. `repeatable`: the body detects that
        it was done before, so it may be repeated when the answer to a COMMIT was lost. `ahead`: rows that it will read.
        """
        job = Job(body, Future(), lock, repeatable, ahead)
        add = self._write_locked if ahead is None else self._ahead_writer.add
        self._hand_over(job, lambda: add(job))
        return job.future

    def _write_locked(self, job: Job[Any]) -> None:
        self._writers[hash(job.lock) % WRITERS].add(job)

    def read(self, body: Callable[[sa.Connection], T]) -> Future[T]:
        """Run a body on a snapshot of the store."""
        job = Job(body, Future())
        self._hand_over(job, lambda: self._spawn(self._read(job)))
        return job.future

    def now(self, connection: sa.Connection) -> float:
        """Return the database's time when the transaction started, in seconds since the epoch."""
        return float(connection.info["now"])

    def watch(self) -> Watch:
        """Return an object that detects writes by anyone."""
        return Watch(self)

    def close(self) -> None:
        """Finish pending work, then release all resources.

        Closing twice is harmless.
        """
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
        self._write_engine = self._engine(WRITERS, {})
        # A search is planned for its words: a generic plan scans the whole table for words that occur in few rows.
        self._read_engine = self._engine(READERS, {"plan_cache_mode": "force_custom_plan"}).execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        try:
            async with connected(self._read_engine) as connection:  # fail early if the store cannot be opened
                await connection.run_sync(refuse_unfit, self.path, lock_timeout=int(f"{RETRY_SECONDS:.0f}") * 1000)
        except Exception as error:
            await self._read_engine.dispose()
            raise unreached(error, self.path) from None
        self._writers = [Writer(self._write_engine) for _ in range(WRITERS)]
        self._ahead_writer = AheadWriter(self._connector({"lock_timeout": HELD}), self._write_locked)

    def _connector(self, settings: dict[str, str]) -> Callable[[], Awaitable[Any]]:
        settings = {
            "application_name": "secconsole",
            "lock_timeout": f"{RETRY_SECONDS:.0f}s",
            "idle_in_transaction_session_timeout": f"{STUCK * 1000:.0f}ms",
        } | settings

        async def connect() -> Any:
            return await asyncpg.connect(
                self._address.dsn, timeout=CONNECT, command_timeout=ANSWER, server_settings=settings
            )

        return connect

    def _engine(self, size: int, settings: dict[str, str]) -> AsyncEngine:
        engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self._connector(settings),
            pool_size=size,
            max_overflow=0,
            pool_timeout=RETRY_SECONDS,
        )
        # Many rows in one statement, which the triggers count once.
        engine.dialect.use_insertmanyvalues_wo_returning = True
        return engine

    async def _shut(self) -> None:
        await self._ahead_writer.end()
        for writer in self._writers:
            await writer.end()
        while self._tasks:
            await asyncio.wait(set(self._tasks))
        await self._write_engine.dispose()
        await self._read_engine.dispose()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _read(self, job: Job[Any]) -> None:
        def run(connection: sa.Connection) -> Any:
            connection.info["now"] = time_of(connection)
            self.answered += 1
            return job.body(connection)

        if not job.begin():
            return
        deadline = RetryDeadline()
        while True:
            try:
                async with connected(self._read_engine) as connection:
                    job.reply = await connection.run_sync(run)
            except Exception as error:
                if await deadline.may_repeat(error):
                    continue
                job.error = error
            job.answer()
            return


def _new_loop() -> asyncio.AbstractEventLoop:
    """Return a loop of uvloop, if it is installed with the server: it saves a third of the time between statements."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class Watch:
    """Detector of writes, which compares the number of all audit entries and a digest of unfinished messages."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store
        self._seen: object = None

    async def changed(self) -> bool:
        """Return True if anyone has written since the last call, and False while the database cannot be reached."""
        with suppress(Unavailable):
            now = await asyncio.wrap_future(self._store.read(_looked_at))
            before, self._seen = self._seen, now
            return before is not None and now != before
        return False

    def close(self) -> None:
        """Do nothing, because no resources are held."""


def _looked_at(connection: sa.Connection) -> tuple[object, ...]:
    return (*connection.execute(_ENTRIES).one(), *connection.execute(ALL_OPEN).one())
