"""A demo created and opened by one command, with all codes read from the screen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.extent import further
from tests.terminal.conftest import Start
from tests.terminal.terminal_driver import Term

pytestmark = pytest.mark.terminal

CODE = r"\b([A-Z]{4})-(\d{6})\b"
LIGHT = {"theme": "secconsole-light", "cols": 200, "rows": 60}


Opened = Callable[..., Term]


@pytest.fixture
def opened(term: Start, tmp_path: Path) -> Opened:
    """The console of a demo that has just been made."""

    def make(theme: str = "secconsole-dark", cols: int = 80, rows: int = 24) -> Term:
        home = tmp_path / "demo"
        home.mkdir(mode=0o700)
        (home / "config.toml").write_text(f'theme = "{theme}"\n')
        (home / "config.toml").chmod(0o600)
        t = term("-m", "secconsole", "demo", "--home", str(home), "--users", "40", "--seed", "7", cols=cols, rows=rows)
        assert t.wait_text("1–8 sign in as one of them", 60), t.text()
        return t

    return make


@pytest.fixture
def demo(opened: Opened) -> Term:
    return opened()


def code_on_screen(t: Term, to: str) -> str:
    """Return the digits of the code sent to an address or number, whose letters are also on the form."""
    found = t.wait_match(rf".*{to}.*?{CODE}")
    assert found is not None, t.text()
    assert t.wait_until(lambda t: t.text().count(found[1]) >= 2), "the letters stand beside the field"
    return str(found[2])


@pytest.mark.parametrize("look", [{}, further(LIGHT)], ids=["80x24", "200x60"])
def test_the_sms_user_signs_in_by_the_code_on_the_screen(opened: Opened, look: dict[str, object]) -> None:
    t = opened(**look)
    t.send("8")
    assert t.wait_text(r"1  Text message to ••• \d{3}.*2  Text message to ••• \d{3}", 10), t.text()
    t.send("2")
    assert t.wait_text("Code   [A-Z]{4}-", 5), t.text()
    digits = code_on_screen(t, r"SMS to \+")
    field = t.wait_match("[^\n]*▌ Code[^\n]*")
    assert field is not None, t.text()
    assert digits not in field[0]
    t.send(f"{digits}\r")
    assert t.wait_text("Sofia Rossi", 10), t.text()
    t.send("8")
    assert t.wait_text(f"{digits} is your code", 5), t.text()
    assert t.wait_text("for sofia"), t.text()


def test_the_email_user_signs_in_by_the_code_on_the_screen(demo: Term) -> None:
    demo.send("7")
    assert demo.wait_text(r"1  E-mail to e•••@acme.example", 10), demo.text()
    demo.send("1")
    assert demo.wait_text("Code   [A-Z]{4}-", 5), demo.text()
    demo.send(code_on_screen(demo, "mail to emil@acme.example") + "\r")
    assert demo.wait_text("Emil Lindqvist", 10), demo.text()


def test_a_phone_is_bound_by_the_sms_code_shown_over_the_dialog(demo: Term) -> None:
    demo.send("6")
    assert demo.wait_text(r"2  Codes by text message", 10), demo.text()
    demo.send("2")
    assert demo.wait_text("Send a code", 5), demo.text()
    demo.send("+49 171 3920042\r")
    assert demo.wait_text("Code   [A-Z]{4}-", 5), demo.text()
    demo.send(code_on_screen(demo, r"SMS to \+491713920042") + "\r")
    assert demo.wait_text("Your number is bound", 10), demo.text()
    demo.send("\r")
    assert demo.wait_text("recovery codes|Newton Abbot", 10), demo.text()
