"""A writer on PostgreSQL: takes what waits, does it in one transaction, answers after COMMIT."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.util import await_only

from secconsole.domain.errors import SecconsoleError, Unavailable
from secconsole.store.claim import NOTHING, Claim, take
from secconsole.store.postgres_errors import TAKEN, code_of, in_words, is_again, is_gone

T = TypeVar("T")

MOST_PER_COMMIT = 64
RIDE_OUT = 10.0  # seconds for which a lost server is waited for, so that a standby can take over
PAUSE = 0.05  # between two looks for it
_PERHAPS = (
    "The database was lost at the very moment of writing. It may or may not have done what was asked: "
    "look before doing it again."
)


@dataclass(slots=True)
class Job(Generic[T]):
    """A body to be run, and whoever waits for it."""

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
        """Tell whoever waits."""
        if self.error is None:
            self.future.set_result(self.reply)  # type: ignore[arg-type]
        else:
            self.future.set_exception(in_words(self.error))


class Lane:
    """One writer, on a connection of an engine's at a time."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._waiting: deque[Job[Any]] = deque()
        self._something = asyncio.Event()
        self._ending = self._saved = False
        self._task = asyncio.get_running_loop().create_task(self._serve())

    def add(self, job: Job[Any]) -> None:
        """Have a job done after those that wait."""
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
            batch: list[Job[Any]] = []
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

    async def _do_together(self, batch: list[Job[Any]]) -> None:
        """Do what waits in one transaction until it is committed or has failed for good; `batch` is what was done."""
        patience = Patience()
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
                    self._tell_lost(batch)
                    if not batch:
                        return  # whoever still waits has not begun
                if not await patience.may_repeat(error):
                    raise Unavailable(_PERHAPS) if lost else error  # noqa: B904 - told in words, without the driver's
                self._waiting.extendleft(reversed(batch))
                batch.clear()

    def _tell_lost(self, batch: list[Job[Any]]) -> None:
        """A COMMIT's answer was lost: tell those whose bodies could not see whether it was done; keep the others."""
        for job in [job for job in batch if not job.repeatable]:
            batch.remove(job)
            job.error = Unavailable(_PERHAPS)
            job.answer()

    def _run_all(self, connection: sa.Connection, batch: list[Job[Any]]) -> bool:
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

    def _run(self, connection: sa.Connection, job: Job[Any], *, first: bool) -> bool:
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


@asynccontextmanager
async def connected(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
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


class Patience:
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
