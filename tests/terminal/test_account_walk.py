"""My account in a real terminal: recovery codes are created and saved, and admit a user whose phone is lost."""

from __future__ import annotations

import re
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secconsole.domain.secret import Secret
from secconsole.tui.demo.codes import code_of
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
    assert t.wait_text("Create new ones", 10), t.text()
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
    assert t.wait_text("You have ten recovery codes", 10), t.text()
    return written


def test_j2_j4_a_recovery_code_lets_a_user_bind_another_phone(
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
    assert t.wait_text("Lost your phone", 10), t.text()
    t.wait_quiet(0.3)
    t.send(f"{codes[3].lower()}\r")
    assert t.wait_text("New recovery codes are due", 15), t.text()
    t.wait_quiet(0.3)
    t.send("\x1b")  # later, at the user's leisure
    assert t.wait_text("9 left, one was used: create new ones", 10), t.text()
    t.wait_quiet(0.3)
    t.send("e")
    assert t.wait_text("Choose a second factor", 10), t.text()
    t.send("\r")
    assert t.wait_text("Give it a name", 10), t.text()
    t.send("Pixel 9\r")
    assert t.wait_text("Enter the six digits", 10), t.text()
    t.wait_quiet(0.4)
    (uri,) = decode_qr(t.picture())
    t.send(f"{code_of(Secret(uri), datetime.now(UTC))[0]}\r")
    assert t.wait_text("the old one no longer works", 10), t.text()
    assert t.wait_text('app "Pixel 9"', 10), t.text()
    assert b"Traceback" not in t.raw


def test_j4_cancelling_mfa_is_refused_with_a_reason_while_required(
    term: Start,
    home: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    t = at_account(term, home, tmp_path)
    t.send("m")
    assert t.wait_text("policy of acme requires one", 10), t.text()
    t.send("\x1b[B" * 3 + "p")
    assert t.wait_text("Change your password", 10), t.text()
