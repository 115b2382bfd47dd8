"""From an empty home to an organisation in use, in the console alone."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secconsole.domain.secret import Secret
from secconsole.tui.demo.codes import code_of
from tests.terminal.conftest import Start
from tests.terminal.terminal_driver import Term

pytestmark = pytest.mark.terminal
PASSWORD = "plain words about nothing"
PEOPLE = "login,name,email\nana,Ana Kral,ana@acme.example\nbob,Bob Novak,bob@acme.example\n"


def shown(t: Term, pattern: str) -> None:
    assert t.wait_text(pattern, 15), t.text()
    t.wait_quiet(0.2)


def test_an_empty_home_is_set_up_in_the_console(term: Start, tmp_path: Path) -> None:
    t = term("-m", "secconsole", cols=80, rows=24)
    shown(t, "step 1 of 2.*There is no store in .*secconsole demo")
    t.send("acme\troot\r")
    shown(t, "step 2 of 2.*At least 15 characters")
    t.send("\x1b")
    shown(t, "step 1 of 2.*acme.*root")
    assert not (tmp_path / "home" / "console.db").exists()
    t.press("tab", "enter")
    shown(t, "step 2 of 2")
    t.send(f"{PASSWORD}\t{PASSWORD}x\r")
    shown(t, "do not match.*At least 15 characters")
    t.send(f"{PASSWORD}\t{PASSWORD}\r")
    shown(t, "Contact|E-mail")
    t.send("root@acme.example\r")
    shown(t, r"Set up.*▌ 1 +Bind your phone")
    t.press("enter")
    shown(t, r"Scan the code.*Code")
    t.press("escape")
    shown(t, r"▌ 1 +Bind your phone")
    t.press("escape")
    shown(t, "What to do next")
    t.send("\x11")
    assert t.wait_exit(10) is not None
    assert PASSWORD.encode() not in t.raw

    t = term("-m", "secconsole", cols=80, rows=24)
    shown(t, "Login.*leave")
    t.send(f"root\t{PASSWORD}\r")
    shown(t, r"Set up.*▌ 1 +Bind your phone")
    t.press("enter")
    shown(t, r"Scan the code.*Code")
    lines = t.wait_until(lambda t: re.findall(r"  ((?:[A-Z2-7]{4} ){3}[A-Z2-7]{4})$", t.text(), re.M))
    assert lines, t.text()
    key = "".join(lines).replace(" ", "")
    t.send(code_of(Secret(f"otpauth://totp/x?secret={key}"), datetime.now(UTC))[0] + "\r")
    shown(t, "I have saved them")
    t.send(" \r")
    shown(t, r"done: bound.*done: 10 left.*▌ 3 +Import people")
    t.press("enter")
    shown(t, "Or a file")
    t.send(f"\x1b[200~{PEOPLE}\x1b[201~")
    shown(t, "bob@acme.example")
    t.press("tab", "enter")
    shown(t, "2  will be created")
    t.press("tab", "enter")
    shown(t, r"done: 3 users.*▌ 4 +Policy")
    t.press("enter")
    shown(t, r"\(•\) optional")
