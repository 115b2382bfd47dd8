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
_DURABLE = ()  # PostgreSQL with its defaults, which flush before answering, like SQLite

Calls = list[tuple[str, str]]  # path and body


def beside_floor(bench: Bench) -> Iterator[Result]:
    with ExitStack() as stack:
        home = stack.enter_context(bench.stores.copy(USERS, "served"))
        os.environ[HOME_VARIABLE] = str(home)
        account = next(account for account in take_accounts(home).values() if account.seed is not None)
        phones = asyncio.run(_phones(home))
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
    demo = ["--demo"] if store.startswith("sqlite:") else []  # the copy on PostgreSQL is not a demo
    api, bare_socket = home / "api.sock", home / "floor.sock"
    with (
        running(api, *CONSOLE, "serve", "--listen", f"unix:{api}", "--store", store, *demo),
        running(bare_socket, sys.executable, "-m", "bench.floor", str(bare_socket), bare),
    ):
        token = asyncio.run(sign_in_at(api, account))
        for number in range(-1, rounds):  # the first one warms up
            for at_once, count in CALLS.items():
                bench.say(f"serving on {engine}, {at_once} at once: round {number + 1} of {rounds}")
                calls = codes.take(count)
                measured = [_call(socket, at_once, calls, token) for socket in (api, bare_socket)]
                if number >= 0:
                    ours[at_once].add(*measured[0])
                    floor[at_once].add(*measured[1])
    for at_once in CALLS:
        yield from _rows(engine, at_once, ours[at_once], floor[at_once])


def _rows(engine: str, at_once: int, ours: Side, floor: Side) -> Iterator[Result]:
    callers = f"{at_once} caller{'s' * (at_once > 1)}"
    yield Result(
        f"verifies per second, served ÷ bare server, {engine}, {callers}",
        median(ours.rates) / median(floor.rates),
        None,
        "×",
        f"{median(ours.rates):,.0f}/s ÷ {median(floor.rates):,.0f}/s; in turn, {len(ours.rates)} rounds of "
        f"{CALLS[at_once]}; the bare one does a single insert and commit for each",
        at_least=True,
    )
    for percent in (50, 99):
        slow, fast = percentile(ours.took, percent), percentile(floor.took, percent)
        yield Result(
            f"  p{percent} of the same", slow / fast, None, "×", f"{milliseconds(slow)} ÷ {milliseconds(fast)}"
        )


@dataclass
class Side:
    """Measurements of one server: calls per second of each round, and the seconds of every call."""

    rates: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)

    def add(self, took: list[float], seconds: float) -> None:
        self.rates.append(len(took) / seconds)
        self.took += took


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
    head = (
        f"host: localhost\r\ncontent-type: application/json\r\naccept: application/json\r\n"
        f"authorization: Bearer {token.reveal()}\r\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "bench.callers", str(socket), str(at_once)],
        input=json.dumps({"head": head, "calls": calls}).encode(),
        stdout=subprocess.PIPE,
        check=True,
        timeout=_LONGEST,
    )
    found = json.loads(done.stdout)
    return found["took"], found["seconds"]


async def _phones(home: Path) -> list[Phone]:
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
def running(socket: Path, *command: str) -> Iterator[None]:
    """Run a server, and yield once it answers."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as run:
        try:
            _await_answer(run, socket)
            yield
        finally:
            run.terminate()


def _await_answer(run: subprocess.Popen[bytes], socket: Path) -> None:
    end = time.monotonic() + _LONGEST
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(socket)), base_url="http://localhost") as client:
        while True:
            try:
                client.get("/readyz")
                return
            except httpx.TransportError:
                if run.poll() is not None or time.monotonic() > end:
                    raise ChildProcessError(f"no server answers on {socket}") from None
                time.sleep(0.05)
