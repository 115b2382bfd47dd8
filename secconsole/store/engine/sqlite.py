"""Runner of transactions on SQLite: one writer thread that commits for all who wait, and a few readers.

A transaction body is a plain function of a connection. Writes are answered after COMMIT (synchronous=FULL), waiting
ones share a transaction (each in its own savepoint), and a body that raises leaves nothing behind.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import sqlalchemy as sa

from secconsole.domain.errors import Invalid, SecconsoleError, Unavailable
from secconsole.store.engine.ahead import Ahead
from secconsole.store.engine.queue import WriteQueue
from secconsole.store.engine.tenant_lock import NO_LOCK, TenantLock

T = TypeVar("T")

BUSY_MILLISECONDS = 5_000
MOST_PER_COMMIT = 128
CACHE_KIBIBYTES = 4_000
_CLOSED = "The store is already closed. Nothing was changed."


@dataclass(slots=True)
class _Job(Generic[T]):
    body: Callable[[sa.Connection], T]
    future: Future[T]
    reply: T | None = None
    error: BaseException | None = None

    def run(self, connection: sa.Connection) -> None:
        driver = _driver_of(connection)  # its savepoints cost nothing, SQLAlchemy's as much as four statements
        try:
            driver.execute("SAVEPOINT body")
            self.reply = self.body(connection)
            driver.execute("RELEASE body")
        except BaseException as error:  # passed to the caller, while the thread goes on
            self.error = error
            _undo_body(driver)

    def answer(self, failure: BaseException | None) -> None:
        error = self.error or failure
        if error is None:
            self.future.set_result(self.reply)  # type: ignore[arg-type]
        else:
            self.future.set_exception(in_words(error))


class SqliteStore:
    """SQLite file opened by this process, and by any number of others."""

    def __init__(self, path: Path, readers: int = 2) -> None:
        self.path = path
        self._engine = open_engine(path)
        try:
            self._queue = WriteQueue(path)
        except OSError as error:
            raise in_words(error) from None
        self._readers = ThreadPoolExecutor(readers, "store-read")
        self._local = threading.local()
        self._opened: list[sa.Connection] = []
        self.answered = 0  # number of reads, for health checks
        self._jobs: queue.SimpleQueue[_Job[object] | None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        # A daemon, so that a store that was not closed does not keep the process from ending.
        self._writer = threading.Thread(target=self._write_on, name="store-write", daemon=True)
        self._writer.start()

    def write(
        self,
        body: Callable[[sa.Connection], T],
        lock: TenantLock = NO_LOCK,
        *,
        repeatable: bool = False,
        ahead: Ahead | None = None,
    ) -> Future[T]:
        """Run a body in a write transaction.

        The options matter where there are several writers, and a network between them and their store.
        """
        job = _Job(body, Future())
        # Under this lock, because a job behind the end mark would never be answered.
        with self._closing:
            if self._closed:
                job.future.set_exception(Unavailable(_CLOSED))
            else:
                self._jobs.put(job)  # type: ignore[arg-type]
        return job.future

    def read(self, body: Callable[[sa.Connection], T]) -> Future[T]:
        """Run a body on a snapshot of the store."""
        with self._closing:
            if not self._closed:
                return self._readers.submit(self._read, body)
        future: Future[T] = Future()
        future.set_exception(Unavailable(_CLOSED))
        return future

    def now(self, connection: sa.Connection) -> float:
        """Return the time in seconds since the epoch."""
        return time.time()

    def watch(self) -> Watch:
        """Return an object that detects writes by anyone."""
        return Watch(self.path)

    def close(self) -> None:
        """Finish pending work, then release all resources.

        Closing twice is harmless.
        """
        with self._closing:
            if self._closed:
                return
            self._closed = True
            # Behind all jobs accepted so far, which are still performed.
            self._jobs.put(None)
        self._writer.join()
        self._readers.shutdown(wait=True)
        for connection in self._opened:
            connection.close()
        self._engine.dispose()
        self._queue.close()

    def _read(self, body: Callable[[sa.Connection], T]) -> T:
        try:
            connection = self._reader()
            # All statements of a body see one state of the store, whatever is committed meanwhile.
            with connection.begin():
                reply = body(connection)
            self.answered += 1
            return reply
        except SecconsoleError:
            raise
        except Exception as error:
            self._forget_reader()
            raise in_words(error) from None

    def _forget_reader(self) -> None:
        """Drop this thread's connection after a failure, so that the next read starts with a clean one."""
        connection: sa.Connection | None = getattr(self._local, "connection", None)
        if connection is not None:
            del self._local.connection
            self._opened.remove(connection)
            with suppress(Exception):
                connection.close()

    def _reader(self) -> sa.Connection:
        connection: sa.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._engine.connect()
            self._local.connection = connection
            self._opened.append(connection)
        return connection

    def _write_on(self) -> None:
        connection: sa.Connection | None = None
        while job := self._jobs.get():
            batch: list[_Job[object]] = []
            failure: BaseException | None = None
            try:
                # The turn ends with the commit, so that other processes do not wait for the answers below.
                with self._queue.turn():
                    if connection is None:
                        connection = self._engine.connect().execution_options(secconsole_write=True)
                    self._commit_together(connection, job, batch)
            except Exception as error:
                failure = error
                # It failed before the body ran, for example without a turn. The job was taken from the queue, so it is
                # answered too.
                if not batch and job.future.set_running_or_notify_cancel():
                    batch.append(job)
                if connection is not None:  # start the next turn with a clean connection
                    with suppress(Exception):
                        connection.close()
                    connection = None
            for done in batch:
                done.answer(failure)
        if connection is not None:
            connection.close()

    def _commit_together(self, connection: sa.Connection, first: _Job[object], batch: list[_Job[object]]) -> None:
        with connection.begin():
            job: _Job[object] | None = first
            while job is not None:
                if job.future.set_running_or_notify_cancel():
                    batch.append(job)
                    job.run(connection)
                    # a full disk rolls back everything, not only this body
                    if not _driver_of(connection).in_transaction:
                        raise in_words(job.error) if job.error else Unavailable("The store rolled the change back.")
                # The first one waits for the commit, and must not wait for all that others send meanwhile.
                if len(batch) >= MOST_PER_COMMIT:
                    break
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if job is None:
                    # The end mark is for `_write_on`, after this commit.
                    self._jobs.put(None)


