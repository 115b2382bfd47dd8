"""The stream of changes is for who is signed in, for as long as they are, and listening to it is no activity."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from secconsole.operations.caller import Bearer
from secconsole.operations.signin import SignOut
from secconsole.server import changes
from tests.organisation import ROOT, SOCKET, Organisation, organisation_in

STILL = ": still here"
PATIENCE = 10.0  # seconds


@pytest_asyncio.fixture
async def organisation(home: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Organisation]:
    monkeypatch.setattr(changes, "KEEP_ALIVE", 0.05)
    async with organisation_in(home, over_http=True) as made:
        yield made


async def listen(organisation: Organisation, who: Bearer) -> AsyncIterator[str]:
    transport = httpx.AsyncHTTPTransport(uds=str(organisation.home / SOCKET))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=10) as client:
        headers = {"authorization": f"Bearer {who.token.reveal()}"}
        async with client.stream("GET", "/v1/changes", headers=headers) as answer:
            assert answer.status_code == 200
            async for line in answer.aiter_lines():
                yield line


async def until(lines: AsyncIterator[str], wanted: str, times: int = 1) -> None:
    async for line in lines:
        times -= line == wanted
        if not times:
            return
    raise AssertionError(f"it ended without {wanted}")


async def end_of(lines: AsyncIterator[str]) -> None:
    async with asyncio.timeout(PATIENCE):
        async for _ in lines:
            pass


async def test_it_ends_with_the_session(organisation: Organisation) -> None:
    who = await organisation.sign_in(ROOT)
    lines = listen(organisation, who)
    await until(lines, STILL, 2)
    await organisation.perform(SignOut(), who)
    await end_of(lines)


async def test_it_does_not_keep_a_session_that_nobody_uses(organisation: Organisation) -> None:
    lines = listen(organisation, await organisation.sign_in(ROOT))
    await until(lines, STILL)
    organisation.clock.forward(minutes=59)
    await until(lines, STILL, 3)
    organisation.clock.forward(minutes=2)
    await end_of(lines)
