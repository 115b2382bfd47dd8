"""A helpdesk agent's day in a real terminal: find, verify, unbind, undo, and the bytes per key."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest

from secconsole.backends.demo.fill import create_demo
from tests.extent import matrix
from tests.terminal.terminal_driver import Term

pytestmark = pytest.mark.terminal
Start = Callable[..., Term]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("demo") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECCONSOLE_HOME", str(home))
        asyncio.run(create_demo(home, users=300, seed=7))
    return home


@pytest.fixture
def demo(filled: Path, tmp_path: Path) -> Path:
    """One for each test: an account takes one code in thirty seconds."""
    shutil.copytree(filled, tmp_path / "demo")
    return tmp_path / "demo"


def opened(term: Start, home: Path, login: str = "hana", **options: object) -> Term:
    window = {"cols": 80, "rows": 24} | options
    env = {"SECCONSOLE_HOME": str(home)} | dict(window.pop("env", {}))  # type: ignore[call-overload]
    started = term("-m", "tests.terminal.sample_users", login, env=env, **window)
    assert started.wait_text("300 users", 20) is not None, started.text()
    started.wait_quiet(0.3)
    return started


def test_unbinding_typed_in_one_burst_is_undone(term: Start, demo: Path) -> None:
    started = opened(term, demo)
    started.type("/marek.novak")
    assert started.wait_text(r"1 of 300 users", 5) is not None, started.text()
    assert started.wait_text(r"look twice", 5) is not None, started.text()
    started.press("enter")
    started.type("u")
    assert started.wait_text(r"Unbind 1 user.*Looks like", 5) is not None, started.text()
    started.send("lost phone\tT-17\t\x1b[C\r")
    assert started.wait_text(r"marek.novak is unbound\. x undoes it until", 5) is not None, started.text()
    assert started.wait_text(r"unbound by hana just now \(lost phone, T-17\)", 5) is not None, started.text()
    started.send("xfound it\r")
    assert started.wait_text(r"marek.novak is bound again, with the same phone", 5) is not None, started.text()


def test_search_and_unbind_in_one_burst_affect_the_found_user(term: Start, demo: Path) -> None:
    started = opened(term, demo)
    started.send("/bobby\rulost\t\t\x1b[C\r")
    assert started.wait_text(r"bobby.tables is unbound", 8) is not None, started.text()


def test_every_unavailable_key_says_why(term: Start, demo: Path) -> None:
    started = opened(term, demo)
    for key, why in (("w", "Your role, helpdesk, may not do this"), ("l", "is not locked"), ("x", "nothing to undo")):
        started.press(key)
        assert started.wait_text(why, 5) is not None, started.text()


def test_nothing_is_sent_while_idle(term: Start, demo: Path) -> None:
    started = opened(term, demo)
    started.key("down", quiet=0.5)
    assert started.wait_quiet(2.5)


@pytest.mark.parametrize(("cols", "rows"), [(80, 24), (120, 40)])
def test_a_cursor_step_costs_300_bytes_and_details_follow_when_idle(
    term: Start, demo: Path, cols: int, rows: int
) -> None:
    started = opened(term, demo, cols=cols, rows=rows)
    costs = []
    for _ in range(10):
        mark = started.mark()
        started.press("down")
        started.wait_until(lambda _: bool(started.since(mark)), timeout=2, every=0.005)  # noqa: B023 - within the turn
        costs.append(len(started.since(mark)))
        started.wait_quiet(0.3)
    assert 0 < median(costs) <= 300, costs
    page = started.key("pagedown", quiet=0.4).nbytes
    assert page <= 3_000 if cols == 80 else page <= 8_000


@pytest.mark.parametrize(
    ("size", "look"),
    matrix([(80, 24), (120, 40), (200, 60)], ["secconsole-dark", "secconsole-light", "ansi-dark", "NO_COLOR"]),
)
def test_status_is_a_word_in_every_size_and_colour(term: Start, demo: Path, size: tuple[int, int], look: str) -> None:
    env = {"NO_COLOR": "1"} if look == "NO_COLOR" else {"SECCONSOLE_TEST_THEME": look}
    started = opened(term, demo, cols=size[0], rows=size[1], env=env)
    for words in ("● bound", "○ unbound", "u Unbind"):
        assert started.wait_words(words), started.text()
    text = started.text()
    widths = {len(line.rstrip()) for line in started.lines()}
    assert max(widths) <= size[0]
    assert ("Sessions" in text) == (size[0] >= 120)
