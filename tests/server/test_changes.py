"""The stream of changes requires a session, ends with it, and does not count as activity.

A14: neither its content nor its timing depends on another tenant.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from secconsole.domain.roles import Role
from secconsole.operations.caller import Bearer
from secconsole.operations.signin import SignOut
from secconsole.operations.tenants import CreateTenant
from secconsole.operations.users import CreateUser
from secconsole.server import changes
from tests.organisation import ROOT, SOCKET, TENANT, Organisation, organisation_in

STILL = ": still here"
PATIENCE = 10.0  # seconds


@pytest_asyncio.fixture
async def organisation(home: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Organisation]:
    monkeypatch.setattr(changes, "KEEP_ALIVE", 0.05)
    async with organisation_in(home, over_http=True) as made:
        yield made


async def listen(organisation: Organisation, who: Bearer) -> AsyncIterator[str]:
    transport = httpx.AsyncHTTPTransport(uds=str(organisation.home / SOCKET), verify=False)
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


async def test_the_stream_ends_with_the_session(organisation: Organisation) -> None:
    who = await organisation.sign_in(ROOT)
    lines = listen(organisation, who)
    await until(lines, STILL, 2)
    await organisation.perform(SignOut(), who)
    await end_of(lines)


async def test_the_stream_does_not_keep_an_unused_session_open(organisation: Organisation) -> None:
    lines = listen(organisation, await organisation.sign_in(ROOT))
    await until(lines, STILL)
    organisation.clock.forward(minutes=59)
    await until(lines, STILL, 3)
    organisation.clock.forward(minutes=2)
    await end_of(lines)


async def test_a14_keep_alive_comments_continue_while_another_tenant_is_busy(organisation: Organisation) -> None:
    await organisation.perform(CreateTenant(name="globex"))
    await organisation.add("spy", Role.TENANT_ADMIN)
    lines = listen(organisation, await organisation.sign_in("spy"))
    await until(lines, ": hello")
    heard: list[str] = []
    is_over: list[bool] = []

    async def write() -> None:
        for number in itertools.count():
            if is_over:
                return
            await organisation.perform(CreateUser(tenant="globex", login=f"user{number}"))

    writing = asyncio.create_task(write())
    async for line in lines:
        heard += [line] if line else []
        if heard.count(STILL) == 4:
            break
    is_over.append(True)
    await writing
    assert set(heard) == {STILL}
    await organisation.perform(CreateUser(tenant=TENANT, login="nina"))
    await until(lines, "event: change")
