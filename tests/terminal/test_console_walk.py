"""The program in a real terminal: sign-in by keyboard, binding by QR code, ending by signals, and its figures."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secconsole.backends.demo.fill import create_demo
from secconsole.domain.secret import Secret
from secconsole.tui.demo.codes import code_of
from tests.extent import further, matrix
from tests.terminal.conftest import ROOT, Start
from tests.terminal.terminal_driver import Term, decode_qr

pytestmark = pytest.mark.terminal
Console = Callable[..., Term]
INSIDE = r"MFA required.*\b7 Me\b"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("demo") / "home"
    before = os.environ.get("SECCONSOLE_HOME")
    try:
        asyncio.run(create_demo(home, users=60, seed=7))
    finally:
        os.environ.pop("SECCONSOLE_HOME", None)
        if before is not None:
            os.environ["SECCONSOLE_HOME"] = before
    return home


@pytest.fixture
def home(filled: Path, tmp_path: Path) -> Path:
    """Create a demo for each test, as a code counts once."""
    shutil.copytree(filled, tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def console(term: Start, home: Path) -> Console:
    """The program as `secconsole` starts it."""

    def start(*words: str, **options: object) -> Term:
        window = {"cols": 80, "rows": 24} | options
        return term("-m", "secconsole", *words, **window)

    return start


def account(home: Path, login: str) -> tuple[str, str]:
    """Password and current code of one of the demo's accounts."""
    found = next(a for a in json.loads((home / "demo.json").read_text())["accounts"] if a["login"] == login)
    return found["password"], code_of(Secret(found["totp_uri"]), datetime.now(UTC))[0]


def signed_in(console: Console, key: str = "3", **options: object) -> Term:
    t = console(**options)
    assert t.wait_text("sign in as one of them", 10), t.text()
    t.send(key)
    assert t.wait_text(INSIDE, 10), t.text()
    t.wait_quiet(0.3)
    return t


# ---- signing in ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rtt", [0.0, 0.2])
def test_login_password_and_code_in_one_write_sign_in(console: Console, home: Path, rtt: float) -> None:
    password, code = account(home, "hana")
    t = console(rtt=rtt)
    assert t.wait_text("Password", 10)
    t.send(f"hana\t{password}\r{code}\r")
    assert t.wait_text(rf"helpdesk hana.*{INSIDE[12:]}", 15), t.text()
    assert password.encode() not in t.raw
    assert b"shows the demo" not in t.raw


def test_a_burst_before_the_first_frame_signs_in(console: Console, home: Path) -> None:
    password, code = account(home, "hana")
    t = console(cold=True)
    assert t.wait_until(lambda term: "echo off" in term.left_on(), 10, every=0.003)
    assert b"Password" not in t.raw
    t.send(f"hana\t{password}\r{code}\r7")
    assert t.wait_text("Hana Králová", 15), t.text()
    assert password.encode() not in t.raw


def test_a_wrong_password_and_code_are_cleared(console: Console, home: Path) -> None:
    password, _ = account(home, "hana")
    t = console()
    assert t.wait_text("Password", 10)
    t.send("hana\topen sesame now\r")
    assert t.wait_text("Check login and password", 10), t.text()
    t.send(f"{password}\r")  # the login is kept
    assert t.wait_text("Enter the code", 10), t.text()
    t.send("000000\r")
    assert t.wait_text(r"Server time \d\d:\d\d:\d\d [+-]\d\d:\d\d.*4 entries left", 10), t.text()
    assert b"sesame" not in t.raw
    assert password.encode() not in t.raw


@pytest.mark.parametrize(
    ("key", "role"),
    [
        ("1", "platform-admin petra"),
        further("2", "tenant-admin tomas"),
        further("3", "helpdesk hana"),
        further("4", "auditor aida"),
        ("5", "user uma"),
    ],
)
def test_one_key_signs_in_as_each_role_of_the_demo(console: Console, key: str, role: str) -> None:
    t = console()
    assert t.wait_text("DEMO: throw-away data", 10), t.text()
    t.send(key)
    assert t.wait_text(role, 10), t.text()
    assert t.wait_text("DEMO", 5)


def test_a15_a16_a_hostile_tenant_and_login_reach_the_terminal_as_text(console: Console) -> None:
    t = console("--tenant", "[@click=app.exit]x[/]\x1b]0;pwn\x07\u202e")
    assert t.wait_text("Password", 10)
    t.send("\x1b[200~[/b]\x1b]52;c;eA==\x07\u202ey\x1b[201~\tsome password\r")
    assert t.wait_text("Check login and password", 10), t.text()
    assert t.wait_words("[@click=app.exit]x[/]\\x1b]0;pwn\\x07\\u202e"), t.text()
    for control in (b"\x1b]0;pwn", b"\x1b]52", "\u202e".encode()):
        assert control not in t.raw


# ---- binding ---------------------------------------------------------------------------------------------------------


