"""Alerts walked by keyboard in a real terminal: from the line in Overview to an entry, the note, and the rules."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from secconsole.backends.demo.fill import Demo, create_demo
from tests.terminal.conftest import Start
from tests.terminal.terminal_driver import Term

pytestmark = pytest.mark.terminal


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Demo:
    home = tmp_path / "home"
    monkeypatch.setenv("SECCONSOLE_HOME", str(home))
    return asyncio.run(create_demo(home, users=80, seed=7))


def opened(term: Start, demo: Demo, key: str, cols: int = 80, rows: int = 24) -> Term:
    """A console in which one of the demo's people has just signed in."""
    t = term("-m", "secconsole", env={"SECCONSOLE_HOME": str(demo.home)}, cols=cols, rows=rows)
    assert t.wait_text("throw-away data", 20), t.text()
    t.wait_quiet(0.3, 5)
    t.send(key)
    assert t.wait_text("alerts, oldest", 20), t.text()
    t.wait_quiet(0.4, 5)
    return t


def test_alerts_are_read_acknowledged_and_their_rules_tried(term: Start, demo: Demo) -> None:
    t = opened(term, demo, "2")
    t.send("i")
    assert t.wait_text("2 alerts are open, the oldest since", 10), t.text()
    assert t.wait_words("hana was reset, bound from a new network"), t.text()
    t.send("2")
    assert t.wait_text("14 audit entries", 10), t.text()
    assert t.wait_words("network 203.0.113.0/24 failed for 14 users"), t.text()
    t.send("2")
    assert t.wait_text("Audit entry", 10), t.text()
    assert t.wait_words("203.0.113.70"), t.text()
    t.press("escape")
    assert t.wait_text("Acknowledge with a note", 10), t.text()
    t.send("1")
    assert t.wait_text("From then on the rule counts from zero again", 10), t.text()
    t.send("our own test")
    t.press("tab", "right", "enter")
    assert t.wait_text("1 alert is open", 10), t.text()
    t.send("3")
    assert t.wait_text("Rules of alerts", 10), t.text()
    t.send("2")
    assert t.wait_text("network-users: on", 10), t.text()
    t.press("tab", "tab", "tab", "right", "enter")
    assert t.wait_text("Trial of network-users", 10), t.text()
    assert t.wait_words("1 alert since"), t.text()
    t.press(*["escape"] * 4, gap=0.4)
    assert t.wait_text("1  alert, oldest", 10), t.text()


def test_the_line_of_overview_opens_the_list_in_a_small_window(term: Start, demo: Demo) -> None:
    t = opened(term, demo, "4", cols=60, rows=16)  # the auditor
    t.send("i")
    assert t.wait_text("2 alerts are open", 10), t.text()
    t.send("1")
    assert t.wait_text("may not do this", 10), t.text()
    assert "Acknowledge with" not in t.text()
