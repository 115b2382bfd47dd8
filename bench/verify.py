"""Cost of verifying a code: compared with bare statements, many at once, and in a big organisation."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from bench.bare_store import BareStore
from bench.console import CONSOLE
from bench.figure import Bench, Result, median, milliseconds
from bench.verifier import verifier
from secconsole.config.locations import HOME_VARIABLE
from tests.postgres import Cluster

SMALL = 10_000
PHONES = 1_000
AT_ONCE = 16
_SHIM = Path(__file__).with_name("slow_fsync.c")
_WARM_UP = 50


def beside_bare(bench: Bench) -> Iterator[Result]:
    """Measure verifies one by one, ours and the bare one in turn, each on its own copy of one store."""
    count = bench.rounds(1000)
    bench.say("verify beside the bare statements")
    with ExitStack() as copies:
        home = copies.enter_context(bench.stores.copy(SMALL, "ours"))
        bare_home = copies.enter_context(bench.stores.copy(SMALL, "bare"))
        ours, bare = asyncio.run(_in_turn(home, BareStore(bare_home / "console.db"), count))
    yield Result(
        "verify p50 ÷ the same statements on bare sqlite3",
        median(ours) / median(bare),
        3,
        "×",
        f"{milliseconds(median(ours))} ÷ {milliseconds(median(bare))}; one by one in turn, n = {count}",
    )


def many_at_once(bench: Bench) -> Iterator[Result]:
    """Measure in a separate process, into which the slow flush is loaded."""
    what = f"verifies per second at {AT_ONCE} at once ÷ at 1, with a 4 ms fsync"
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None or sys.platform != "linux":
        yield Result(what, None, 10, "×", "needs a C compiler on Linux, for an fsync of 4 ms", at_least=True)
        return
    rounds = bench.rounds(8)
    bench.say(f"{AT_ONCE} verifies at once")
    shim = bench.stores.folder / "slow_fsync.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", shim, _SHIM, "-ldl"], check=True)
    with bench.stores.copy(SMALL, "at-once") as home:
        worker = subprocess.run(
            [sys.executable, "-m", "bench.verify", str(home), str(rounds)],
            env={**os.environ, "LD_PRELOAD": str(shim)},
            stdout=subprocess.PIPE,
            check=True,
        )
    one, many = json.loads(worker.stdout)
    yield Result(
        what,
        median(many) / median(one),
        10,
        "×",
        f"{median(many):,.0f}/s ÷ {median(one):,.0f}/s; in turn, {rounds} rounds of 1 s or so each",
        at_least=True,
    )


def big_beside_small(bench: Bench) -> Iterator[Result]:
    """Measure verifies one by one, in a big store and a small one in turn, each phone far from the last."""
    count = bench.rounds(1000)
    with ExitStack() as stack:
        big = stack.enter_context(bench.stores.copy(bench.users, "big"))
        small = stack.enter_context(bench.stores.copy(SMALL, "small"))
        cluster = Cluster(())
        stack.callback(cluster.remove)
        for engine in ("SQLite", "PostgreSQL"):
            on_postgres = engine == "PostgreSQL"
            stores = [_copied(bench, cluster, home) if on_postgres else "" for home in (big, small)]
            bench.say(f"verify among {bench.users:,} users on {engine}")
            slow, fast = asyncio.run(_two_stores((big, stores[0]), (small, stores[1]), count))
            yield Result(
                f"verify p50, {bench.users:,} ÷ {SMALL:,} users, {engine}",
                median(slow) / median(fast),
                1.2,
                "×",
                f"{milliseconds(median(slow))} ÷ {milliseconds(median(fast))}; one by one in turn, n = {count}",
            )


def _copied(bench: Bench, cluster: Cluster, home: Path) -> str:
    """Return the address of a copy of a home's store on PostgreSQL."""
    bench.say("copying a store to PostgreSQL")
    dsn = cluster.fresh_database()
    command = [*CONSOLE, "store", "copy", f"sqlite:///{home / 'console.db'}", dsn]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, HOME_VARIABLE: str(home)})
    return dsn


async def _in_turn(home: Path, bare_store: BareStore, count: int) -> tuple[list[float], list[float]]:
    ours: list[float] = []
    bare: list[float] = []
    async with verifier(home, PHONES) as real:
        for person, step, code in itertools.islice(real.codes(), count + _WARM_UP):
            ours.append(await real.verify(person, code))
            started = time.perf_counter()
            bare_store.verify(person, step, step * 30_000)
            bare.append(time.perf_counter() - started)
    bare_store.close()
    return ours[_WARM_UP:], bare[_WARM_UP:]


async def _two_stores(big: tuple[Path, str], small: tuple[Path, str], count: int) -> tuple[list[float], list[float]]:
    """Measure two stores, each of a home or elsewhere with the key of that home."""
    measured: tuple[list[float], list[float]] = ([], [])
    async with verifier(big[0], PHONES, big[1]) as one, verifier(small[0], PHONES, small[1]) as other:
        pairs = zip(one.codes(), other.codes(), strict=True)
        for (far, _, far_code), (near, _, near_code) in itertools.islice(pairs, count + _WARM_UP):
            measured[0].append(await one.verify(far, far_code))
            measured[1].append(await other.verify(near, near_code))
    return measured[0][_WARM_UP:], measured[1][_WARM_UP:]


async def _rates(home: Path, rounds: int) -> tuple[list[float], list[float]]:
    async with verifier(home, PHONES) as real:
        await real.per_second(_WARM_UP, 1)
        rates = [(await real.per_second(200, 1), await real.per_second(PHONES, AT_ONCE)) for _ in range(rounds)]
    return [one for one, _ in rates], [many for _, many in rates]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_rates(Path(sys.argv[1]), int(sys.argv[2])))))
