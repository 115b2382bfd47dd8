"""Fixtures for all tests: a private home, and an organisation in it."""

from __future__ import annotations

import compileall
import gc
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from _pytest.unraisableexception import gc_collect_iterations_key
from hypothesis import settings

import secconsole
from secconsole.backends import head_log
from tests import cheap_passwords, compiled, extent, rewritten
from tests.environment import FixedEnvironment
from tests.organisation import Organisation, organisation_in
from tests.postgres import Cluster

_environment = FixedEnvironment()
_environment.isolate()
compiled.share()
cheap_passwords.cheapen()


def pytest_addoption(parser: pytest.Parser) -> None:
    extent.add_option(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Load the examples' number before any module reads it."""
    settings.load_profile(extent.extent_of(config))
    config.stash[gc_collect_iterations_key] = 1  # at the end, for errors in __del__: five take seconds of each process
    head_log.SYSTEM_LOG = "/nowhere"  # the machine's own log hears nothing of tests
    rewritten.ahead(config)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Keep the garbage collector away from modules and tests: looking through them takes a fifth of the time."""
    gc.disable()
    result = yield
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()
    return result


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return extent.is_left_out(config, collection_path) or None


# Tests that press keys and look at the screen are tried once more: a busy machine may hold up program, terminal and
# test longer than any wait. The report names them.
_WALKS = {Path(__file__).parent / name for name in ("terminal", "tui")}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    extent.select(config, items)
    for item in items:
        if _WALKS.intersection(item.path.parents):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_unconfigure() -> None:
    """Leave nothing behind."""
    _environment.remove()


@pytest.fixture(scope="session", autouse=True)
def _compiled() -> None:
    """Compile the package once, like an installation. Otherwise each program that a test starts would compile it."""
    compileall.compile_dir(Path(secconsole.__file__).parent, quiet=2)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a private home for one test, with SECCONSOLE_HOME set to it."""
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
    """Run a PostgreSQL for the tests, each of which takes a database from it, or fail if none is available."""
    cluster = Cluster()
    try:
        yield cluster
    finally:
        cluster.remove()
