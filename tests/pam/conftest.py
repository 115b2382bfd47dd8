"""A machine whose programs ask secconsole through PAM."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from secconsole.backends.demo.fill import create_demo
from tests.pam.module import Machine, Running, agent, build, missing


@pytest.fixture(scope="session")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if lacking := missing():
        pytest.skip(f"not installed: {lacking}")
    return build(tmp_path_factory.mktemp("module"))


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("demo") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECCONSOLE_HOME", str(home))
        asyncio.run(create_demo(home, users=12, seed=7))
    return home


@pytest.fixture
def machine(module: Path, tmp_path: Path) -> Machine:
    made = Machine(tmp_path, module)
    made.configure()
    return made


@pytest.fixture
def demo(filled: Path, tmp_path: Path) -> Path:
    """A demo's home of one test."""
    return Path(shutil.copytree(filled, tmp_path / "home"))


@pytest.fixture
def answered(machine: Machine, demo: Path) -> Iterator[Running]:
    """An agent that answers the machine's programs."""
    with agent(machine, demo) as running:
        yield running