def open_engine(path: Path, *, journal: str = "WAL") -> sa.Engine:
    """Return an engine with safe connections: every commit flushed, foreign keys, deleted data zeroed."""
    engine = sa.create_engine(
        "sqlite://",
        # rw: a missing file is an error, not a new and empty store that others may read
        creator=lambda: sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw",
            uri=True,
            # The driver would begin transactions itself: below they begin with or without the write lock, as needed.
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        ),
        # The store keeps a connection for each thread, and a pool would hand them to others.
        poolclass=sa.pool.NullPool,
    )

    @sa.event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in (
            # First, because changing the journal mode may have to wait for a lock too.
            f"busy_timeout={BUSY_MILLISECONDS}",
            f"journal_mode={journal}",
            "synchronous=FULL",
            "foreign_keys=ON",
            # Removed seeds and addresses would otherwise stay in free pages of the file.
            "secure_delete=ON",
            f"cache_size=-{CACHE_KIBIBYTES}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        # A write that begins with a read and upgrades later fails at once if another process has written in between.
        writes = connection.get_execution_options().get("secconsole_write")
        _driver_of(connection).execute("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


class Watch:
    """Connection that detects writes by others, without disk access."""

    def __init__(self, path: Path) -> None:
        # A separate connection, because SQLite does not report to a connection the changes that it made itself.
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._seen = self._version()

    async def changed(self) -> bool:
        """Return True if anyone has written since the last call."""
        before, self._seen = self._seen, self._version()
        return self._seen != before

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        self._connection.close()


def in_words(error: BaseException) -> BaseException:
    """Translate an error of the driver, and return any other error unchanged."""
    if isinstance(error, SecconsoleError):
        return error
    if isinstance(error, UnicodeEncodeError):
        return Invalid("The input contains half of a surrogate pair, which is not text. Remove it and try again.")
    if isinstance(error, OverflowError):
        return Invalid("The input contains a number that is too large.")
    if isinstance(error, OSError):
        where = error.filename or "the store"
        return Unavailable(
            f"{where} cannot be used: {error.strerror}. Nothing was changed. Check its folder and permissions."
        )
    original = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    if not isinstance(original, sqlite3.Error):
        return error
    name = getattr(original, "sqlite_errorname", "") or ""
    for prefix, message in _WORDS.items():
        if name.startswith(prefix):
            return Unavailable(message)
    unforeseen = Unavailable(f"The store failed ({name or type(original).__name__}). Nothing was changed.")
    unforeseen.__cause__ = original  # the driver's own error contains no parameters, unlike SQLAlchemy's
    return unforeseen


def _undo_body(driver: sqlite3.Connection) -> None:
    """Roll back to the savepoint, or the whole transaction if SQLite has done so already or can do no less."""
    try:
        if driver.in_transaction:
            driver.execute("ROLLBACK TO body")
            driver.execute("RELEASE body")
    except sqlite3.Error:
        driver.rollback()


def _driver_of(connection: sa.Connection) -> sqlite3.Connection:
    driver: sqlite3.Connection | None = connection.connection.driver_connection
    assert driver is not None
    return driver


_WORDS = {
    "SQLITE_FULL": "The disk is full. Nothing was changed. Free some space and try again.",
    "SQLITE_READONLY": "The store cannot be written, because its folder or file is read-only. Nothing was changed.",
    "SQLITE_CANTOPEN": "The store cannot be opened. Check that its folder exists and belongs to you.",
    "SQLITE_PERM": "The store cannot be opened: permission denied.",
    "SQLITE_BUSY": "The store is busy. Nothing was changed. Try again in a moment.",
    "SQLITE_LOCKED": "The store is busy. Nothing was changed. Try again in a moment.",
    "SQLITE_NOTADB": "The store is damaged or not a secconsole store. Restore it from a backup.",
    "SQLITE_CORRUPT": "The store is damaged. Restore it from a backup.",
    # The first prefix that fits is used, so this one precedes the general one.
    # The shared memory beside the store needs space before the first page is written.
    "SQLITE_IOERR_SHM": "There is no space left beside the store. Nothing was changed. Check whether the disk is full.",
    "SQLITE_IOERR": "The disk failed. Nothing was acknowledged. Check the disk.",
}
