"""Writer for writes whose rows can be read ahead: two round trips for any number of them that wait.

One statement reads the rows of each, their bodies run on them, and one statement writes the changes of each, all in one
transaction. It moves the head of the tenant's chain from where it was read, or changes nothing: then another
transaction has locked the tenant meanwhile. A write that this happens to, and one that needs anything else, runs under
a lock instead.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Any, cast

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import asyncpg as dialects

from secconsole.domain.errors import Unavailable
from secconsole.store.engine.ahead import Ahead, Head, NotAhead, RowsAhead, Statement
from secconsole.store.engine.compiled import Prepared
from secconsole.store.postgres.errors import is_gone
from secconsole.store.postgres.writer import MOST_PER_COMMIT, PERHAPS, Job, Waiting
from secconsole.store.schema import audit_heads

HELD = "50ms"  # for a lock, since a longer wait would delay other tenants too
_DIALECT: sa.Dialect = dialects.dialect()  # type: ignore[no-untyped-call]
_PARAMETER = re.compile(r"\$(\d+)")
_MOVE = Prepared(
    sa.update(audit_heads)
    .where(
        audit_heads.c.tenant_pk == sa.bindparam("of"),
        audit_heads.c.seq == sa.bindparam("old_seq"),
        audit_heads.c.turn == sa.bindparam("old_turn"),
    )
    .values(seq=sa.bindparam("seq"), mac=sa.bindparam("mac"), signature=sa.bindparam("signature"))
)


class AheadWriter:
    """Writer on a connection outside of transactions.

    `connect` opens it. `fall_back` takes the jobs that need a lock.
    """

    def __init__(self, connect: Callable[[], Awaitable[Any]], fall_back: Callable[[Job[Any]], None]) -> None:
        self._connect, self._fall_back = connect, fall_back
        self._connection: Any = None
        self._waiting = Waiting()
        self._something = asyncio.Event()
        self._ending = False
        self._statements: dict[tuple[Statement, ...], str] = {}
        self._task = asyncio.get_running_loop().create_task(self._serve())

    def add(self, job: Job[Any]) -> None:
        """Queue a job behind the waiting ones of its tenant."""
        self._waiting.add(job)
        self._something.set()

    async def end(self) -> None:
        """Finish the waiting jobs, then stop and close the connection."""
        self._ending = True
        self._something.set()
        await self._task
        await self._drop()

    async def _serve(self) -> None:
        while self._waiting or not self._ending:
            if not self._waiting:
                self._something.clear()
                await self._something.wait()
                continue
            jobs: list[Job[Any]] = []
            while len(jobs) < MOST_PER_COMMIT and (job := self._waiting.take()) is not None:
                if job.begin():
                    jobs.append(job)
            if jobs:
                await self._do_together(jobs)

    async def _do_together(self, jobs: list[Job[Any]]) -> None:
        """Run jobs, and pass on those that were not done."""
        left = jobs
        try:
            left = await self._run_all(jobs)
        except Exception as error:  # nothing was written, and under a lock it is reported if it happens again
            if not isinstance(error, UnicodeEncodeError | asyncpg.DataError):
                await self._drop()
        for job in left:
            if not job.future.done():
                self._fall_back(job)

    async def _drop(self) -> None:
        if self._connection is not None:
            with suppress(Exception):
                await self._connection.close(timeout=1)
            self._connection = None

    async def _run_all(self, jobs: Sequence[Job[Any]]) -> list[Job[Any]]:
        """Read, run and write, and return the jobs that need a lock."""
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect()
        left: list[Job[Any]] = []
        done: list[tuple[Job[Any], RowsAhead]] = []
        heads: dict[int, tuple[Head, Head]] = {}  # by tenant: as it was read, and with what is still to be written
        written: set[int] = set()  # users whose rows are no longer as they were read
        for job, rows in await self._read(jobs):
            read = rows.head
            if read is not None:
                first, rows.head = heads.get(read.tenant_pk, (read, read))
                if read != first:  # another transaction was between the two reads
                    left.append(job)
                    continue
            if not written.isdisjoint(rows.subjects) or not _run(job, rows):
                left.append(job)
            elif rows.moved is None:  # it changes nothing, and its rows were consistent
                job.answer()
            elif read is not None:
                moved = rows.moved
                heads[read.tenant_pk] = read, Head(read.tenant_pk, moved.seq, moved.mac, read.turn)
                written |= rows.subjects
                done.append((job, rows))
        return left + await self._write(done)

    async def _read(self, jobs: Sequence[Job[Any]]) -> list[tuple[Job[Any], RowsAhead]]:
        """Return the jobs with their rows, one round trip for each kind of job."""
        found: list[tuple[Job[Any], RowsAhead]] = []
        kinds: dict[Statement, list[tuple[Job[Any], Ahead]]] = {}
        for job in jobs:
            assert job.ahead is not None
            kinds.setdefault(job.ahead.statement, []).append((job, job.ahead))
        for statement, some in kinds.items():
            values = [statement.arguments(_DIALECT, {**ahead.values, "at": at}) for at, (_, ahead) in enumerate(some)]
            records = await self._connection.fetchmany(statement.compiled(_DIALECT)[0], values)
            by_job = {at: list(rows) for at, rows in groupby(records, key=lambda record: record[0])}
            for at, (job, ahead) in enumerate(some):
                rows = RowsAhead(_DIALECT, {"now": by_job[at][0][1]})
                ahead.unpack(rows, by_job[at])
                found.append((job, rows))
        return found

    async def _write(self, done: Sequence[tuple[Job[Any], RowsAhead]]) -> list[Job[Any]]:
        """Write the changes of jobs, each kind in one transaction, and return the jobs whose changes were not made."""
        for statements, some in groupby(done, key=lambda each: _statements_of(each[1])):
            part = list(some)
            values = [_values_of(rows) for _, rows in part]
            try:
                await self._connection.fetchmany(self._together(statements), values)
            except Exception as error:
                if is_gone(error):
                    await self._drop()
                    for job, _ in part:  # it may have been written
                        job.error = Unavailable(PERHAPS)
                        job.answer()
                return [job for job, _ in done if not job.future.done()]
            for job, _ in part:
                job.answer()
        return []

    def _together(self, statements: tuple[Statement, ...]) -> str:
        """Return one statement that runs several, and fails unless each of them changes one row."""
        if statements not in self._statements:
            parts, names, count = [], [], 0
            for number, statement in enumerate(statements):
                one = statement.after("w0") if number else statement
                sql, parameters, _ = one.compiled(_DIALECT)
                shifted = _PARAMETER.sub(lambda found, by=count: f"${int(found[1]) + by}", sql)  # type: ignore[misc]
                parts.append(f"w{number} AS ({shifted} RETURNING 1)")
                names.append(f"(SELECT count(*) FROM w{number}) = 1")  # noqa: S608
                count += len(parameters)
            # Dividing by zero ends the transaction, with everything in it.
            self._statements[statements] = (
                f"WITH {', '.join(parts)} SELECT 1 / CASE WHEN {' AND '.join(names)} THEN 1 ELSE 0 END"
            )
        return self._statements[statements]


def _run(job: Job[Any], rows: RowsAhead) -> bool:
    """Run the body of a job, or return False if it has to run under a lock."""
    job.error = None
    try:
        job.reply = job.body(cast("sa.Connection", rows))
    except NotAhead:
        return False
    except BaseException as error:  # passed to the caller, while the writer goes on
        job.error = error
        rows.moved = None
    return rows.moved is not None or not rows.changes or job.error is not None  # every change has an entry


def _statements_of(rows: RowsAhead) -> tuple[Statement, ...]:
    return (_MOVE, *(statement for statement, _ in rows.changes))


def _values_of(rows: RowsAhead) -> list[object]:
    assert rows.head is not None
    assert rows.moved is not None
    new = {"seq": rows.moved.seq, "mac": rows.moved.mac, "signature": rows.moved.signature}
    old = {"of": rows.head.tenant_pk, "old_seq": rows.head.seq, "old_turn": rows.head.turn}
    found = _MOVE.arguments(_DIALECT, {**new, **old})
    for statement, values in rows.changes:
        found += statement.arguments(_DIALECT, values)
    return found