def scanned(t: Term) -> str:
    """Return the content of the one QR code on the screen."""
    found = t.wait_until(lambda t: decode_qr(t.picture()))
    assert found is not None, t.text()
    assert len(found) == 1
    return str(found[0])


def key_on_screen(t: Term) -> str:
    """Return the key that is shown beside the QR code to be typed, without its spaces."""
    return "".join(re.findall(r"  ((?:[A-Z2-7]{4} ){3}[A-Z2-7]{4})$", t.text(), re.M)).replace(" ", "")


@pytest.mark.parametrize("size", [(80, 24), further((120, 40)), (200, 60)])
def test_a_user_who_must_bind_scans_the_screen_and_signs_in(console: Console, size: tuple[int, int]) -> None:
    t = console(cols=size[0], rows=size[1])
    assert t.wait_text("sign in as one of them", 10), t.text()
    t.send("6\r")  # the app, which is the first of the kinds
    assert t.wait_text("Enter the six digits", 10), t.text()
    uri = scanned(t)
    assert uri.startswith("otpauth://totp/acme:newton?secret=")
    key = re.search(r"secret=([A-Z2-7]+)", uri)
    assert key is not None
    assert t.wait_until(lambda t: key_on_screen(t) == key[1]), t.text()
    code, _ = code_of(Secret(uri), datetime.now(UTC))
    t.send(f"{code}\r")
    assert t.wait_text(r"\[ Enter \]", 10), t.text()
    t.send("\r")
    assert t.wait_text("Your recovery codes", 10), t.text()
    t.wait_quiet(0.3)
    mark = t.mark()
    t.send(" \r")
    assert t.wait_text("user newton", 10), t.text()
    assert t.wait_until(lambda t: b"Your phone is bound" in t.since(mark), 5), t.text()  # for some seconds only


def test_a36_code_and_key_are_hidden_while_the_terminal_has_no_focus(console: Console) -> None:
    t = console()
    assert t.wait_text("sign in as one of them", 10)
    t.send("6\r")  # the app, which is the first of the kinds
    assert t.wait_text("Enter the six digits", 10), t.text()
    groups = re.findall("....", scanned(t).partition("secret=")[2].partition("&")[0])
    assert t.wait_words(groups[1]), t.text()
    t.press("\x1b[O")
    assert t.wait_text("The QR code is hidden", 5), t.text()
    assert t.wait_until(lambda t: not any(group in t.text() for group in groups)), t.text()
    assert t.wait_until(lambda t: not decode_qr(t.picture())), t.text()
    assert b"\x1b]52" not in t.raw  # nothing was put into a clipboard


@pytest.mark.parametrize("theme", [further("secconsole-light"), "ansi-dark", further("high-contrast")])
def test_the_qr_code_is_readable_in_other_themes(console: Console, theme: str) -> None:
    t = console("--theme", theme)
    assert t.wait_text("sign in as one of them", 10), t.text()
    t.send("6\r")  # the app, which is the first of the kinds
    assert t.wait_text("Enter the six digits", 10), t.text()
    assert scanned(t)


# ---- ends ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "inside"), matrix([signal.SIGTERM, signal.SIGHUP], [False, True]))
def test_a38_a_signal_exits_and_restores_the_terminal(console: Console, number: int, inside: bool) -> None:
    t = signed_in(console) if inside else console()
    assert t.wait_text("MFA required" if inside else "Password", 10)
    t.signal(number)
    assert t.wait_exit(5) is not None
    assert t.proc.returncode == 128 + number
    assert t.left_on() == []


def test_a38_a_dropped_connection_exits(console: Console) -> None:
    t = signed_in(console)
    t.hangup()
    assert t.wait_exit(5) is not None


def test_ctrl_q_exits_from_anywhere_and_leaves_nothing(console: Console) -> None:
    t = signed_in(console)
    t.send(":the")
    assert t.wait_text("Theme", 5)
    t.send("\x11")
    assert t.wait_exit(5) is not None
    assert t.proc.returncode == 0
    assert t.left_on() == []
    assert [line for line in t.scrollback() if line.strip()] == []


def test_the_next_user_signs_in_after_signing_out(console: Console) -> None:
    t = signed_in(console)
    t.send(":sign out\r")
    assert t.wait_text("You are signed out", 5), t.text()
    t.wait_quiet(0.2)
    t.send("4")
    assert t.wait_text("auditor aida", 10), t.text()


def test_a40_the_environment_controls_nothing(console: Console, tmp_path: Path) -> None:
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'owned')!r}, 'w')\nclass Driver: pass\n")
    t = console(
        cold=True,
        env={
            "TEXTUAL_DRIVER": "evil:Driver",
            "TEXTUAL_LOG": str(tmp_path / "log"),
            "TEXTUAL_PRESS": "1",
            "TEXTUAL_THEME": "nord",
            "SSH_ORIGINAL_COMMAND": "sh",
            "PYTHONINSPECT": "1",
            "COLUMNS": "10",
        },
    )
    assert t.wait_text("sign in as one of them", 10), t.text()
    t.press("ctrl+z")
    t.send("3")
    assert t.wait_text("helpdesk hana", 10), t.text()
    assert not (tmp_path / "owned").exists()
    assert not (tmp_path / "log").exists()
    t.send("\x11")
    assert t.wait_exit(5) is not None
    assert t.proc.returncode == 0


