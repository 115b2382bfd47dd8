"""A sign-in during an attack from one source, compared with the same sign-in without an attack."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from bench.console import CONSOLE
from bench.figure import Bench, Result, median, milliseconds
from secconsole.backends.demo.people import TENANT
from secconsole.backends.new_store import create_store
from secconsole.config.locations import HOME_VARIABLE
from secconsole.domain.secret import Secret

LOGIN, PASSWORD = "root", Secret("correct horse battery staple")
ATTACKS = {"halves": (560, "half-sent requests"), "guesses": (150, "guessing connections")}
AT_A_TIME = 5  # sign-ins of one round without an attack, and as many during one
LIMIT = 1.0
_LONGEST = 60.0  # seconds until an operation counts as hung


def sign_in_under_attack(bench: Bench) -> Iterator[Result]:
    with TemporaryDirectory(prefix="secconsole-attacked-") as folder:
        os.environ[HOME_VARIABLE] = str(Path(folder) / "home")
        asyncio.run(create_store(tenant=TENANT, admin=LOGIN, password=PASSWORD))
        with _server() as port:
            for kind, (at_once, words) in ATTACKS.items():
                yield _figure(bench, port, kind, at_once, words)


def _figure(bench: Bench, port: int, kind: str, at_once: int, words: str) -> Result:
    rounds = bench.rounds(8)
    alone: list[float] = []
    beside: list[float] = []
    health: list[float] = []
    _sign_in(port)  # warms up
    for number in range(rounds):
        bench.say(f"signing in beside {at_once} {words}: round {number + 1} of {rounds}")
        alone += [_sign_in(port) for _ in range(AT_A_TIME)]
        with _attack(kind, port, at_once):
            for _ in range(AT_A_TIME):
                beside.append(_sign_in(port))
                health.append(_healthy(port))
    return Result(
        f"honest sign-in during {at_once} {words} of one source",
        median(beside),
        LIMIT,
        " s",
        f"{median(beside) / median(alone):.1f} times the {milliseconds(median(alone))} without an attack; slowest "
        f"of {len(beside)}: {milliseconds(max(beside))}; /healthz and /readyz together {milliseconds(median(health))}",
    )


def _sign_in(port: int) -> float:
    """Return the seconds of a sign-in over a new connection."""
    began = time.perf_counter()
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=_LONGEST) as client:
        body = {"login": LOGIN, "password": PASSWORD.reveal()}
        answer = client.post(f"/v1/tenants/{TENANT}/sign-in", json=body)
    took = time.perf_counter() - began
    if answer.json().get("status") != "complete":
        raise ValueError(f"not signed in: {answer.text}")
    return took


def _healthy(port: int) -> float:
    began = time.perf_counter()
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=_LONGEST) as client:
        for path in ("/healthz", "/readyz"):
            client.get(path).raise_for_status()
    return time.perf_counter() - began


@contextmanager
def _attack(kind: str, port: int, at_once: int) -> Iterator[None]:
    command = [sys.executable, "-m", "bench.attackers", kind, str(port), str(at_once)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as run:
        try:
            assert run.stdout is not None
            if not run.stdout.readline():
                raise ChildProcessError("the attack did not begin")
            yield
        finally:
            run.kill()


@contextmanager
def _server() -> Iterator[int]:
    """Run a server, and yield its port once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [*CONSOLE, "serve", "--listen", f"127.0.0.1:{port}"]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as run:
        try:
            _await_answer(run, port)
            yield port
        finally:
            run.terminate()


def _await_answer(run: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + _LONGEST
    while True:
        try:
            _healthy(port)
            return
        except (httpx.TransportError, httpx.HTTPStatusError):
            if run.poll() is not None or time.monotonic() > end:
                raise ChildProcessError(f"no server answers on port {port}") from None
            time.sleep(0.05)
