"""Values computed for one request are cached for it, also in other threads, and for no other or longer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from secconsole.domain.once import carried, once, remembering
from secconsole.service.outbox.worker import DeliveryWorker


def counting() -> tuple[list[str], Callable[[str], str]]:
    """Return a function, and what it was asked for."""
    asked: list[str] = []

    @once
    def doubled(text: str) -> str:
        asked.append(text)
        return text * 2

    return asked, doubled


def test_a_value_is_computed_once_on_request() -> None:
    asked, doubled = counting()
    with remembering({}):
        assert [doubled("a"), doubled("a"), doubled("b")] == ["aa", "aa", "bb"]
    assert asked == ["a", "b"]
    assert [doubled("a"), doubled("a")] == ["aa", "aa"]
    assert asked == ["a", "b", "a", "a"]
    with remembering({}):
        doubled("a")
    assert asked == ["a", "b", "a", "a", "a"]


def test_another_thread_sees_the_value_only_if_passed_on() -> None:
    asked, doubled = counting()
    with ThreadPoolExecutor(1) as pool, remembering({}):
        doubled("a")
        assert pool.submit(carried(doubled), "a").result() == "aa"
        assert asked == ["a"]
        assert pool.submit(doubled, "a").result() == "aa"
    assert asked == ["a", "a"]


async def test_concurrent_requests_have_separate_values() -> None:
    asked, doubled = counting()

    async def request() -> None:
        with remembering({}):
            doubled("a")
            await asyncio.sleep(0)
            doubled("a")

    await asyncio.gather(request(), request())
    assert asked == ["a", "a"]


async def test_work_after_a_request_keeps_none_of_its_values() -> None:
    asked, doubled = counting()

    class Woken(DeliveryWorker):
        async def _work(self) -> None:
            doubled("a")

    worker = Woken(None, None)  # type: ignore[arg-type]
    done: dict[tuple[object, ...], object] = {}
    with remembering(done):
        worker.wake()
        assert worker._task is not None
        await worker._task
    assert (asked, done) == (["a"], {})
