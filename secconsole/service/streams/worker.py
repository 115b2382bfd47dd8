"""Sending of the audit to receivers, outside any transaction and beside all operations.

Any number of processes may do so: each stream is claimed by one of them. A position moves only once the receiver has
the entries, so they arrive at least once, and a receiver that is down delays nothing but its own stream.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import secrets
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa

from secconsole.delivery.streams.receiver import Delivered, StreamReceiver
from secconsole.domain.audit.audit_stream import StreamEntry, pause_after
from secconsole.domain.errors import Unavailable
from secconsole.domain.networks.reach import PUBLIC, Reach
from secconsole.service.store import Store
from secconsole.service.streams.receivers import stream_entry, unpacked
from secconsole.service.streams.sending import PORTIONS, send_entries, send_test
from secconsole.store import tenants
from secconsole.store.audit_log import audit_streams
from secconsole.store.audit_log.audit_chain import MAIN
from secconsole.store.audit_log.audit_streams import Position, StreamRecord
from secconsole.store.audit_log.stream_lags import stream_lags
from secconsole.store.sealing.keys import KeyRing

T = TypeVar("T")

log = logging.getLogger(__name__)

AT_ONCE = 16  # streams that one process sends
FAILING_AT_ONCE = 8  # of them: streams that failed last must not take the room of those that work
OF_ONE_TENANT = 3
LOOK_EVERY = 1.0  # seconds
ROUNDS = 20  # portions of one stream, before others have their turn
LAST_WAIT = 2.0  # for portions being sent when the store is closed


@dataclass(frozen=True, slots=True)
class _Portion:
    """Next entries of a stream, with what is needed to send them."""

    now: int
    entries: tuple[StreamEntry, ...] = ()


class StreamWorker:
    """Worker for the streams of one store, bound to the event loop in which it was woken.

    `reach`: hosts that receivers of tenant administrators may have.
    """

    def __init__(
        self, store: Store, keys: KeyRing, clock: Callable[[], float] | None = None, reach: Reach = PUBLIC
    ) -> None:
        self._store, self._keys, self._clock, self._reach = store, keys, clock, reach
        self._holder = secrets.token_hex(8)
        self._task: asyncio.Task[None] | None = None
        self._sending: dict[int, asyncio.Task[None]] = {}  # by the key of the stream
        self._tenants: Counter[int] = Counter()
        self._failing: set[int] = set()
        self._woken, self._idle = asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._stays = False

    def wake(self) -> None:
        """Send what is due now."""
        self._idle.clear()
        self._woken.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work(), context=contextvars.Context())

    def stay(self) -> None:
        """Send from now on whatever is written, by whichever process."""
        self._stays = True
        self.wake()

    async def wait_idle(self) -> None:
        """Wait until nothing that can be sent now is left."""
        await self._idle.wait()

    async def lags(self) -> dict[str, tuple[int, float]]:
        """Return by the id of each stream how many entries its receiver lacks, and for how many seconds."""

        def read(connection: sa.Connection) -> dict[str, tuple[int, float]]:
            now, found = self._now(connection), stream_lags(connection)
            return {lag.stream: (lag.entries, max(0, now - (lag.since or now)) / 1000) for lag in found}

        return await self._read(read)

    async def close(self) -> None:
        """Wait shortly for portions being sent, and leave the rest to the next process."""
        if self._task is None:
            return
        self._task.cancel()
        sending = list(self._sending.values())
        if sending:
            await asyncio.wait(sending, timeout=LAST_WAIT)
        for task in sending:
            task.cancel()
        await asyncio.gather(self._task, *sending, return_exceptions=True)
        # All at once and last: a claim can be committed although the wait for it was cancelled.
        with suppress(Unavailable, TimeoutError):
            await asyncio.wait_for(
                self._write(lambda connection: audit_streams.release_all(connection, self._holder)), 2
            )

    async def _work(self) -> None:
        reported = ""
        while True:
            self._woken.clear()
            try:
                begun = await self._begin()
            except Unavailable as error:
                begun = False
                if error.message != reported:  # once, and not every second while it lasts
                    log.warning("The audit could not be sent: %s", error.message)
                reported = error.message
            else:
                reported = ""
            if not begun and not self._sending and not self._woken.is_set():
                self._idle.set()
                if not self._stays:
                    return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), LOOK_EVERY)

    async def _begin(self) -> bool:
        """Start sending streams that have something to send, and return True if there was one."""
        begun = False
        for pk, tenant_pk, failed in await self._read(self._candidates):
            if len(self._sending) >= AT_ONCE or self._tenants[tenant_pk] >= OF_ONE_TENANT:
                continue
            if failed and len(self._failing) >= FAILING_AT_ONCE:
                continue
            record = await self._write(lambda connection, pk=pk: self._claim(connection, pk))  # type: ignore[misc]
            if record is None:
                continue
            begun = True
            self._tenants[tenant_pk] += 1
            if failed:
                self._failing.add(pk)
            task = asyncio.create_task(self._serve(record))
            self._sending[pk] = task
            task.add_done_callback(lambda _, record=record: self._ended(record))  # type: ignore[misc]
        return begun

    def _ended(self, record: StreamRecord) -> None:
        del self._sending[record.pk]
        self._tenants[record.tenant_pk] -= 1
        self._failing.discard(record.pk)
        self._woken.set()

    async def _serve(self, record: StreamRecord) -> None:
        """Send one stream until it is current, fails, or had its turn."""
        try:
            problem, wait = await self._send(record)
        except Unavailable as error:
            problem, wait = error.message, 0
        except Exception as error:  # no error may stop the other streams, or be shown with its text
            log.error("A stream of the audit could not be sent: %s", type(error).__name__)
            problem, wait = f"An unexpected error occurred ({type(error).__name__}).", 0
        with suppress(Unavailable):
            await self._write(lambda connection: self._note_end(connection, record, problem, wait))

    async def _send(self, record: StreamRecord) -> tuple[str, int]:
        """Return why the stream could not be sent, and the seconds that its receiver asked to wait."""
        receiver = unpacked(self._keys, record, self._reach)
        if record.test_waits:
            await self._test(record, receiver)
        for _ in range(ROUNDS):
            portion = await self._read(lambda connection: self._portion(connection, record))
            if not portion.entries:
                break
            result = await send_entries(receiver, portion.entries, portion.now)
            if result.count and not await self._note_sent(record, portion, result):
                log.warning("Another process took over a stream of the audit.")
                break
            if result.problem:
                return result.problem, result.wait
        return "", 0

    async def _test(self, record: StreamRecord, receiver: StreamReceiver) -> None:
        def tenant_now(connection: sa.Connection) -> tuple[str, int]:
            return tenants.tenant_by_pk(connection, record.tenant_pk).name, self._now(connection)

        tenant, now = await self._read(tenant_now)
        result = await send_test(receiver, tenant, record.name, record.id, now)
        await self._write(
            lambda connection: audit_streams.note_test(
                connection, record, self._holder, result.problem, self._now(connection)
            )
        )

    async def _note_sent(self, record: StreamRecord, portion: _Portion, result: Delivered) -> bool:
        last = portion.entries[result.count - 1]
        to = Position(last.chain, last.seq, bytes.fromhex(last.mac))
        return await self._write(
            lambda connection: audit_streams.note_sent(connection, record.pk, self._holder, to, self._now(connection))
        )

    def _candidates(self, connection: sa.Connection) -> list[tuple[int, int, bool]]:
        limit = AT_ONCE * 4  # some wait for others of their tenant
        return audit_streams.candidates(connection, self._now(connection), but=list(self._sending), limit=limit)

    def _claim(self, connection: sa.Connection, pk: int) -> StreamRecord | None:
        return audit_streams.claim(connection, pk, self._holder, self._now(connection))

    def _portion(self, connection: sa.Connection, record: StreamRecord) -> _Portion:
        now = self._now(connection)
        for position in audit_streams.positions_of(connection, [record.pk])[record.pk]:
            if position.chain == MAIN:  # a tenant has one chain today
                most = PORTIONS[record.kind]
                rows = audit_streams.entries_after(connection, record.tenant_pk, position.seq, most)
                return _Portion(now, tuple(stream_entry(row) for row in rows))
        return _Portion(now)

    def _note_end(self, connection: sa.Connection, record: StreamRecord, problem: str, wait: int) -> None:
        if not problem:
            audit_streams.release(connection, record.pk, self._holder)
            return
        now = self._now(connection)
        failures = audit_streams.failures_of(connection, record.pk) + 1
        due = now + max(pause_after(failures), wait * 1000)
        audit_streams.note_failure(connection, record, self._holder, problem, now=now, due=due)

    def _now(self, connection: sa.Connection) -> int:
        return int((self._clock() if self._clock is not None else self._store.now(connection)) * 1000)

    async def _read(self, body: Callable[[sa.Connection], T]) -> T:
        return await asyncio.wrap_future(self._store.read(body))

    async def _write(self, body: Callable[[sa.Connection], T]) -> T:
        return await asyncio.wrap_future(self._store.write(body))
