"""Several processes on one file: no acknowledged write is lost or overwritten, and none waits forever."""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
from concurrent.futures import Future
from contextlib import ExitStack
from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, flock
from pathlib import Path

import pytest

from secconsole.domain.errors import Unavailable
from secconsole.operations.policy import ShowPolicy
from secconsole.operations.users import CountUsers, CreateUser
from secconsole.service import transactions
from secconsole.service.context import Context
from secconsole.store.engine.queue import WriteQueue
from secconsole.store.engine.sqlite import MOST_PER_COMMIT, SqliteStore
from tests.organisation import TENANT, Organisation
from tests.store.looking import broken_chains, column, database
from tests.store.processes import LONGEST, Worker, worker
from tests.store.worker_writes import (
    change_together,
    create_until_killed,
    hold_turn,
    write_all_the_time,
    write_now_and_then,
)

ROUNDS = int(os.environ.get("SECCONSOLE_KILL_ROUNDS", "20"))
GREEDY = 60_000  # writes after which the greedy one gives up, as the others starved


async def test_a45_acknowledged_writes_survive_kill_9(organisation: Organisation) -> None:
    chance = random.Random(45)
    await organisation.backend.close()
    home, acknowledged = organisation.home, ["root"]
    for number in range(ROUNDS):
        with ExitStack() as stack:
            names = [f"r{number}{who}" for who in "ab"]
            now = organisation.clock.now
            both = [stack.enter_context(worker(create_until_killed, home, name, now)) for name in names]
            for one in both:
                acknowledged += [one.hear() for _ in range(chance.randint(1, 25))]
                one.kill()
            for one in both:
                acknowledged += rest(one)
        assert broken_chains(home) == []
    there = column(home, "users", "login")
    assert set(acknowledged) - set(there) == set()
    assert len(acknowledged) > ROUNDS * 2
    assert column(home, "audit", "action").count("user.created") == len(there)


def rest(one: Worker) -> list[str]:
    """Return the output of a process before it died."""
    heard = []
    try:
        while one.pipe.poll():
            heard.append(one.pipe.recv())
    except (EOFError, OSError):
        pass
    return heard


async def test_a47_three_writers_lose_no_update_and_see_no_lock_error(organisation: Organisation) -> None:
    times, names = 12, ("one", "two", "three")
    with ExitStack() as stack:
        start = (change_together, organisation.home)
        workers = [stack.enter_context(worker(*start, name, times, organisation.clock.now)) for name in names]
        for one in workers:
            one.hear()
        for one in workers:
            one.say("go")
        refused = [one.hear() for one in workers]
    assert {word for words in refused for word in words} <= {"stale"}
    assert (await organisation.perform(ShowPolicy(tenant=TENANT))).grace_days == times * len(names)
    assert (await organisation.perform(CountUsers(tenant=TENANT))).total == times * len(names) + 1
    assert broken_chains(organisation.home) == []


