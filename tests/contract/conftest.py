"""The same suite for every backend: in this process, and by way of a server on either database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.organisation import Organisation, organisation_in


@pytest_asyncio.fixture(params=["embedded", "http", "http on postgres"])
async def organisation(home: Path, request: pytest.FixtureRequest) -> AsyncIterator[Organisation]:
    """Tenant `acme`; whoever signs in does so through the backend that the suite is run for."""
    postgres = request.getfixturevalue("postgres") if request.param == "http on postgres" else None
    async with organisation_in(home, over_http=request.param != "embedded", postgres=postgres) as made:
        yield made
