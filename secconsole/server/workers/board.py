"""Memory in which workers count their connections, so that limits hold for all of them together.

Each worker writes only its own part, so that what a killed worker held can be forgotten. Origins are counted in two
rows of places, found by a keyed hash, and the smaller sum counts: two origins may share one place, and hardly both.
"""

from __future__ import annotations

import mmap
import os
from functools import lru_cache
from hashlib import blake2b

PLACES = 1 << 14
_WORKER = 1 + 2 * PLACES  # all connections, then two rows of places


class Board:
    """Counters of connections, one part for each worker.

    They are made before the workers are forked.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._memory = mmap.mmap(-1, 4 * _WORKER * workers)
        self._counts = memoryview(self._memory).cast("I")
        self._salt = os.urandom(16)
        self._places = lru_cache(maxsize=4096)(self._find_places)  # asked for with every request

    def view(self, worker: int) -> Elsewhere:
        """Return what one worker sees and writes."""
        return Elsewhere(self, worker)

    def forget(self, worker: int) -> None:
        """Count no connection of a worker, because it has ended."""
        start = worker * _WORKER
        self._counts[start : start + _WORKER] = memoryview(bytes(4 * _WORKER)).cast("I")

    def add(self, worker: int, origin: str | None, change: int) -> None:
        """Count a connection of a worker, or one less."""
        start = worker * _WORKER
        self._counts[start] += change
        if origin is not None:
            for place in self._places(origin):
                self._counts[start + place] += change

    def open_elsewhere(self, worker: int) -> int:
        """Return the connections of all other workers."""
        return self._sum(0, worker)

    def open_from(self, origin: str, worker: int) -> int:
        """Return the connections of an origin to all other workers."""
        return min(self._sum(place, worker) for place in self._places(origin))

    def _sum(self, place: int, but: int) -> int:
        return sum(self._counts[other * _WORKER + place] for other in range(self._workers) if other != but)

    def _find_places(self, origin: str) -> tuple[int, int]:
        digest = int.from_bytes(blake2b(origin.encode(), digest_size=8, key=self._salt).digest(), "big")
        return 1 + digest % PLACES, 1 + PLACES + (digest >> 32) % PLACES


class Elsewhere:
    """Connections to other workers, as one worker sees them."""

    def __init__(self, board: Board, worker: int) -> None:
        self._board, self._worker = board, worker

    def add(self, origin: str | None, change: int) -> None:
        """Count a connection of this worker, or one less."""
        self._board.add(self._worker, origin, change)

    def open(self) -> int:
        """Return how many there are."""
        return self._board.open_elsewhere(self._worker)

    def open_from(self, origin: str) -> int:
        """Return how many there are of an origin."""
        return self._board.open_from(origin, self._worker)