async def test_a47_a_greedy_writer_does_not_starve_slow_ones(organisation: Organisation) -> None:
    """Fairness is an order of commits: between a request and its commit are only a few of the greedy one's."""
    with ExitStack() as stack:
        greedy = stack.enter_context(worker(write_all_the_time, organisation.home, GREEDY))
        slow = [stack.enter_context(worker(write_now_and_then, organisation.home, name, 20)) for name in ("ann", "bob")]
        for one in (*slow, greedy):
            one.hear()
        for one in slow:
            one.say("go")
        overtaken = [one.hear() for one in slow]
        greedy.say("stop")
        written = greedy.hear()
    assert written < GREEDY, "the slow ones came only once the greedy one had stopped"
    for gaps in overtaken:
        assert sorted(gaps)[len(gaps) // 2] <= 4 * MOST_PER_COMMIT, gaps


def test_a47_a_waiting_writer_goes_before_the_last_one(tmp_path: Path) -> None:
    first, second = WriteQueue(tmp_path / "x.db"), WriteQueue(tmp_path / "x.db")
    order: list[str] = []

    def wait_and_go() -> None:
        with second.turn():
            order.append("second")

    waiting = threading.Thread(target=wait_and_go)
    with first.turn():
        order.append("first")
        waiting.start()
        wait_until_somebody_is_next(tmp_path / "x.db")
    with first.turn():
        order.append("first again")
    waiting.join(LONGEST)
    assert order == ["first", "second", "first again"]
    first.close()
    second.close()


async def test_a_killed_process_releases_its_turn(organisation: Organisation) -> None:
    store = organisation.backend.store
    with worker(hold_turn, organisation.home) as holder:
        assert holder.hear() == "mine"
        written = store.write(lambda connection: 7)
        wait_until_somebody_is_next(database(organisation.home))
        assert not written.done()
        holder.kill()
        assert written.result(LONGEST) == 7


async def test_a_process_killed_while_waiting_leaves_the_queue(organisation: Organisation) -> None:
    path = database(organisation.home)
    queue = WriteQueue(path)
    with worker(hold_turn, organisation.home) as waiting:
        with queue.turn():
            wait_until_somebody_is_next(path)
            waiting.kill()
        assert organisation.backend.store.write(lambda connection: 7).result(LONGEST) == 7
    queue.close()


async def test_a_write_that_waits_too_long_is_cancelled(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    with worker(hold_turn, organisation.home) as holder:
        assert holder.hear() == "mine"
        with monkeypatch.context() as patch:
            patch.setattr(transactions, "LONGEST_WAIT", 0.05)
            with pytest.raises(Unavailable, match=r"busy.*Nothing was changed"):
                await organisation.perform(CreateUser(tenant=TENANT, login="ana"))
        assert (await organisation.perform(CountUsers(tenant=TENANT))).total == 1  # reading goes on
        holder.say("go on")
        await organisation.perform(CreateUser(tenant=TENANT, login="ben"))
    assert set(column(organisation.home, "users", "login")) == {"root", "ben"}


async def test_a_write_that_has_begun_is_waited_for(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However slow the disk is, the result must be reported."""
    given_up = threading.Event()
    write, audit = SqliteStore.write, Context.audit

    def writing(*arguments: object, **options: object) -> Future[object]:
        future = write(*arguments, **options)
        cancel = future.cancel
        future.cancel = lambda: given_up.set() or cancel()
        return future

    def slowly(*arguments: object, **options: object) -> None:
        assert given_up.wait(LONGEST)
        audit(*arguments, **options)

    monkeypatch.setattr(SqliteStore, "write", writing)
    monkeypatch.setattr(Context, "audit", slowly)
    monkeypatch.setattr(transactions, "LONGEST_WAIT", 0.01)
    made = await organisation.perform(CreateUser(tenant=TENANT, login="ana"))
    assert made.user.login == "ana"


async def test_other_tools_that_lock_the_file_are_waited_for(organisation: Organisation) -> None:
    """A backup or a shell that knows nothing of the queue holds SQLite's own lock."""
    other = sqlite3.connect(database(organisation.home), isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    written = organisation.backend.store.write(lambda connection: 7)
    wait_until_somebody_is_next(database(organisation.home), writing=True)
    other.execute("ROLLBACK")
    other.close()
    assert written.result(LONGEST) == 7


def wait_until_somebody_is_next(path: Path, *, writing: bool = False) -> None:
    """Wait until the first lock (or the second) is held."""
    handle = os.open(path.with_name(path.name + (".writing" if writing else ".next")), os.O_RDWR)
    until = time.monotonic() + LONGEST
    try:
        while time.monotonic() < until:
            try:
                flock(handle, LOCK_EX | LOCK_NB)
            except BlockingIOError:
                return
            flock(handle, LOCK_UN)
            os.sched_yield()
        raise TimeoutError("nobody came")
    finally:
        os.close(handle)
