"""My account in a real terminal: recovery codes are made and saved, and let somebody in whose phone is lost."""

from __future__ import annotations

import re
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secconsole.domain.secret import Secret
from secconsole.tui.widgets.demo_list import code_of
from tests.terminal.conftest import Start
from tests.terminal.terminal_driver import Term, decode_qr
from tests.terminal.test_console_walk import account, filled, home  # noqa: F401 - fixtures

pytestmark = pytest.mark.terminal

CODE = re.compile(r"(?:[0-9A-Z]{5}-){4}[0-9A-Z]{5}")


def at_account(term: Start, home: Path, person: Path) -> Term:  # noqa: F811
    """Uma in her account, by the key that the demo offers."""
    t = term("-m", "secconsole", env={"HOME": str(person)}, cols=80, rows=24)
    assert t.wait_text("sign in as one of them", 10), t.text()
    t.wait_quiet(0.3)
    t.send("5")
    assert t.wait_text(r"\b7 Me\b", 10), t.text()
    t.send("7")
    assert t.wait_text("Second factor", 10), t.text()
    t.wait_quiet(0.3)
    return t


def save_new_codes(t: Term, person: Path) -> list[str]:
    """Make ten, and save them where it is suggested."""
    t.send("c")
    assert t.wait_text("Make new ones", 10), t.text()
    t.send("\x1b[C\r")  # Cancel has the focus
    assert t.wait_text("I have saved them", 10), t.text()
    shown = CODE.findall(t.text())
    assert len(set(shown)) == 10, t.text()
    t.send("\x1b")
    assert t.wait_text("then tick this with space", 10), t.text()
    t.send("\t\r")
    assert t.wait_text("secconsole-recovery-codes-uma.txt", 10), t.text()
    t.send("\r")
    assert t.wait_text(r"Written to ~/secconsole-recovery-codes-uma\.txt", 10), t.text()
    path = person / "secconsole-recovery-codes-uma.txt"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    written = CODE.findall(path.read_text())
    assert sorted(written) == sorted(shown)
    t.send("\r")
    assert t.wait_text("Ten recovery codes are yours", 10), t.text()
    return written


def test_j2_j4_saved_codes_let_in_whoever_lost_the_phone_to_bind_anew(
    term: Start,
    home: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    person = tmp_path / "person"
    person.mkdir()
    t = at_account(term, home, person)
    codes = save_new_codes(t, person)
    t.send("o")
    assert t.wait_text("Password", 10), t.text()
    t.wait_quiet(0.3)
    password, _ = account(home, "uma")
    t.send("\x15" * 2 + f"uma\t{password}\r")
    assert t.wait_text("Phone lost", 10), t.text()
    t.wait_quiet(0.3)
    t.send(f"{codes[3].lower()}\r")
    assert t.wait_text("New recovery codes are due", 15), t.text()
    t.wait_quiet(0.3)
    t.send("\x1b")  # later, in one's own time
    assert t.wait_text("9 left, one was used: make new ones", 10), t.text()
    t.wait_quiet(0.3)
    t.send("e")
    assert t.wait_text("Choose a second factor", 10), t.text()
    t.send("\r")
    assert t.wait_text("What do you call it", 10), t.text()
    t.send("Pixel 9\r")
    assert t.wait_text("Enter the six digits", 10), t.text()
    t.wait_quiet(0.4)
    (uri,) = decode_qr(t.picture())
    t.send(f"{code_of(Secret(uri), datetime.now(UTC))[0]}\r")
    assert t.wait_text("the old one no longer works", 10), t.text()
    assert t.wait_text('app "Pixel 9"', 10), t.text()
    assert b"Traceback" not in t.raw


def test_j4_cancelling_is_refused_by_key_while_required_and_says_why(
    term: Start,
    home: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    t = at_account(term, home, tmp_path)
    t.send("m")
    assert t.wait_text("policy of acme requires one", 10), t.text()
    t.send("\x1b[B" * 3 + "p")
    assert t.wait_text("Change your password", 10), t.text()
