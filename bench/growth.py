"""Growth: pages and searches over HTTP in a big organisation, many tenants beside one, and a long audit."""

from __future__ import annotations

import asyncio
import http.client
import itertools
import os
import socket as sockets
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

from bench.console import CONSOLE, take_accounts
from bench.figure import Bench, Result, median, milliseconds, percentile
from bench.keys import WORDS
from bench.served import running, sign_in_at
from secconsole.backends.demo.people import TENANT
from secconsole.config.locations import HOME_VARIABLE
from secconsole.domain.secret import Secret
from tests.postgres import Cluster

SMALL = 10_000
_PAGE = 50
_PAGE_MS, _SEARCH_MS = 20.0, 45.0


class _Line(http.client.HTTPConnection):
    """A persistent connection to a UNIX socket."""

    def __init__(self, path: Path, token: Secret[str]) -> None:
        super().__init__("localhost")
        self._path = path
        self._bearer = {"authorization": f"Bearer {token.reveal()}"}

    def connect(self) -> None:
        self.sock = sockets.socket(sockets.AF_UNIX)
        self.sock.connect(str(self._path))

    def seconds(self, path: str) -> float:
        """Return the seconds until a page was read."""
        started = time.perf_counter()
        self.request("GET", path, headers=self._bearer)
        answer = self.getresponse()
        body = answer.read()
        took = time.perf_counter() - started
        if answer.status != 200:
            raise ValueError(f"{path}: {body!r}")
        return took


def pages(bench: Bench) -> Iterator[Result]:
    """Measure the first page and searches as typed, in a big and a small organisation in turn, on both stores."""
    with ExitStack() as stack:
        cluster = Cluster(())
        stack.callback(cluster.remove)
        lines: dict[tuple[str, int], _Line] = {}
        for users in (bench.users, SMALL):
            home = stack.enter_context(bench.stores.copy(users, f"pages-{users}"))
            os.environ[HOME_VARIABLE] = str(home)
            account = next(account for account in take_accounts(home).values() if account.seed is not None)
            dsn, store = cluster.fresh_database(), f"sqlite:///{home / 'console.db'}"
            bench.say(f"copying {users:,} users to PostgreSQL")
            subprocess.run([*CONSOLE, "store", "copy", store, dsn], check=True, capture_output=True)
            for engine, where in (("SQLite", store), ("PostgreSQL", dsn)):
                socket = home / f"{engine}.sock"
                stack.enter_context(
                    running(socket, *CONSOLE, "serve", "--listen", f"unix:{socket}", "--store", where, "--demo")
                )
                lines[engine, users] = _Line(socket, asyncio.run(sign_in_at(socket, account)))
        for engine in ("SQLite", "PostgreSQL"):
            yield from _on(bench, engine, lines[engine, bench.users], lines[engine, SMALL])


def _on(bench: Bench, engine: str, big: _Line, small: _Line) -> Iterator[Result]:
    base = f"/v1/tenants/{TENANT}/users?limit={_PAGE}"
    typed = [text[:length] for text in WORDS for length in range(1, len(text) + 1)]
    paths = {text: f"{base}&words={quote(text)}" for text in typed}
    took: dict[tuple[str, int], list[float]] = {}
    for number in range(-1, bench.rounds(20)):  # the first one warms up
        bench.say(f"pages on {engine}: round {number + 1}")
        for side, line in enumerate((big, small)):
            for what, path in {"": base, **paths}.items():
                seconds = line.seconds(path)
                if number >= 0:
                    took.setdefault((what, side), []).append(seconds)
    first, first_small = took["", 0], took["", 1]
    yield Result(
        f"first page over HTTP, {engine}, {bench.users:,} users: p95",
        percentile(first, 95) * 1000,
        _PAGE_MS,
        " ms",
        f"p50 {milliseconds(median(first))}, among {SMALL:,} users {milliseconds(median(first_small))}; "
        f"n = {len(first)}",
    )
    searches = list(itertools.chain.from_iterable(took[text, 0] for text in typed))
    slowest = max(typed, key=lambda text: median(took[text, 0]))
    yield Result(
        "  search as it is typed: p95",
        percentile(searches, 95) * 1000,
        _SEARCH_MS,
        " ms",
        f"p50 {milliseconds(median(searches))}, slowest {slowest!r} {milliseconds(median(took[slowest, 0]))}; "
        f"{len(typed)} texts, n = {len(searches)}",
    )
