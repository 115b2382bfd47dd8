"""The runner on PostgreSQL: any number of processes on one database, each with a few writers and readers.

The same transaction bodies as on SQLite. A write is alone in its tenant (`secconsole.store.claim`) and answered after
COMMIT; several that wait share one, each but the first in its own savepoint. What fails because others were at it, or
because the server was lost before COMMIT, is done again as a whole.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

from secconsole.domain.errors import SecconsoleError, Unavailable
from secconsole.store.claim import NOTHING, Claim, take, time_of
from secconsole.store.postgres_address import Address
from secconsole.store.postgres_errors import TAKEN, code_of, in_words, is_again, is_gone
from secconsole.store.schema import audit_heads

T = TypeVar("T")

LANES = 4  # writers of one process; a tenant's writes all go through the same one
READERS = 4
MOST_PER_COMMIT = 64
RIDE_OUT = 10.0  # seconds for which a lost server is waited for, so that a standby can take over
PAUSE = 0.05  # between two looks for it
CONNECT, ANSWER = 3.0, 20.0
_CLOSED = "The store is closed already. Nothing was changed."
_PERHAPS = (
    "The database was lost at the very moment of writing. It may or may not have done what was asked: "
    "look before doing it again."
)
_WATCHED = sa.select(sa.func.coalesce(sa.func.sum(audit_heads.c.seq), 0), sa.func.count())


@dataclass(slots=True)
class _Job(Generic[T]):
    body: Callable[[sa.Connection], T]
    future: Future[T]
    claim: Claim = NOTHING
    repeatable: bool = False
    began: bool = False
    reply: T | None = None
    error: BaseException | None = None

    def begin(self) -> bool:
        """Whether it is still wanted; from then on it cannot be cancelled."""
        self.began = self.began or self.future.set_running_or_notify_cancel()
        return self.began

    def answer(self) -> None:
        if self.error is None:
            self.future.set_result(self.reply)  # type: ignore[arg-type]
        else:
            self.future.set_exception(in_words(self.error))


class PostgresStore:
    """One database, shared with any number of other processes."""

    def __init__(self, address: Address) -> None:
        self.path = address.shown
        self._address = address
        self._loop = _new_loop()
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._loop.run_forever, name="store", daemon=True)
        self._thread.start()
        self._lanes: list[_Lane] = []
        self._readers: AsyncEngine
        self._writers: AsyncEngine
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()

    def write(
        self, body: Callable[[sa.Connection], T], claim: Claim = NOTHING, *, repeatable: bool = False
    ) -> Future[T]:
        """Run a body in a write transaction; the future is done after COMMIT, and may be cancelled until it starts.

        `repeatable`: the body itself sees whether it was done before, so it may be repeated when a COMMIT's answer
        was lost.
        """
        job = _Job(body, Future(), claim, repeatable)
        lane = self._lanes[hash(claim) % LANES]
        self._hand_over(job, lambda: lane.add(job))
        return job.future

    def read(self, body: Callable[[sa.Connection], T]) -> Future[T]:
        """Run a body on a snapshot of the store."""
        job = _Job(body, Future())
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
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _hand_over(self, job: _Job[Any], start: Callable[[], None]) -> None:
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
        self._lanes = [_Lane(self._writers) for _ in range(LANES)]

    def _engine(self, size: int, settings: dict[str, str]) -> AsyncEngine:
        settings = {"application_name": "secconsole", "lock_timeout": f"{RIDE_OUT:.0f}s"} | settings

        async def connect() -> Any:
            return await asyncpg.connect(
                self._address.dsn, timeout=CONNECT, command_timeout=ANSWER, server_settings=settings
            )

        engine = create_async_engine(
            "postgresql+asyncpg://", async_creator=connect, pool_size=size, max_overflow=0, pool_timeout=RIDE_OUT
        )
        engine.dialect.use_insertmanyvalues_wo_returning = (
            True  # many rows a statement: the triggers count once for each
        )
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

    async def _read(self, job: _Job[Any]) -> None:
        def run(connection: sa.Connection) -> Any:
            connection.info["now"] = time_of(connection)
            return job.body(connection)

        if not job.begin():
            return
        patience = _Patience()
        while True:
            try:
                async with _connected(self._readers) as connection:
                    job.reply = await connection.run_sync(run)
            except Exception as error:
                if await patience.may_repeat(error):
                    continue
                job.error = error
            job.answer()
            return


class _Lane:
    """One writer: takes what waits, does it in one transaction, answers after COMMIT."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._waiting: deque[_Job[Any]] = deque()
        self._something = asyncio.Event()
        self._ending = self._saved = False
        self._task = asyncio.get_running_loop().create_task(self._serve())

    def add(self, job: _Job[Any]) -> None:
        self._waiting.append(job)
        self._something.set()

    async def end(self) -> None:
        """Do what waits, then stop."""
        self._ending = True
        self._something.set()
        await self._task

    async def _serve(self) -> None:
        while True:
            if not self._waiting:
                if self._ending:
                    return
                self._something.clear()
                await self._something.wait()
                continue
            batch: list[_Job[Any]] = []
            try:
                await self._do_together(batch)
            except BaseException as error:  # whoever waits is told, and the lane lives on
                if not batch:  # it did not come to taking any up
                    batch.extend(job for job in self._waiting if job.begin())
                    self._waiting.clear()
                for job in batch:
                    job.error = job.error or error
            for job in batch:
                job.answer()

    async def _do_together(self, batch: list[_Job[Any]]) -> None:
        """Do what waits in one transaction until it is committed or has failed for good; `batch` is what was done."""
        patience = _Patience()
        while True:
            committing = False
            try:
                async with _connected(self._engine) as connection:
                    if await connection.run_sync(self._run_all, batch):
                        committing = True
                        await connection.commit()
                return
            except Exception as error:
                lost = committing and is_gone(error)
                if lost:
                    self._tell_lost(batch)
                if not await patience.may_repeat(error):
                    raise Unavailable(_PERHAPS) if lost else error  # noqa: B904 - told in words, without the driver's
                self._waiting.extendleft(reversed(batch))
                batch.clear()

    def _tell_lost(self, batch: list[_Job[Any]]) -> None:
        """A COMMIT's answer was lost: tell those whose bodies could not see whether it was done; keep the others."""
        for job in [job for job in batch if not job.repeatable]:
            batch.remove(job)
            job.error = Unavailable(_PERHAPS)
            job.answer()

    def _run_all(self, connection: sa.Connection, batch: list[_Job[Any]]) -> bool:
        """Run what waits, as long as nobody else has to be waited for; whether there is something to commit."""
        self._saved = False
        while self._waiting and len(batch) < MOST_PER_COMMIT:
            job = self._waiting.popleft()
            if not job.begin():
                continue
            batch.append(job)
            first = len(batch) == 1
            if not self._run(connection, job, first=first):
                self._waiting.appendleft(batch.pop())  # what is done here goes out first
                break
            if first and job.error is not None:
                return False  # all that there is to undo is its own
        return bool(batch)

    def _run(self, connection: sa.Connection, job: _Job[Any], *, first: bool) -> bool:
        """Run one job; False if it would have to wait while others' work is not committed.

        The first needs no savepoint: nothing else is undone with it. Of the others, one way to the server ends a
        savepoint and begins the next; COMMIT ends the last.
        """
        job.error = None
        try:
            if not first:
                _at_once(connection, "RELEASE SAVEPOINT body; SAVEPOINT body" if self._saved else "SAVEPOINT body")
                self._saved = True
            connection.info["now"] = take(connection, job.claim, wait=first)
            job.reply = job.body(connection)
        except Exception as error:
            if is_again(error) or is_gone(error):
                raise  # concerns all of the transaction
            if not first:
                _at_once(connection, "ROLLBACK TO SAVEPOINT body")
                if code_of(error) == TAKEN:
                    return False
            job.error = error
        return True


def _at_once(connection: sa.Connection, commands: str) -> None:
    """Send commands without parameters past the driver's preparing of statements."""
    driver: asyncpg.Connection = connection.connection.driver_connection
    await_only(driver.execute(commands))


def _new_loop() -> asyncio.AbstractEventLoop:
    """A third less time is spent between statements with uvloop, which comes with the server."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


@asynccontextmanager
async def _connected(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection in a transaction that is rolled back unless it is committed; given up if its server was lost."""
    async with engine.connect() as connection:
        try:
            await connection.begin()
            yield connection
        except Exception as error:
            if is_gone(error):
                with suppress(Exception):
                    await connection.invalidate(error)
            raise


class _Patience:
    """How long the same transaction is tried again."""

    def __init__(self) -> None:
        self._until = asyncio.get_running_loop().time() + RIDE_OUT

    async def may_repeat(self, error: BaseException) -> bool:
        """Wait a little and say yes, if repeating can help and there is time left."""
        if isinstance(error, SecconsoleError) or not (is_again(error) or is_gone(error)):
            return False
        if asyncio.get_running_loop().time() >= self._until:
            return False
        await asyncio.sleep(PAUSE if is_gone(error) else PAUSE / 10)
        return True


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
