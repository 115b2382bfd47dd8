"""Fair queue between the processes that write to one SQLite file.

SQLite's own waiting polls without an order, so one process that writes all the time delays the others for seconds. Two
lock files form a queue: the holder of the first is next, the holder of the second is writing.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class WriteQueue:
    def __init__(self, database: Path) -> None:
        self._next = self._open(database, ".next")
        self._writing = self._open(database, ".writing")

    @staticmethod
    def _open(database: Path, suffix: str) -> int:
        # O_NOFOLLOW refuses a link that someone has put there.
        flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
        handle = os.open(database.with_name(database.name + suffix), flags, 0o600)
        os.fchmod(handle, 0o600)
        return handle

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn and hold it.

        The kernel releases it if the process dies.
        """
        # The first lock is held until the second one is taken, so nobody overtakes the process that is next.
        fcntl.flock(self._next, fcntl.LOCK_EX)
        try:
            fcntl.flock(self._writing, fcntl.LOCK_EX)
        finally:
            fcntl.flock(self._next, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(self._writing, fcntl.LOCK_UN)

    def close(self) -> None:
        os.close(self._next)
        os.close(self._writing)
