"""The served API's verify compared with a bare server that does one commit, on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.console import CONSOLE, Account, take_accounts
from bench.cpu import cpu_seconds
from bench.figure import Bench, Result, median, milliseconds, percentile
from bench.verifier import Phone, phones_in
from secconsole.backends.demo.people import TENANT
from secconsole.backends.embedded import open_embedded
from secconsole.backends.http import HttpBackend
from secconsole.config.locations import HOME_VARIABLE
from secconsole.domain.factors.totp import code_for_step, time_step
from secconsole.domain.secret import Secret
from secconsole.operations.caller import Nobody, StoreOwner
from secconsole.operations.factors import VerifyCode
from secconsole.operations.signin import SignIn, VerifySignIn
from secconsole.operations.wire import to_request
from tests.postgres import Cluster

USERS = 10_000
PHONES = 5_000
CALLS = {1: 200, 16: 800}  # calls of one round by the number of callers
_LONGEST = 60.0  # seconds until an operation counts as hung
# ratios at 1 and 16 callers, p99 ÷ the bare server's, and the server's CPU time
_LIMITS = {("SQLite", 1): 0.4, ("SQLite", 16): 0.5, ("PostgreSQL", 1): 0.35, ("PostgreSQL", 16): 0.4}
_P99, _CPU = 3.0, 0.6
_DURABLE = ()  # PostgreSQL with its defaults, which flush before answering, like SQLite

Calls = list[tuple[str, str]]  # path and body


def beside_floor(bench: Bench) -> Iterator[Result]:
    with ExitStack() as stack:
        home = stack.enter_context(bench.stores.copy(USERS, "served"))
        os.environ[HOME_VARIABLE] = str(home)
        account = next(account for account in take_accounts(home).values() if account.seed is not None)
        phones = asyncio.run(phones_of(home))
        cluster = stack.enter_context(_cluster())
        bench.say("copying the store to PostgreSQL")
        ours, floor = cluster.fresh_database(), cluster.fresh_database()
        sqlite = f"sqlite:///{home / 'console.db'}"
        subprocess.run([*CONSOLE, "store", "copy", sqlite, ours], check=True, capture_output=True)
        for engine, store, bare in (("SQLite", sqlite, str(home / "floor.db")), ("PostgreSQL", ours, floor)):
            yield from _on(bench, home, engine, store, bare, Codes(phones), account)


def _on(
    bench: Bench, home: Path, engine: str, store: str, bare: str, codes: Codes, account: Account
) -> Iterator[Result]:
    """Measure one engine, with both servers running and called in turn."""
    rounds = bench.rounds(8)
    ours = {at_once: Side() for at_once in CALLS}
    floor = {at_once: Side() for at_once in CALLS}
    api, bare_socket = home / "api.sock", home / "floor.sock"
    with (
        running(api, *CONSOLE, "serve", "--listen", f"unix:{api}", "--store", store, "--demo") as server,
        running(bare_socket, sys.executable, "-m", "bench.floor", str(bare_socket), bare),
    ):
        token = asyncio.run(sign_in_at(api, account))
        for number in range(-1, rounds):  # the first one warms up
            for at_once, count in CALLS.items():
                bench.say(f"serving on {engine}, {at_once} at once: round {number + 1} of {rounds}")
                calls = codes.take(count)
                before = cpu_seconds(server.pid)
                took, seconds = _call(api, at_once, calls, token)
                cpu = cpu_seconds(server.pid) - before
                bare_took, bare_seconds = _call(bare_socket, at_once, calls, token)
                if number >= 0:
                    ours[at_once].add(took, seconds, cpu)
                    floor[at_once].add(bare_took, bare_seconds)
    for at_once in CALLS:
        yield from _rows(engine, at_once, ours[at_once], floor[at_once])


def _rows(engine: str, at_once: int, ours: Side, floor: Side) -> Iterator[Result]:
    callers = f"{at_once} caller{'s' * (at_once > 1)}"
    yield Result(
        f"verifies per second, served ÷ bare server, {engine}, {callers}",
        median(ours.rates) / median(floor.rates),
        _LIMITS[engine, at_once],
        "×",
        f"{median(ours.rates):,.0f}/s ÷ {median(floor.rates):,.0f}/s; in turn, {len(ours.rates)} rounds of "
        f"{CALLS[at_once]}; the bare one does a single insert and commit for each",
        at_least=True,
    )
    for percent in (50, 99):
        slow, fast = percentile(ours.took, percent), percentile(floor.took, percent)
        yield Result(
            f"  p{percent} of the same",
            slow / fast,
            _P99 if percent == 99 and at_once > 1 else None,
            "×",
            f"{milliseconds(slow)} ÷ {milliseconds(fast)}",
        )
    yield Result(
        "  CPU time of the server for each",
        ours.cpu / len(ours.took) * 1000,
        _CPU,
        " ms",
        f"user and system time of all its threads, over {len(ours.took):,} verifies",
    )


@dataclass
class Side:
    """Measurements of one server: calls per second of each round, and the seconds of every call."""

    rates: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    cpu: float = 0.0

    def add(self, took: list[float], seconds: float, cpu: float = 0.0) -> None:
        self.rates.append(len(took) / seconds)
        self.took += took
        self.cpu += cpu


class Codes:
    """Requests that are accepted, each with an unused code of a phone."""

    def __init__(self, phones: list[Phone]) -> None:
        self._phones = phones
        self._used = [0] * len(phones)
        self._next = 0

    def take(self, count: int) -> Calls:
        """Return so many requests, after waiting for new codes if all phones are used."""
        calls: Calls = []
        while len(calls) < count:
            now = time_step(time.time())
            if self._used[self._next] > now:  # all codes of all phones are used
                time.sleep(0.1)
                continue
            step = self._used[self._next] = max(now, self._used[self._next] + 1)
            phone = self._phones[self._next]
            self._next = (self._next + 1) % len(self._phones)
            code = Secret(code_for_step(phone.seed, step))
            request = to_request(VerifyCode(tenant=TENANT, user=phone.person.login, code=code))
            assert request.body is not None
            calls.append((request.path, request.body.decode()))
        return calls


def _call(socket: Path, at_once: int, calls: Calls, token: Secret[str]) -> tuple[list[float], float]:
    """Return the seconds of each call and of all, measured by a separate process."""
    return read_calls(begin_calls(socket, at_once, calls, token))


def begin_calls(socket: Path, at_once: int, calls: Calls, token: Secret[str]) -> subprocess.Popen[bytes]:
    """Start a separate process that makes calls and measures them."""
    head = (
        f"host: localhost\r\ncontent-type: application/json\r\naccept: application/json\r\n"
        f"authorization: Bearer {token.reveal()}\r\n"
    )
    run = subprocess.Popen(
        [sys.executable, "-m", "bench.callers", str(socket), str(at_once)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert run.stdin is not None
    run.stdin.write(json.dumps({"head": head, "calls": calls}).encode())
    run.stdin.close()
    run.stdin = None  # it is complete, also for `communicate`
    return run


def read_calls(run: subprocess.Popen[bytes]) -> tuple[list[float], float]:
    """Return the seconds of each call and of all, when they have ended."""
    try:
        answer, _ = run.communicate(timeout=_LONGEST)
    finally:
        run.kill()
        run.wait()
    found = json.loads(answer)
    return found["took"], found["seconds"]


async def phones_of(home: Path) -> list[Phone]:
    backend = await open_embedded(StoreOwner("bench"), "command")
    try:
        return await asyncio.wrap_future(backend.store.read(lambda c: phones_in(c, backend.keys, PHONES)))
    finally:
        await backend.close()


async def sign_in_at(socket: Path, account: Account) -> Secret[str]:
    assert account.seed is not None
    backend = HttpBackend(f"unix:{socket}", Nobody())
    try:
        started = await backend.perform(SignIn(tenant=TENANT, login=account.login, password=Secret(account.password)))
        assert started.challenge is not None
        code = Secret(code_for_step(account.seed, time_step(time.time())))
        done = await backend.perform(VerifySignIn(challenge=started.challenge, factor="", code=code))
        assert done.token is not None
        return done.token
    finally:
        await backend.close()


@contextmanager
def _cluster() -> Iterator[Cluster]:
    cluster = Cluster(_DURABLE)
    try:
        yield cluster
    finally:
        cluster.remove()


@contextmanager
def running(socket: Path, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server, and yield its process once it answers."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as run:
        try:
            _await_answer(run, socket)
            yield run
        finally:
            run.terminate()


def _await_answer(run: subprocess.Popen[bytes], socket: Path) -> None:
    end = time.monotonic() + _LONGEST
    transport = httpx.HTTPTransport(uds=str(socket), verify=False)
    with httpx.Client(transport=transport, base_url="http://localhost") as client:
        while True:
            try:
                client.get("/readyz")
                return
            except httpx.TransportError:
                if run.poll() is not None or time.monotonic() > end:
                    raise ChildProcessError(f"no server answers on {socket}") from None
                time.sleep(0.05)
