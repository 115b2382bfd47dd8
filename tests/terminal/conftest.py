from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.prepared import prepared
from tests.terminal.terminal_driver import Term

ROOT = Path(__file__).parents[2]
Start = Callable[..., Term]


@pytest.fixture
def term(tmp_path: Path) -> Iterator[Start]:
    """Start a program in a new terminal with a private home, and close all at the end.

    A module is started in a fork with everything imported, unless `cold`: importing takes longer than most tests.
    """
    open_ones: list[Term] = []

    def start(*argv: str, env: dict[str, str | None] | None = None, cold: bool = False, **options: object) -> Term:
        home = {"SECCONSOLE_HOME": str(tmp_path / "home")}
        forking = None if cold or argv[0] != "-m" else prepared()
        opened = Term([sys.executable, *argv], env=home | (env or {}), cwd=str(ROOT), prepared=forking, **options)
        open_ones.append(opened)
        return opened

    yield start
    for opened in open_ones:
        opened.close()


@pytest.fixture
def sample(term: Start) -> Start:
    """Start one of the small apps here by the name of its module."""

    def start(name: str, *words: str, **options: object) -> Term:
        return term("-m", "tests.terminal.launch", name, *words, **options)

    return start
