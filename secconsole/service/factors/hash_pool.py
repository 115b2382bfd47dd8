"""Threads that hash passwords, with priority for sign-ins, turns for callers and a bounded queue.

A hash takes about forty milliseconds of a core. A caller who finds the queue full is refused at once, before anything
is counted or computed.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import IntEnum
from types import TracebackType
from typing import Any, TypeVar

from secconsole.domain.errors import Busy
from secconsole.domain.throttling.turns import Turns

T = TypeVar("T")


class Lane(IntEnum):
    """Purpose of a hash, in order of priority."""

    REGULAR = 0  # a sign-in from a network with earlier sign-ins (`known_networks.py`)
    SIGN_IN = 1  # a sign-in or a proof
    CHANGE = 2  # one new password
    BULK = 3  # those of an import


PLACES = {
    Lane.REGULAR: 64,
    Lane.SIGN_IN: 64,
    Lane.CHANGE: 16,
    Lane.BULK: 4,
}  # concurrent callers per thread, of which one caller may use half
DECOYS = 16  # per thread: hashes computed for unknown logins, or for held ones
TURN_OF_THE_LAST = 16  # every so many jobs the order is reversed, so that no purpose waits forever

_BUSY = "Too many passwords are being checked at the moment. Nothing was changed or counted. Try again in a moment."


@dataclass(slots=True, eq=False)
class _Job:
    work: Callable[[], Any]
    future: Future[Any]


class HashPool:
    """Threads and their queue, usable from any event loop."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._executor = ThreadPoolExecutor(threads, "password")
        self._lock = threading.Lock()
        self._waiting = {lane: Turns[_Job]() for lane in Lane}
        self._decoys: dict[Lane, list[_Job]] = {lane: [] for lane in Lane}
        self._taken: Counter[Hashable] = Counter()
        self._bulk_running = self._starts = 0

    def place(self, lane: Lane, caller: Hashable) -> Place:
        """Reserve a place for a caller, or raise `Busy` if all are taken, or too many of them by this caller."""
        places = PLACES[lane] * self.threads
        with self._lock:
            if self._taken[lane] >= places or self._taken[lane, caller] >= places // 2:
                raise Busy(_BUSY)
            self._taken.update((lane, (lane, caller)))
        return Place(self, lane, caller)

    def release(self, lane: Lane, caller: Hashable) -> None:
        """Release the place of a caller."""
        with self._lock:
            for key in (lane, (lane, caller)):
                self._taken[key] -= 1
                if not self._taken[key]:
                    del self._taken[key]

    async def run(self, lane: Lane, caller: Hashable, work: Callable[[], T]) -> T:
        """Run some work on a thread in its turn, unless the caller is cancelled before."""
        job = _Job(work, Future())
        self._add(lane, caller, job)
        result: T = await asyncio.wrap_future(job.future)
        return result

    async def run_decoy(self, place: Place, work: Callable[[], Any]) -> None:
        """Take as long as a check whose result does not matter.

        It waits and computes like any other. If a large share of the places is used for this, the newest such job is
        shared: then a flood of them costs nothing more and takes no places.
        """
        with self._lock:
            decoys = self._decoys[place.lane]  # of the same purpose, because others would differ in time
            shared = len(decoys) >= DECOYS * self.threads
            job = decoys[-1] if shared else _Job(work, Future())
            if not shared:
                decoys.append(job)
        if shared:
            place.release()
        else:
            self._add(place.lane, place.caller, job)
        await asyncio.shield(asyncio.wrap_future(job.future))  # others may wait for the same job

    def close(self) -> None:
        """Let the threads end after the queued work."""
        self._executor.shutdown(wait=False)

    def _add(self, lane: Lane, caller: Hashable, job: _Job) -> None:
        with self._lock:
            self._waiting[lane].add(caller, job)
        self._executor.submit(self._serve)

    def _serve(self) -> None:
        while (taken := self._take()) is not None:
            lane, job = taken
            try:
                if job.future.set_running_or_notify_cancel():
                    _do(job)
            finally:
                if lane is Lane.BULK:
                    with self._lock:
                        self._bulk_running -= 1

    def _take(self) -> tuple[Lane, _Job] | None:
        """Return the next job, or None if there is none that may start now."""
        with self._lock:
            self._starts += 1
            lanes = list(Lane)
            for lane in reversed(lanes) if self._starts % TURN_OF_THE_LAST == 0 else lanes:
                # Bulk work cannot be interrupted, so one thread stays free for others.
                if lane is Lane.BULK and self._bulk_running >= max(1, self.threads - 1):
                    continue
                if (job := self._waiting[lane].take()) is not None:
                    self._bulk_running += lane is Lane.BULK
                    if job in self._decoys[lane]:
                        self._decoys[lane].remove(job)
                    return lane, job
        return None


class Place:
    """Right of one caller to have passwords hashed, until it is released."""

    def __init__(self, pool: HashPool, lane: Lane, caller: Hashable) -> None:
        self.lane, self.caller = lane, caller
        self._pool, self._held = pool, True

    def release(self) -> None:
        """Release the place, at most once."""
        if self._held:
            self._held = False
            self._pool.release(self.lane, self.caller)

    def __enter__(self) -> Place:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _do(job: _Job) -> None:
    try:
        result = job.work()
    except BaseException as error:  # passed to the caller, while the thread goes on
        job.future.set_exception(error)
    else:
        job.future.set_result(result)
