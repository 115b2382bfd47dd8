"""Two PostgreSQL clusters, one a streaming replica of the other, and the failure of one."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.postgres import PORT, Cluster, wait_until

SETTINGS = ("fsync=off", "full_page_writes=off", "synchronous_commit=on")  # processes die here, machines do not
_PAUSE = 0.01  # seconds between two looks


class Pair:
    """A primary and its standby. If synchronous, no commit is answered before the standby has it."""

    def __init__(self, *, synchronous: bool) -> None:
        self.synchronous = synchronous
        self.primary = Cluster(SETTINGS)
        try:
            self.standby = Cluster((), like=self.primary)
        except BaseException:
            self.primary.remove()
            raise
        if synchronous:
            self.primary.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
            self.primary.sql("SELECT pg_reload_conf()")
        wanted = f"streaming|{'sync' if synchronous else 'async'}"
        asked = "SELECT state, sync_state FROM pg_stat_replication"
        wait_until(lambda: self.primary.sql(asked) == wanted, f"replication is {wanted}")

    def dsn(self, database: str) -> str:
        """Return the address of a database on whichever of the two is writable."""
        folders = f"{self.primary.folder},{self.standby.folder}"
        return f"postgresql://postgres@/{database}?host={folders}&port={PORT},{PORT}&target_session_attrs=read-write"

    def part(self) -> None:
        """Stop replication to the standby, as if the connection between them hung."""
        os.kill(int(self.primary.sql("SELECT pid FROM pg_stat_replication")), signal.SIGSTOP)

    def waiting(self) -> int:
        """Return the number of commits of the primary that wait for the standby."""
        return int(self.primary.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"))

    def promote(self) -> None:
        """Promote the standby, and return once it is writable."""
        self.standby.sql("SELECT pg_promote()")

    def remove(self) -> None:
        self.primary.remove()
        self.standby.remove()


@dataclass(frozen=True, slots=True)
class Passed:
    """Times when the primary was dead, the standby was promoted, and a write was acknowledged again."""

    killed: float
    promoted: float
    written: float


async def fail_over(pair: Pair, acknowledged: Callable[[], int], *, each: int, waiting: int) -> Passed:
    """Kill the primary of a pair under load, promote the standby, and return when writes continue.

    `acknowledged` tells how many writes are by now; `each` as many are waited for before every step. The standby gets
    nothing in the last moments: without that nothing is ever lost, and such a test shows nothing. Writers of a
    synchronous pair are held up then; it is waited for `waiting` of them.
    """
    await until(lambda: acknowledged() >= each, f"{each} writes")
    pair.part()
    if pair.synchronous:
        await until(lambda: pair.waiting() >= waiting, f"{waiting} commits wait for the standby")
    else:
        unseen = acknowledged() + each
        await until(lambda: acknowledged() >= unseen, f"{each} writes that the standby does not get")
    await asyncio.to_thread(pair.primary.kill)
    killed, before = time.monotonic(), acknowledged()
    promoting = asyncio.create_task(asyncio.to_thread(pair.promote))
    written = promoted = 0.0
    while not (promoted and written):
        await asyncio.sleep(_PAUSE)
        now = time.monotonic()
        assert now < killed + 30, f"no write for 30 s; promoted: {bool(promoted)}"
        promoted = promoted or now * promoting.done()
        written = written or now * (acknowledged() > before)
    await promoting
    await until(lambda: acknowledged() >= before + each, f"{each} writes after it")
    return Passed(killed, promoted, written)


async def until(holds: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Wait for a condition without blocking the event loop."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        await asyncio.sleep(_PAUSE)
