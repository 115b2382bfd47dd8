"""The queue of the password hasher: sign-ins first, callers in turn, bounded, without endless waits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from secconsole.domain.errors import Busy
from secconsole.domain.throttling.turns import Turns
from secconsole.service.factors.hash_pool import DECOYS, PLACES, TURN_OF_THE_LAST, HashPool, Lane


class Bench:
    """A pool of one thread, held by a gate while work is queued. `done` is the order of completion."""

    def __init__(self, threads: int = 1) -> None:
        self.pool = HashPool(threads)
        self.gate = threading.Event()
        self.done: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    def add(self, lane: Lane, caller: str, name: str) -> None:
        self.tasks.append(asyncio.create_task(self.pool.run(lane, caller, lambda: self._work(name))))

    async def finish(self) -> list[str]:
        """Let all work finish, and return its order without the first piece, which held the thread."""
        while len(self.done) < 1:
            await asyncio.sleep(0)
        self.gate.set()
        await asyncio.gather(*self.tasks)
        return self.done[1:]

    def _work(self, name: str) -> None:
        self.done.append(name)
        if name == "first":
            self.gate.wait()


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    made.add(Lane.SIGN_IN, "", "first")
    while not made.done:
        await asyncio.sleep(0)
    yield made
    made.gate.set()
    made.pool.close()


async def test_sign_ins_precede_new_passwords_which_precede_imports(bench: Bench) -> None:
    for lane in reversed(Lane):
        for number in range(2):
            bench.add(lane, "one", f"{lane.name} {number}")
    await asyncio.sleep(0)
    assert await bench.finish() == [f"{lane.name} {number}" for lane in Lane for number in range(2)]
    assert [lane.name for lane in Lane] == ["REGULAR", "SIGN_IN", "CHANGE", "BULK"]


async def test_many_jobs_of_one_tenant_delay_another_tenant_by_one(bench: Bench) -> None:
    for number in range(10):
        bench.add(Lane.BULK, "big", f"big {number}")
    await asyncio.sleep(0)
    bench.add(Lane.BULK, "small", "small")
    await asyncio.sleep(0)
    assert (await bench.finish()).index("small") == 1


async def test_the_last_lane_is_served_under_a_flood(bench: Bench) -> None:
    bench.add(Lane.BULK, "one", "import")
    for number in range(3 * TURN_OF_THE_LAST):
        bench.add(Lane.SIGN_IN, "flood", str(number))
    await asyncio.sleep(0)
    assert (await bench.finish()).index("import") < TURN_OF_THE_LAST


async def test_a_caller_who_gives_up_while_waiting_costs_nothing(bench: Bench) -> None:
    bench.add(Lane.SIGN_IN, "one", "left")
    await asyncio.sleep(0)
    left = bench.tasks.pop()
    left.cancel()
    bench.add(Lane.SIGN_IN, "one", "stays")
    await asyncio.sleep(0)
    assert await bench.finish() == ["stays"]
    assert left.cancelled()


async def test_an_import_leaves_one_thread_to_others() -> None:
    bench = Bench(threads=2)
    running, most = 0, 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.001)
        with lock:
            running -= 1

    await asyncio.gather(*(bench.pool.run(Lane.BULK, "one", work) for _ in range(20)))
    assert most == 1
    bench.pool.close()


async def test_decoys_beyond_their_share_are_batched_and_take_no_slots(bench: Bench) -> None:
    bench.tasks += [
        asyncio.create_task(bench.pool.run_decoy(bench.pool.place(Lane.SIGN_IN, n), lambda: bench.done.append("decoy")))
        for n in range(200)
        if await asyncio.sleep(0) is None  # each in its turn, so that those before it wait already
    ]
    await asyncio.sleep(0)
    assert bench.pool._taken[Lane.SIGN_IN] == DECOYS
    bench.add(Lane.SIGN_IN, "honest", "honest")
    await asyncio.sleep(0)
    done = await bench.finish()
    assert done.count("decoy") == DECOYS
    assert "honest" in done


async def test_decoys_of_one_lane_do_not_wait_for_those_of_another(bench: Bench) -> None:
    """A login that does not exist would take longer than one that does, in a flood of guesses from elsewhere."""

    async def decoy(lane: Lane, caller: int, name: str) -> None:
        await bench.pool.run_decoy(bench.pool.place(lane, caller), lambda: bench.done.append(name))

    for number in range(DECOYS * 2):
        bench.tasks.append(asyncio.create_task(decoy(Lane.SIGN_IN, number, "flood")))
        await asyncio.sleep(0)
    bench.tasks.append(asyncio.create_task(decoy(Lane.REGULAR, 1, "regular")))
    await asyncio.sleep(0)
    assert (await bench.finish())[0] == "regular"


async def test_decoys_wait_and_compute_like_any_check(bench: Bench) -> None:
    place = bench.pool.place(Lane.SIGN_IN, "one")
    for number in range(3):
        bench.add(Lane.SIGN_IN, "one", f"real {number}")
        await asyncio.sleep(0)
        bench.tasks.append(asyncio.create_task(bench.pool.run_decoy(place, lambda: bench.done.append("decoy"))))
        await asyncio.sleep(0)
    assert await bench.finish() == ["real 0", "decoy", "real 1", "decoy", "real 2", "decoy"]


@pytest.mark.parametrize("lane", list(Lane))
def test_slots_are_bounded_in_total_and_per_caller(lane: Lane) -> None:
    pool = HashPool(2)
    places = PLACES[lane] * 2
    held = [pool.place(lane, "one") for _ in range(places // 2)]
    with pytest.raises(Busy):
        pool.place(lane, "one")
    held += [pool.place(lane, n) for n in range(places - len(held))]
    with pytest.raises(Busy):
        pool.place(lane, "last")
    for place in held:
        place.release()
        place.release()
    pool.place(lane, "one").release()
    assert not pool._taken
    pool.close()


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans())))
def test_turns_keep_each_callers_order_and_alternate_between_callers(steps: list[tuple[int, bool]]) -> None:
    turns: Turns[tuple[int, int]] = Turns()
    waiting: dict[int, list[tuple[int, int]]] = {}
    passed: dict[int, dict[int, int]] = {}
    for number, (caller, add) in enumerate(steps):
        if add:
            turns.add(caller, (caller, number))
            if not waiting.setdefault(caller, []):
                passed[caller] = {}
            waiting[caller].append((caller, number))
            continue
        taken = turns.take()
        if not any(waiting.values()):
            assert taken is None
            continue
        assert taken is not None
        assert taken == waiting[taken[0]].pop(0)
        passed[taken[0]] = {}
        for other, items in waiting.items():
            if items and other != taken[0]:
                passed[other][taken[0]] = passed[other].get(taken[0], 0) + 1
                assert passed[other][taken[0]] == 1
