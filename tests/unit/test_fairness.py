"""Between the parts of a long request, concurrent ones are finished first, and in parallel."""

from __future__ import annotations

import asyncio

import pytest

from secconsole.service import fairness
from secconsole.service.fairness import Courtesy


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fairness, "LONGEST", 30.0)


@pytest.mark.usefixtures("patient")
async def test_a_part_waits_for_the_short_request_in_progress() -> None:
    shared, done, order = Courtesy(), asyncio.Event(), list[str]()

    async def short() -> None:
        with shared.short():
            await done.wait()
            order.append("short")

    async def part() -> None:
        with shared.short(), shared.long():
            await shared.give_way()
            order.append("part")

    tasks = [asyncio.create_task(short()), asyncio.create_task(part())]
    await asyncio.sleep(0)
    done.set()
    await asyncio.gather(*tasks)
    assert order == ["short", "part"]


@pytest.mark.usefixtures("patient")
async def test_long_requests_do_not_wait_for_each_other() -> None:
    shared = Courtesy()
    with shared.short(), shared.long(), shared.short(), shared.long():
        await asyncio.wait_for(shared.give_way(), 1)


@pytest.mark.usefixtures("patient")
async def test_a_long_request_can_be_cancelled_when_a_short_one_ends() -> None:
    shared = Courtesy()

    async def part() -> None:
        with shared.short(), shared.long():
            await shared.give_way()

    with shared.short():
        waiting = asyncio.create_task(part())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_part_waits_no_longer_than_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fairness, "LONGEST", 0.0)
    shared = Courtesy()
    with shared.short():
        await asyncio.wait_for(shared.give_way(), 30)
