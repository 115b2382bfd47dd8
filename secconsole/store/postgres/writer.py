"""Writer on PostgreSQL, which runs waiting jobs in one transaction and answers them after COMMIT."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.util import await_only

from secconsole.domain.errors import SecconsoleError, Unavailable
from secconsole.domain.throttling.turns import Turns
from secconsole.store.engine.ahead import Ahead
from secconsole.store.engine.tenant_lock import NO_LOCK, TenantLock, acquire
from secconsole.store.postgres.errors import TAKEN, code_of, in_words, is_again, is_gone

T = TypeVar("T")

MOST_PER_COMMIT = 64
RETRY_SECONDS = 10.0  # seconds to wait for a lost server, so that a standby can take over
PAUSE = 0.05  # between two attempts to reach it
PERHAPS = (
    "The database was lost at the moment of writing. The change may or may not have been made: "
    "check before you repeat it."
)


@dataclass(slots=True)
class Job(Generic[T]):
    """Body to run, with the future of its caller."""

    body: Callable[[sa.Connection], T]
    future: Future[T]
    lock: TenantLock = NO_LOCK
    repeatable: bool = False
    ahead: Ahead | None = None
    began: bool = False
    reply: T | None = None
    error: BaseException | None = None

    def begin(self) -> bool:
        """Return True if the job is still wanted, after which it cannot be cancelled."""
        self.began = self.began or self.future.set_running_or_notify_cancel()
        return self.began

    def answer(self) -> None:
        """Resolve the caller's future."""
        if self.error is None:
            self.future.set_result(self.reply)  # type: ignore[arg-type]
        else:
            self.future.set_exception(in_words(self.error))


class Waiting:
    """Jobs that wait for a writer.

    Tenants take turns, so that many jobs of one do not delay another's.
    """

    def __init__(self) -> None:
        self._jobs: Turns[Job[Any]] = Turns()
        self._put_back: deque[Job[Any]] = deque()

    def __bool__(self) -> bool:
        return bool(self._put_back or self._jobs)

    def add(self, job: Job[Any]) -> None:
        """Add a job behind the others of its tenant."""
        self._jobs.add(job.lock, job)

    def put_back(self, jobs: Sequence[Job[Any]]) -> None:
        """Put jobs before all others, in their order."""
        self._put_back.extendleft(reversed(jobs))

    def take(self) -> Job[Any] | None:
        """Return the next job, or None if there are none."""
        return self._put_back.popleft() if self._put_back else self._jobs.take()


class Writer:
    """Writer with one connection of an engine at a time."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._waiting = Waiting()
        self._something = asyncio.Event()
        self._ending = self._saved = False
        self._task = asyncio.get_running_loop().create_task(self._serve())

    def add(self, job: Job[Any]) -> None:
        """Queue a job behind the waiting ones of its tenant."""
        self._waiting.add(job)
        self._something.set()

    async def end(self) -> None:
        """Finish the waiting jobs, then stop."""
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
            batch: list[Job[Any]] = []
            try:
                await self._do_together(batch)
            except BaseException as error:  # pass it to the callers, and keep the writer alive
                if not batch:  # no job was started
                    while (job := self._waiting.take()) is not None:
                        if job.begin():
                            batch.append(job)
                for failed in batch:
                    failed.error = failed.error or error
            for done in batch:
                done.answer()

    async def _do_together(self, batch: list[Job[Any]]) -> None:
        """Run waiting jobs in one transaction until it is committed or has failed for good.

        `batch` is what was done.
        """
        deadline = RetryDeadline()
        while True:
            committing = False
            try:
                async with connected(self._engine) as connection:
                    if await connection.run_sync(self._run_all, batch):
                        committing = True
                        await connection.commit()
                return
            except Exception as error:
                lost = committing and is_gone(error)
                if lost:
                    self._fail_lost(batch)
                    if not batch:
                        return  # the remaining jobs were not started
                if not await deadline.may_repeat(error):
                    raise Unavailable(PERHAPS) if lost else error  # noqa: B904 - reported without the driver's text
                self._waiting.put_back(batch)
                batch.clear()

    def _fail_lost(self, batch: list[Job[Any]]) -> None:
        """Fail jobs that cannot detect if they were done before the answer to COMMIT was lost, and keep the others."""
        for job in [job for job in batch if not job.repeatable]:
            batch.remove(job)
            job.error = Unavailable(PERHAPS)
            job.answer()

    def _run_all(self, connection: sa.Connection, batch: list[Job[Any]]) -> bool:
        """Run waiting jobs as long as no lock has to be waited for, and return True if there is something to commit."""
        self._saved = False
        while len(batch) < MOST_PER_COMMIT and (job := self._waiting.take()) is not None:
            if not job.begin():
                continue
            batch.append(job)
            first = len(batch) == 1
            if not self._run(connection, job, first=first):
                self._waiting.put_back([batch.pop()])  # commit first what is done
                break
            if first and job.error is not None:
                return False  # nothing else has to be undone
        return bool(batch)

    def _run(self, connection: sa.Connection, job: Job[Any], *, first: bool) -> bool:
        """Run one job, or return False if it would wait for a lock while other jobs are not committed.

        The first needs no savepoint, because nothing else is undone with it. For the others one round trip ends a
        savepoint and begins the next. COMMIT ends the last.
        """
        job.error = None
        try:
            if not first:
                _at_once(connection, "RELEASE SAVEPOINT body; SAVEPOINT body" if self._saved else "SAVEPOINT body")
                self._saved = True
            connection.info["now"] = acquire(connection, job.lock, wait=first)
            job.reply = job.body(connection)
        except Exception as error:
            if is_again(error) or is_gone(error):
                raise  # concerns the whole transaction
            if not first:
                _at_once(connection, "ROLLBACK TO SAVEPOINT body")
                if code_of(error) == TAKEN:
                    return False
            job.error = error
        return True


def _at_once(connection: sa.Connection, commands: str) -> None:
    """Send commands without parameters, bypassing the driver's prepared statements."""
    driver: asyncpg.Connection = connection.connection.driver_connection
    await_only(driver.execute(commands))


@asynccontextmanager
async def connected(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Yield a connection in a transaction that is rolled back unless committed, and drop it if its server was lost."""
    async with engine.connect() as connection:
        try:
            await connection.begin()
            yield connection
        except Exception as error:
            if is_gone(error):
                with suppress(Exception):
                    await connection.invalidate(error)
            raise


class RetryDeadline:
    """Deadline for repeating the same transaction."""

    def __init__(self) -> None:
        self._until = asyncio.get_running_loop().time() + RETRY_SECONDS

    async def may_repeat(self, error: BaseException) -> bool:
        """Wait briefly and return True if repeating can help and there is time left."""
        if isinstance(error, SecconsoleError) or not (is_again(error) or is_gone(error)):
            return False
        if asyncio.get_running_loop().time() >= self._until:
            return False
        await asyncio.sleep(PAUSE if is_gone(error) else PAUSE / 10)
        return True
