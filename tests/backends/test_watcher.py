"""Notices of changes: one poll for all listeners, none without listeners, and only for those who may see them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection
from pathlib import Path

import pytest
import pytest_asyncio

from secconsole.backends import watcher
from secconsole.backends.watcher import Reader, Watcher
from secconsole.domain.audience import Audience, Change
from secconsole.domain.errors import NotSignedIn, SecconsoleError, Unavailable
from secconsole.operations.caller import Source
from secconsole.operations.users import CreateUser
from secconsole.store.changes import Heads
from tests.organisation import TENANT, Organisation, organisation_in

EVERYTHING = Audience(None)


async def anyone() -> Audience:
    return EVERYTHING


class Counter:
    """A store with scripted changes. `opened` counts all watches, `open` those that are open."""

    def __init__(self) -> None:
        self.opened = self.open = self.looks = 0
        self.written: list[Change] = []
        self.asked: list[Collection[Audience]] = []
        self.refused = 0

    def watch(self) -> Counter:
        self.opened += 1
        self.open += 1
        return self

    async def changed(self) -> bool:
        self.looks += 1
        return bool(self.written)

    async def changes_since(
        self, before: Heads | None, audiences: Collection[Audience]
    ) -> tuple[Heads, Collection[Change]]:
        if self.refused:
            self.refused -= 1
            raise Unavailable("The store does not answer.")
        self.asked.append(audiences)
        found, self.written = self.written, []
        return {}, found

    def close(self) -> None:
        self.open -= 1


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Counter:
    monkeypatch.setattr(watcher, "SECONDS", 0.0)
    return Counter()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0)


async def listening(shared: Watcher, reader: Reader = anyone) -> AsyncGenerator[None]:
    """Return a listener that has begun to listen."""
    listener = shared.changes(reader)
    async with asyncio.timeout(30):
        await anext(listener)
    return listener


def test_a_change_is_read_within_half_a_second() -> None:
    """The other half is for reading and drawing, which takes longer on a busy machine and is not timed there."""
    assert 0 < watcher.SECONDS <= 0.5


async def test_one_poll_serves_all_listeners(counter: Counter) -> None:
    shared = Watcher(counter)
    listeners = [await listening(shared) for _ in range(50)]
    waiting = [asyncio.ensure_future(anext(listener)) for listener in listeners]
    await until(lambda: counter.looks > 2)
    assert not any(task.done() for task in waiting)
    counter.written = [Change(1)]
    async with asyncio.timeout(30):
        await asyncio.gather(*waiting)
    assert (counter.opened, counter.open) == (1, 1)
    for listener in listeners:
        await listener.aclose()
    await until(lambda: counter.open == 0)


async def test_no_polling_without_listeners(counter: Counter) -> None:
    shared = Watcher(counter)
    for number in (1, 2):
        listener = shared.changes(anyone)
        waiting = asyncio.ensure_future(anext(listener))
        await until(lambda: counter.open == 1)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await listener.aclose()
        await until(lambda: counter.open == 0)
        assert counter.opened == number


async def test_errors_of_polling_are_reported(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> Counter:
        raise Unavailable("The store cannot be opened.")

    monkeypatch.setattr(counter, "watch", refused)
    with pytest.raises(Unavailable):
        await anext(Watcher(counter).changes(anyone))


async def test_a_change_that_could_not_be_read_is_announced_later(counter: Counter) -> None:
    listener = await listening(Watcher(counter))
    counter.written, counter.refused = [Change(1)], 3
    async with asyncio.timeout(30):
        await anext(listener)
    assert counter.refused == 0
    await listener.aclose()


async def test_only_permitted_listeners_are_notified(counter: Counter) -> None:
    shared = Watcher(counter)

    async def of_two() -> Audience:
        return Audience(2)

    there, elsewhere = await listening(shared), await listening(shared, of_two)
    waiting = asyncio.ensure_future(anext(elsewhere))
    for _ in range(3):
        counter.written = [Change(1)]
        async with asyncio.timeout(30):
            await anext(there)
    assert not waiting.done()
    counter.written = [Change(2)]
    async with asyncio.timeout(30):
        await waiting
    await there.aclose()
    await elsewhere.aclose()


async def test_permissions_are_checked_before_each_notice(counter: Counter) -> None:
    shared = Watcher(counter)
    answers: list[Audience | SecconsoleError] = [EVERYTHING, Unavailable("later"), Audience(2), NotSignedIn("over")]

    async def reader() -> Audience:
        answer = answers.pop(0)
        if isinstance(answer, SecconsoleError):
            raise answer
        return answer

    listener, everything = await listening(shared, reader), await listening(shared)
    async with asyncio.timeout(30):
        counter.written = [Change(1)]
        await anext(listener)  # once the store had answered who they are
        await anext(everything)
        waiting = asyncio.ensure_future(anext(listener))
        counter.written = [Change(1)]
        await anext(everything)
        assert not waiting.done()  # since only the other tenant is theirs now
        counter.written = [Change(2)]
        with pytest.raises(NotSignedIn):
            await waiting
    await everything.aclose()


@pytest_asyncio.fixture(params=["sqlite", "postgres"])
async def on_either(home: Path, request: pytest.FixtureRequest) -> AsyncIterator[Organisation]:
    postgres = request.getfixturevalue("postgres") if request.param == "postgres" else None
    async with organisation_in(home, postgres=postgres) as made:
        yield made


async def test_writes_of_other_processes_are_noticed(on_either: Organisation) -> None:
    listener = on_either.backend.changes_for(on_either.backend.credential, Source())
    await anext(listener)
    written = 0
    for _ in range(2):
        waiting = asyncio.ensure_future(anext(listener))
        async with asyncio.timeout(30):
            while not waiting.done():
                written += 1
                await on_either.perform(CreateUser(tenant=TENANT, login=f"user{written}"))
        await waiting
    await listener.aclose()