def test_without_a_terminal_it_is_refused_with_advice(home: Path) -> None:
    env = {**os.environ, "TERM": "xterm-256color", "SECCONSOLE_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-m", "secconsole"], input="", capture_output=True, text=True, cwd=ROOT, env=env, timeout=30
    )
    assert done.returncode == 2
    assert "secconsole user list" in done.stderr
    assert done.stdout == ""


def test_a_dumb_terminal_is_refused(console: Console) -> None:
    t = console(term="dumb")
    assert t.wait_exit(5) is not None
    assert t.proc.returncode == 2
    assert b"\x1b" not in t.raw


def test_a_broken_config_is_reported_before_the_screen_opens(console: Console, home: Path) -> None:
    config = home / "config.toml"
    config.write_text("colour = true\n")
    config.chmod(0o600)
    t = console()
    assert t.wait_exit(5) is not None
    assert t.proc.returncode == 2
    assert "colour is not a known setting" in "".join(t.scrollback()).replace("\n", "")
    assert b"\x1b[?1049h" not in t.raw


def test_without_a_store_setting_up_is_offered_and_leaving_creates_nothing(term: Start, tmp_path: Path) -> None:
    t = term("-m", "secconsole", cols=80, rows=24, env={"SECCONSOLE_HOME": str(tmp_path / "nowhere")})
    assert t.wait_text("There is no store", 10), t.text()
    assert t.wait_text("secconsole demo", 2)
    t.send("\t\t\x1b[D\r")
    assert t.wait_exit(5) is not None
    assert not (tmp_path / "nowhere" / "console.db").exists()


# ---- looks -----------------------------------------------------------------------------------------------------------


def test_places_are_distinguishable_without_colour(console: Console) -> None:
    t = signed_in(console, env={"NO_COLOR": "1"})
    assert not re.search(rb"\x1b\[[0-9;]*\b(?:3[0-7]|4[0-7]|9[0-7]|10[0-7]|38|48)(?:;[0-9;]*)?m", t.raw)
    assert t.wait_words(" 7 Me"), (
        t.text()
    )  # a place that is closed to its reader is in brackets: tests/tui/test_frame.py


@pytest.mark.parametrize("size", [(60, 16), further((80, 24)), further((200, 60))])
def test_every_size_shows_the_whole_sign_in(console: Console, size: tuple[int, int]) -> None:
    t = console(cols=size[0], rows=size[1])
    assert t.wait_text("Password", 10)
    t.wait_quiet(0.3)
    for words in ("Login", "Password", "Sign in", "ctrl+q leave"):
        assert t.wait_words(words), t.text()


# ---- figures ---------------------------------------------------------------------------------------------------------


def test_nothing_is_sent_while_idle(console: Console) -> None:
    t = console()
    assert t.wait_text("secconsole · acme.*codes until", 10)
    t.wait_quiet(0.5)
    assert t.wait_quiet(2.5)
    t.send("37")
    assert t.wait_text("Hana Králová", 10), t.text()
    assert t.wait_text("live", 5)
    t.wait_quiet(0.8)
    assert t.wait_quiet(2.5)


def test_a_change_of_place_stays_within_its_byte_limit(console: Console) -> None:
    t = signed_in(console)
    for key in ("7", "2", "5", "2", "7"):
        assert t.key(key, quiet=0.4).nbytes <= 6_000, key


def test_nothing_of_the_store_is_loaded_before_the_first_frame() -> None:
    heavy = "sqlalchemy cryptography argon2 alembic phonenumbers segno msgspec httpx pyotp click"
    code = (
        "import sys, secconsole.tui.main, secconsole.tui.app, secconsole.tui.sign_in.screen;"
        "import secconsole.tui.demo.account_list, secconsole.backends.demo.accounts;"
        f"print([m for m in {heavy.split()!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_little_is_imported_before_the_first_frame() -> None:
    """`bench start` measures the frame itself, beside that of a bare app."""
    code = (
        "import sys, textual.app, textual.widgets; before = set(sys.modules);"
        "import secconsole.tui.main, secconsole.tui.app, secconsole.tui.sign_in.screen;"
        "added = set(sys.modules) - before; own = {name for name in added if name.startswith('secconsole')};"
        "tops = {name.partition('.')[0] for name in added} - {'secconsole'} - set(sys.stdlib_module_names);"
        "print(len(own), *sorted(tops))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    own, *others = done.stdout.split()
    assert others in ([], ["textual"]), done.stdout + done.stderr
    assert int(own) <= 64  # seven of them write the frame
