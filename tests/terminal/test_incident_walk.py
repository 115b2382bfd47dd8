"""A breach handled in a real terminal by keyboard: freeze, new passwords of a role on a list, thaw, report."""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.terminal.terminal_driver import Term
from tests.terminal.test_jobs_walk import filled  # noqa: F401

pytestmark = pytest.mark.terminal
Start = Callable[..., Term]


def test_a_breach_is_handled_by_keyboard(term: Start, filled: Path, tmp_path: Path) -> None:  # noqa: F811
    home = tmp_path / "demo"
    shutil.copytree(filled, home)
    env = {"SECCONSOLE_HOME": str(home), "HOME": str(tmp_path)}
    opened = term("-m", "tests.terminal.sample_users", "tomas", env=env, cols=80, rows=24)
    assert opened.wait_text("120 users", 20), opened.text()
    opened.type("6")
    assert opened.wait_text("What is known, last 24 hours", 10), opened.text()
    assert opened.wait_text("2  open alerts", 5), opened.text()
    assert opened.wait_text("o Report", 5), opened.text()  # the checklist ends with it, above the footer

    opened.type("f")
    assert opened.wait_text("cannot sign in until you thaw it", 10), opened.text()
    opened.send("\x1b[Zacme\t\x1b[C\r")
    assert opened.wait_text("SIGN-INS FROZEN", 10), opened.text()
    assert opened.wait_text("f Thaw sign-ins", 10), opened.text()

    opened.type("p1")  # helpdesk
    assert opened.wait_text("How do users get their one-time passwords", 10), opened.text()
    opened.type("2")
    assert opened.wait_text("1 would be given a new password", 10), opened.text()
    opened.send("\x1b[Zacme\t\x1b[C\r")
    assert opened.wait_text(r"Jobs.*Reset passwords.*finished", 30), opened.text()
    opened.press("escape")
    assert opened.wait_text(r"p Reset passwords.*tomas", 10), opened.text()

    opened.type("f")
    assert opened.wait_text("Thaw: users can sign in again", 10), opened.text()
    opened.press("right", "enter")
    assert opened.wait_text("f Freeze sign-ins", 10), opened.text()

    opened.type("o")
    assert opened.wait_text("Who did what and when", 10), opened.text()
    opened.press("right")
    assert opened.wait_text(r"\.json", 5), opened.text()
    opened.press("tab", "tab", "right", "enter")
    assert opened.wait_text("written to", 20), opened.text()
    opened.type("\x11")
    opened.wait_exit(10)

    (listed,) = tmp_path.glob("passwords-acme*.txt")
    assert stat.S_IMODE(listed.stat().st_mode) == 0o600
    lines = listed.read_text().splitlines()
    (password,) = [line.split()[-1] for line in lines if line.startswith("hana")]
    assert lines[-1].startswith("End of job")
    (report,) = home.glob("incident-acme-*.json")
    acts = [item["action"] for item in json.loads(report.read_text())["items"]]
    wanted = ["incident.frozen", "job.started", "user.password-reset", "job.finished", "incident.thawed"]
    assert [act for act in reversed(acts) if act in wanted][-5:] == wanted
    assert password not in report.read_text()
    connection = sqlite3.connect(home / "console.db")
    assert password not in "\n".join(connection.iterdump())
    connection.close()
