"""Clients of the application without a network, which other tests cover with a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest_asyncio

from secconsole.server.app import make_app
from tests.organisation import NEVER_MIND, PASSWORD, TENANT, Organisation

SIGN_IN = f"/v1/tenants/{TENANT}/sign-in"
GOOD = {"login": "root", "password": PASSWORD.reveal()}


@pytest_asyncio.fixture
async def client(organisation: Organisation) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=make_app(organisation.backend, refused=NEVER_MIND))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as made:
        yield made


@pytest_asyncio.fixture
async def root(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """Signed in as the platform administrator."""
    token = (await client.post(SIGN_IN, json=GOOD)).json()["token"]
    client.headers["authorization"] = f"Bearer {token}"
    return client
