"""Hearing of changes: one look for all who listen, none while nobody does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from secconsole.backends import watcher
from secconsole.backends.watcher import Watcher
from secconsole.domain.errors import Unavailable
from secconsole.operations.users import CreateUser
from tests.organisation import TENANT, Organisation, organisation_in


class Counter:
    """A watch that changes when told; `opened` counts how many there were, `open` how many there are."""

    def __init__(self) -> None:
        self.opened = self.open = self.looks = 0
        self.written = False

    def __call__(self) -> Counter:
        self.opened += 1
        self.open += 1
        return self

    async def changed(self) -> bool:
        self.looks += 1
        before, self.written = self.written, False
        return before

    def close(self) -> None:
        self.open -= 1


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Counter:
    monkeypatch.setattr(watcher, "SECONDS", 0.0)
    return Counter()


async def until(holds: object) -> None:
    async with asyncio.timeout(30):
        while not holds():  # type: ignore[operator]
            await asyncio.sleep(0)


async def test_one_look_serves_all_who_listen(counter: Counter) -> None:
    shared = Watcher(counter)
    listeners = [aiter(shared.changes()) for _ in range(50)]
    waiting = [asyncio.ensure_future(anext(listener)) for listener in listeners]
    await until(lambda: counter.looks > 2)
    assert not any(task.done() for task in waiting)
    counter.written = True
    async with asyncio.timeout(30):
        await asyncio.gather(*waiting)
    assert (counter.opened, counter.open) == (1, 1)
    for listener in listeners:
        await listener.aclose()  # type: ignore[attr-defined]
    await until(lambda: counter.open == 0)


async def test_nobody_looks_while_nobody_listens(counter: Counter) -> None:
    shared = Watcher(counter)
    for number in (1, 2):
        listener = shared.changes()
        waiting = asyncio.ensure_future(anext(listener))
        await until(lambda: counter.open == 1)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await until(lambda: counter.open == 0)
        assert counter.opened == number


async def test_what_keeps_it_from_looking_is_told(counter: Counter) -> None:
    def refused() -> Counter:
        raise Unavailable("The store cannot be opened.")

    with pytest.raises(Unavailable):
        await anext(Watcher(refused).changes())


@pytest_asyncio.fixture(params=["sqlite", "postgres"])
async def on_either(home: Path, request: pytest.FixtureRequest) -> AsyncIterator[Organisation]:
    postgres = request.getfixturevalue("postgres") if request.param == "postgres" else None
    async with organisation_in(home, postgres=postgres) as made:
        yield made


async def test_what_anybody_writes_is_heard_of(on_either: Organisation) -> None:
    listener = on_either.backend.changes()
    written = 0
    for _ in range(2):
        waiting = asyncio.ensure_future(anext(listener))
        async with asyncio.timeout(30):
            while not waiting.done():
                written += 1
                await on_either.perform(CreateUser(tenant=TENANT, login=f"user{written}"))
        await waiting
    await listener.aclose()  # type: ignore[attr-defined]
