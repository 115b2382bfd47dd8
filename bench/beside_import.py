"""Delay of one tenant's sign-in during another tenant's longest import, in one process and at a server."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Protocol, TypeVar

from bench.console import CONSOLE, take_accounts
from bench.figure import Bench, Result, median, milliseconds, percentile
from bench.served import running, sign_in_at
from secconsole.backends.demo.people import TENANT
from secconsole.backends.embedded import open_embedded
from secconsole.backends.http import HttpBackend
from secconsole.config.locations import HOME_VARIABLE
from secconsole.domain.errors import Unavailable
from secconsole.domain.limits import MOST_LINES
from secconsole.domain.model import SignInStatus
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.operations.caller import Bearer, Nobody, StoreOwner
from secconsole.operations.signin import SignIn
from secconsole.operations.tenants import CreateTenant
from secconsole.operations.user_import import ImportUsers, NewUser
from secconsole.operations.users import CreateUser

R = TypeVar("R")
USERS = 1_000
OTHER, LOGIN, PASSWORD = "other", "honest", Secret("an honest and rather long password")
LIMIT = 0.3
_BATCH = 12  # sign-ins in a row

_UNDER_WAY = 0.5  # seconds until an import has reached its slow part

Lines = Iterator[tuple[NewUser, ...]]


class Performs(Protocol):
    """Either backend."""

    async def perform(self, operation: Operation[R]) -> R: ...


Both = tuple[Performs, Performs]  # for the sign-ins, and for the import
Opened = Callable[[Path], AbstractAsyncContextManager[Both]]


def sign_in_beside(bench: Bench) -> Iterator[Result]:
    for where, opened in (("embedded", _embedded), ("served", _served)):
        with bench.stores.copy(USERS, "beside") as home:
            os.environ[HOME_VARIABLE] = str(home)
            asyncio.run(_add_other_tenant())
            for what, alone, beside in asyncio.run(_measure(bench, home, where, opened)):
                yield Result(
                    f"sign-in during another tenant's import of {MOST_LINES:,} {what}, {where}: median delay",
                    median(beside) - median(alone),
                    LIMIT,
                    " s",
                    f"{milliseconds(median(beside))} during it − {milliseconds(median(alone))} alone; in turn, "
                    f"{len(alone)} of each; p95 during it {milliseconds(percentile(beside, 95))}",
                )


async def _measure(bench: Bench, home: Path, where: str, opened: Opened) -> list[tuple[str, list[float], list[float]]]:
    measured: list[tuple[str, list[float], list[float]]] = []
    async with opened(home) as (signing_in, importing):
        await _sign_ins(signing_in, 3)  # warm up
        for what, lines in (("new users", _new()), ("changes", _changing()), ("passwords", _with_passwords())):
            alone: list[float] = []
            beside: list[float] = []
            for number in range(rounds := bench.rounds(4)):
                bench.say(f"signing in beside an import of {what}, {where}: round {number + 1} of {rounds}")
                alone += await _sign_ins(signing_in, _BATCH)
                under_way = asyncio.create_task(_import_on(importing, lines))
                await asyncio.sleep(_UNDER_WAY)
                beside += await _sign_ins(signing_in, _BATCH)
                if under_way.done():
                    under_way.result()
                under_way.cancel()
                with suppress(asyncio.CancelledError):
                    await under_way
                await asyncio.sleep(_UNDER_WAY)
            measured.append((what, alone, beside))
    return measured


async def _sign_ins(backend: Performs, count: int) -> list[float]:
    took = []
    for _ in range(count):
        started = time.perf_counter()
        answer = await backend.perform(SignIn(tenant=OTHER, login=LOGIN, password=PASSWORD))
        took.append(time.perf_counter() - started)
        if answer.status is not SignInStatus.COMPLETE:
            raise LookupError(f"{LOGIN}: {answer.message}")
    return took


async def _import_on(backend: Performs, lines: Lines) -> None:
    """Repeat imports until cancelled."""
    for users in lines:
        try:
            result = await backend.perform(ImportUsers(tenant=TENANT, users=users))
        except Unavailable:  # five thousand hashes take longer than a client's timeout, and the queue is limited
            await asyncio.sleep(_UNDER_WAY)
            continue
        if result.rejected:
            raise LookupError(f"{result.rejected[0]}")


def _with_passwords() -> Lines:
    for turn in itertools.count():
        yield tuple(
            NewUser(n, f"p{turn}.{n}", password=Secret(f"a password of line {n} in {turn}")) for n in range(MOST_LINES)
        )


def _new() -> Lines:
    for turn in itertools.count():
        yield tuple(
            NewUser(n, f"n{turn}.{n}", "A New Person", f"n{turn}.{n}@acme.example", "+420601123456")
            for n in range(MOST_LINES)
        )


def _changing() -> Lines:
    for turn in itertools.count():
        yield tuple(NewUser(n, f"c.{n}", f"Person {turn}", f"c{turn}.{n}@acme.example") for n in range(MOST_LINES))


async def _add_other_tenant() -> None:
    backend = await open_embedded(StoreOwner("bench"), "command")
    try:
        await backend.perform(CreateTenant(name=OTHER))
        await backend.perform(CreateUser(tenant=OTHER, login=LOGIN, password=PASSWORD))
    finally:
        await backend.close()


@asynccontextmanager
async def _embedded(home: Path) -> AsyncIterator[Both]:
    backend = await open_embedded(StoreOwner("bench"), "console")
    try:
        yield backend, backend
    finally:
        await backend.close()


@asynccontextmanager
async def _served(home: Path) -> AsyncIterator[Both]:
    socket = home / "api.sock"
    account = next(account for account in take_accounts(home).values() if account.seed is not None)
    with running(socket, *CONSOLE, "serve", "--listen", f"unix:{socket}", "--demo"):
        token = await sign_in_at(socket, account)
        signing_in = HttpBackend(f"unix:{socket}", Nobody())
        importing = HttpBackend(f"unix:{socket}", Bearer(token))
        try:
            yield signing_in, importing
        finally:
            await signing_in.close()
            await importing.close()
