"""Readiness reports whether the store answers, even during a flood of readers."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import Any

import pytest

from secconsole.backends import embedded
from secconsole.operations.signin import WhoAmI
from tests.organisation import Organisation


@pytest.mark.parametrize("others", [True, False], ids=["others are answered", "nobody is"])
async def test_readiness_does_not_wait_in_the_queue(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch, others: bool
) -> None:
    backend = organisation.backend
    read, asked = backend.store.read, asyncio.Event()

    def queue_readiness(body: Any) -> Future[Any]:
        if body != backend._is_usable:
            return read(body)
        asked.set()
        return Future()  # its turn does not come

    monkeypatch.setattr(backend.store, "read", queue_readiness)
    monkeypatch.setattr(embedded, "READY_SECONDS", 0.5)
    asking = asyncio.create_task(backend.is_ready())
    await asked.wait()
    if others:
        await backend.perform(WhoAmI())
    assert await asking is others


async def test_an_idle_store_is_ready(organisation: Organisation) -> None:
    assert await organisation.backend.is_ready()
