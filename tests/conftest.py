"""Fixtures for everybody: a private home, and an organisation in it."""

from __future__ import annotations

import compileall
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import settings

import secconsole
from tests.organisation import Organisation, organisation_in
from tests.postgres import Cluster

settings.register_profile("tests", deadline=None, derandomize=True)
settings.load_profile("tests")


@pytest.fixture(scope="session", autouse=True)
def _compiled() -> None:
    """As an install leaves it; else, where Python writes no bytecode, each program a test starts compiles it anew."""
    compileall.compile_dir(Path(secconsole.__file__).parent, quiet=2)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for one test; SECCONSOLE_HOME points to it."""
    path = tmp_path / "home"
    monkeypatch.setenv("SECCONSOLE_HOME", str(path))
    return path


@pytest_asyncio.fixture
async def organisation(home: Path) -> AsyncIterator[Organisation]:
    """Tenant `acme` with its platform administrator `root`, on a real store, acting as the store's owner."""
    async with organisation_in(home) as made:
        yield made


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL of these tests' own; each takes a database from it. Where none can be had, the test fails."""
    cluster = Cluster()
    try:
        yield cluster
    finally:
        cluster.remove()
