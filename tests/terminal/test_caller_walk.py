"""A caller without a phone, in a real terminal: check, reset, code to read out, undo, and a second person."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from secconsole.backends.demo.fill import create_demo
from tests.terminal.terminal_driver import Term

pytestmark = pytest.mark.terminal
Start = Callable[..., Term]
RIGHT = "\x1b[C"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("demo") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECCONSOLE_HOME", str(home))
        asyncio.run(create_demo(home, users=60, seed=7))
    return home


@pytest.fixture
def found(filled: Path, tmp_path: Path, term: Start) -> Term:
    """Hana's console with the caller under the cursor."""
    home = tmp_path / "demo"
    shutil.copytree(filled, home)
    started = term("-m", "tests.terminal.sample_users", "hana", env={"SECCONSOLE_HOME": str(home)}, cols=80, rows=24)
    assert started.wait_text("60 users", 20) is not None, started.text()
    started.type("/marek.novak")
    assert started.wait_text(r"1 of 60 users", 5) is not None, started.text()
    started.press("enter")
    started.wait_quiet(0.3)
    return started


def test_one_dialog_checks_resets_and_issues_a_code(found: Term) -> None:
    found.type("R")
    assert found.wait_text(r"Reset: marek\.novak", 5) is not None, found.text()
    found.send(f"lost phone\tT-17\t\t\t{RIGHT}\r")
    assert found.wait_text(r"Check the caller: marek\.novak", 5) is not None, found.text()
    found.send(f"\t{RIGHT}\r")
    assert found.wait_text(r"A code is on its way to", 8) is not None, found.text()
    found.press("escape")  # the caller cannot read their mail
    assert found.wait_text(r"Reason +lost phone", 5) is not None, found.text()
    assert found.wait_words("T-17"), found.text()
    found.send(f"\t\t{RIGHT}\t \t{RIGHT}{RIGHT}\r")
    assert found.wait_text(r"Code +[0-9A-Z]{4}-[0-9A-Z]{4}-", 8) is not None, found.text()
    found.press("escape")
    assert found.wait_text(r"marek\.novak is reset", 5) is not None, found.text()
    assert found.wait_text(r"unbound by hana", 5) is not None, found.text()
    found.send("xfound\r")
    assert found.wait_text(r"marek\.novak is bound again", 5) is not None, found.text()


def test_a_reset_that_is_left_changes_nothing(found: Term) -> None:
    found.type("R")
    assert found.wait_text(r"Reset: marek\.novak", 5) is not None, found.text()
    found.press("escape")
    assert found.wait_text("Nothing was reset", 5) is not None, found.text()
    assert found.wait_text("bound: authenticator app", 5) is not None, found.text()
