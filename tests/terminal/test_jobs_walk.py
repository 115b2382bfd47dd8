"""Many users acted on in a real terminal: previewed, the number typed, followed, and read in the audit."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from secconsole.backends.demo.fill import create_demo
from tests.terminal.terminal_driver import Term

pytestmark = pytest.mark.terminal
Start = Callable[..., Term]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("demo") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECCONSOLE_HOME", str(home))
        asyncio.run(create_demo(home, users=120, seed=7))
    return home


def test_all_that_a_search_finds_are_disabled_by_a_job(term: Start, filled: Path, tmp_path: Path) -> None:
    home = tmp_path / "demo"
    shutil.copytree(filled, home)
    opened = term("-m", "tests.terminal.sample_users", "tomas", env={"SECCONSOLE_HOME": str(home)}, cols=80, rows=24)
    assert opened.wait_text("120 users", 20), opened.text()
    opened.type("/role:user")
    opened.press("enter")
    opened.type("B5")
    assert opened.wait_text(r"Disable \d+ users", 10), opened.text()
    assert opened.wait_text(r"would be disabled.*Type \d+", 5), opened.text()
    number = opened.wait_match(r"Type (\d+)")
    assert number is not None, opened.text()
    opened.press("up", "up")
    opened.send(f"left\t{number[1]}\t\x1b[C\r")
    assert opened.wait_text(r"Jobs.*Disable.*finished", 30), opened.text()
    opened.press("enter")
    assert opened.wait_text(r"Disable: 0 failed.*done", 10), opened.text()
    opened.press("escape", "escape")
    connection = sqlite3.connect(home / "console.db")
    (done,) = connection.execute("SELECT done FROM jobs").fetchone()
    query = "SELECT count(*), count(DISTINCT target_id) FROM audit WHERE action = 'user.disabled' AND reason = 'left'"
    assert connection.execute(query).fetchone() == (done, done)
    assert done > 100
    connection.close()
