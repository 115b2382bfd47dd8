"""Costs of a key in the Users place: time to its frame, and bytes sent to the terminal."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.console import await_text, go_to_users, sign_in, take_accounts, terminal
from bench.figure import Bench, Result, median, milliseconds, percentile
from secconsole.backends.demo.people import TENANT
from secconsole.backends.embedded import open_embedded
from secconsole.config.locations import HOME_VARIABLE
from secconsole.domain.users.search import parse_search
from secconsole.operations.caller import StoreOwner
from secconsole.operations.users import ListUsers
from tests.terminal.terminal_driver import Key, Term

SMALL = 1_000
PAGE = 128
WORDS = ("maria", "novak", "jan k", "okafor", "status:unbound", "zdenek b", "ai", "example", "rossi12", "xyzzy")
BETWEEN = 0.12  # seconds between two keys of a fast typist
_BEFORE_DETAILS = 0.06  # seconds without output, less than the delay of the details below
_TABLE = range(3, 19)  # the search, its count and the rows at 80×24, without the delayed details below


def table_keys(bench: Bench) -> Iterator[Result]:
    """Measure the same keys in a big organisation and in a small one, in turn."""
    rounds = bench.rounds(20)
    measured: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in ("down", "pagedown", "end")}
    with ExitStack() as open_ones:
        pair = [_users_place(bench, open_ones, users, f"keys-{users}") for users in (bench.users, SMALL)]
        for number in range(rounds):
            bench.say(f"keys in Users: round {number + 1} of {rounds}")
            for name, (big, small) in measured.items():
                for term, values in zip(pair, (big, small), strict=True):
                    values.append(_seconds(_press(term, name)))
            for term in pair:
                _press(term, "home")
    for name, (big, small) in measured.items():
        yield Result(
            f"key to frame in Users, {name}, {bench.users:,} ÷ {SMALL:,} users",
            median(big) / median(small),
            1.2,
            "×",
            f"{milliseconds(median(big))} ÷ {milliseconds(median(small))}; in turn, n = {rounds}",
        )


def search(bench: Bench) -> Iterator[Result]:
    with ExitStack() as open_ones:
        bench.say("search, key by key")
        home = open_ones.enter_context(bench.stores.copy(bench.users, "search"))
        term = open_ones.enter_context(_in_users(home))
        frames = [seconds for word in WORDS for seconds in _typed(term, word)]
        term.close()
        bench.say("search, the query alone")
        queries = asyncio.run(_queries(home, bench.rounds(8)))
    yield Result(
        f"search, key to frame, p95, {bench.users:,} users",
        percentile(frames, 95) * 1000,
        45,
        " ms",
        f"p50 {milliseconds(median(frames))}; {len(frames)} keys, {BETWEEN * 1000:.0f} ms apart, {len(WORDS)} searches",
    )
    every = [seconds for found in queries.values() for seconds in found]
    slowest = max(queries, key=lambda text: median(queries[text]))
    yield Result(
        f"search, the query itself, p95, {bench.users:,} users",
        percentile(every, 95) * 1000,
        10,
        " ms",
        f"p50 {milliseconds(median(every))}; ListUsers of {PAGE}, every beginning of those searches, n = {len(every)}; "
        f"slowest {slowest!r}, {milliseconds(median(queries[slowest]))}",
    )


@dataclass(slots=True)
class _Bytes:
    cursor: list[int] = field(default_factory=list)
    details: list[int] = field(default_factory=list)
    page: list[int] = field(default_factory=list)
    place: list[int] = field(default_factory=list)
    first_visit: list[int] = field(default_factory=list)


def wire(bench: Bench) -> Iterator[Result]:
    """Measure the bytes to the terminal at 80×24 in true colour."""
    rounds = bench.rounds(8)
    found = _Bytes()
    with ExitStack() as open_ones:
        home = open_ones.enter_context(bench.stores.copy(bench.users, "bytes"))
        accounts = list(take_accounts(home).values())
        term = open_ones.enter_context(terminal(home))
        sign_in(term, accounts[0])
        await_text(term, "Needs attention")
        term.wait_quiet(1, 10)
        bench.say("bytes: first visits")
        found.first_visit += [_press(term, place, 1).nbytes for place in "2345671"]
        go_to_users(term)
        for number in range(rounds):
            bench.say(f"bytes: round {number + 1} of {rounds}")
            _press(term, "home", 0.4)
            found.cursor += [_press(term, "down", _BEFORE_DETAILS).nbytes for _ in range(5)]
            term.wait_quiet(0.4, 5)
            found.details += [_press(term, "down", 0.4).nbytes for _ in range(3)]
            found.page += [_press(term, "pagedown", 0.4).nbytes for _ in range(2)]
            found.place += [_press(term, place, 0.6).nbytes for place in "1345672"]
        bench.say("bytes: idle")
        term.wait_quiet(1, 10)
        before = term.nbytes
        time.sleep(5)
        idle = (term.nbytes - before) / 5
    how = "median, 80×24, true colour, n = {}"
    yield Result("bytes, cursor", median(found.cursor), 200, " B", how.format(len(found.cursor)))
    yield Result(
        "  and with the details of the selected user", median(found.details), None, " B", how.format(len(found.details))
    )
    yield Result("bytes, page", median(found.page), 1600, " B", how.format(len(found.page)))
    yield Result("bytes, change of place", max(found.place), 4000, " B", f"the largest of {len(found.place)}")
    yield Result(
        "bytes, first visit to a place", max(found.first_visit), 5000, " B", f"the largest of {len(found.first_visit)}"
    )
    yield Result("bytes, idle second", idle, 0, " B", "over 5 s in Users")


def _users_place(bench: Bench, open_ones: ExitStack, users: int, name: str) -> Term:
    bench.say(f"signing in among {users:,} users")
    return open_ones.enter_context(_in_users(open_ones.enter_context(bench.stores.copy(users, name))))


@contextmanager
def _in_users(home: Path) -> Iterator[Term]:
    accounts = list(take_accounts(home).values())
    with terminal(home) as term:
        sign_in(term, accounts[0])
        go_to_users(term)
        yield term


def _typed(term: Term, text: str) -> list[float]:
    """Type a search like a user, and return the seconds from each key to the frame in which the table is final."""
    term.press("/")
    term.wait_quiet(0.3, 5)
    taken = [_press(term, letter, BETWEEN) for letter in text]
    term.press("escape")  # back to the table, the search as it is
    term.wait_quiet(0.3, 5)
    term.press("/")
    term.wait_quiet(0.3, 5)
    term.press(*["backspace"] * len(text))
    term.press("enter")
    term.wait_quiet(0.5, 5)
    return [_seconds(key) for key in taken]


async def _queries(home: Path, rounds: int) -> dict[str, list[float]]:
    """Return the seconds for each prefix of the searches, requested like the console does."""
    os.environ[HOME_VARIABLE] = str(home)
    backend = await open_embedded(StoreOwner("bench"), "command")
    asked = [text[:length] for text in WORDS for length in range(1, len(text) + 1)]
    measured: dict[str, list[float]] = {text: [] for text in asked}
    try:
        for _ in range(rounds):
            for text in measured:
                query = ListUsers(tenant=TENANT, filter=parse_search(text)[0], limit=PAGE)
                started = time.perf_counter()
                await backend.perform(query)
                measured[text].append(time.perf_counter() - started)
    finally:
        await backend.close()
    return measured


def _press(term: Term, name: str, quiet: float = 0.25) -> Key:
    return term.key(name, quiet=quiet, region=lambda t: t.grid(rows=_TABLE))


def _seconds(key: Key) -> float:
    found = key.settled or key.first
    if found is None:
        raise TimeoutError("a key changed nothing")
    return found
