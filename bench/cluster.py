"""Several servers on one PostgreSQL with a synchronous standby, and pgbench beside them as the floor."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from bench.console import CONSOLE, take_accounts
from bench.figure import Bench, Result, median
from bench.served import USERS, Calls, Codes, begin_calls, phones_of, read_calls, running, sign_in_at
from secconsole.config.locations import HOME_VARIABLE
from secconsole.domain.secret import Secret
from tests.cli.test_postgres_refusals import IGNORED, PGBOUNCER, pooler
from tests.failover.pair import Pair
from tests.postgres import Cluster

SERVERS = (1, 2, 4)
CALLERS = 16  # of each server
_EACH = 200  # calls to each server in a round, which end before their codes do
_PGBENCH_SECONDS = 2
_FLUSHED = ("fsync = on", "full_page_writes = on")


def many_servers(bench: Bench) -> Iterator[Result]:
    """Measure one, two and four servers in turn, with one tenant and callers to spare."""
    rounds = bench.rounds(8)
    with ExitStack() as stack:
        home = stack.enter_context(bench.stores.copy(USERS, "cluster"))
        os.environ[HOME_VARIABLE] = str(home)
        account = next(account for account in take_accounts(home).values() if account.seed is not None)
        codes = Codes(asyncio.run(phones_of(home)))
        pair = Pair(synchronous=True)
        stack.callback(pair.remove)
        for setting in _FLUSHED:
            pair.primary.sql(f"ALTER SYSTEM SET {setting}")
        pair.primary.sql("SELECT pg_reload_conf()")
        dsn, floor = pair.primary.fresh_database(), pair.primary.fresh_database()
        bench.say("copying the store to PostgreSQL")
        store = f"sqlite:///{home / 'console.db'}"
        subprocess.run([*CONSOLE, "store", "copy", store, dsn], check=True, capture_output=True)
        script = _floor(pair.primary, floor)
        sockets = [home / f"api-{number}.sock" for number in range(max(SERVERS))]
        for socket in sockets:
            stack.enter_context(
                running(socket, *CONSOLE, "serve", "--listen", f"unix:{socket}", "--store", dsn, "--demo")
            )
        token = asyncio.run(sign_in_at(sockets[0], account))
        rates: dict[int, list[float]] = {count: [] for count in SERVERS}
        floors: list[float] = []
        for number in range(-1, rounds):  # the first one warms up
            for count in SERVERS:
                bench.say(f"{count} servers: round {number + 1} of {rounds}")
                rate = _rate(sockets[:count], codes, token)
                if number >= 0:
                    rates[count].append(rate)
            floors.append(_pgbench(pair.primary, floor, script))
        yield from _rows(rates, floors)
        yield from _poolers(pair.primary, dsn)


def _rows(rates: dict[int, list[float]], floors: list[float]) -> Iterator[Result]:
    one, floor = median(rates[1]), median(floors)
    cores = os.cpu_count() or 1
    yield Result(
        "verifies per second, one server ÷ pgbench, synchronous standby",
        one / floor,
        None,
        "×",
        f"{one:,.0f}/s ÷ {floor:,.0f}/s; pgbench does one insert and commit for each, with {CALLERS} connections",
    )
    for count in SERVERS[1:]:
        enough = cores >= 2 * count + 2  # servers, their load generators, the database and its standby
        yield Result(
            f"  {count} servers ÷ one, one tenant, {CALLERS} callers each",
            median(rates[count]) / one,
            1.6 if enough and count == 2 else None,
            "×",
            f"{median(rates[count]):,.0f}/s ÷ {one:,.0f}/s, in turn, {len(rates[count])} rounds"
            + ("" if enough else f"; {cores} cores for servers, database, standby and callers: shows no gain"),
            at_least=True,
        )


def _rate(sockets: list[Path], codes: Codes, token: Secret[str]) -> float:
    """Return the verifies per second of all these servers together, each with its own load generator."""
    work: list[Calls] = [codes.take(_EACH) for _ in sockets]
    begun = [begin_calls(socket, CALLERS, calls, token) for socket, calls in zip(sockets, work, strict=True)]
    return sum(len(took) / seconds for took, seconds in map(read_calls, begun))


def _floor(cluster: Cluster, dsn: str) -> Path:
    cluster.sql("CREATE TABLE done (pk bigserial PRIMARY KEY, body text NOT NULL)", cluster.name_of(dsn))
    script = cluster.folder / "floor.sql"
    script.write_text('INSERT INTO done (body) VALUES (\'{"code": "123456"}\');\n')
    script.chmod(0o644)
    return script


def _pgbench(cluster: Cluster, dsn: str, script: Path) -> float:
    """Return pgbench's transactions per second."""
    told = cluster._run(
        "pgbench",
        *("-n", "-M", "prepared", "-c", str(CALLERS), "-j", "2", "-T", str(_PGBENCH_SECONDS), "-f", str(script)),
        *("-h", str(cluster.folder), "-p", "5432", "-U", "postgres", cluster.name_of(dsn)),
    )
    found = re.search(r"tps = ([\d.]+)", told)
    assert found is not None, told
    return float(found[1])


def _poolers(cluster: Cluster, dsn: str) -> Iterator[Result]:
    """Try a server behind PgBouncer, which must be refused in words in both modes."""
    for mode in ("session", "transaction"):
        what = f"server behind PgBouncer, {mode} pooling"
        if PGBOUNCER is None:
            yield Result(what, None, None, "", "needs PgBouncer")
            continue
        settings = (f"pool_mode = {mode}", f"ignore_startup_parameters = {IGNORED}")
        with pooler(cluster, cluster.name_of(dsn), *settings) as url:
            done = subprocess.run(
                [*CONSOLE, "serve", "--check", "--demo", "--store", url], capture_output=True, text=True
            )
        said = (done.stderr.strip().splitlines() or ["without words"])[-1]
        refused = done.returncode == 6 and "pooler" in said
        yield Result(f"{what}: refused in words", float(refused), 1, "", said, at_least=True)
