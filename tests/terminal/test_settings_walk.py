"""Delivery settings by keyboard in a real terminal, with a real mail server and a fake Twilio."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from secconsole.backends.new_store import create_store
from secconsole.domain.secret import Secret
from secconsole.service.factors.passwords import Passwords
from tests.cheap_passwords import LEAST
from tests.delivery.post import digits_in, prefix_in
from tests.delivery.servers import Servers
from tests.delivery.twilio_fake import SID, TOKEN
from tests.terminal.conftest import Start
from tests.terminal.terminal_driver import Term

pytestmark = pytest.mark.terminal
CLEAR = "\x15"  # ctrl+u
PASSWORD = "correct horse battery staple"


def _cheap() -> Passwords:
    return Passwords(**LEAST)


@pytest.fixture
def servers() -> Iterator[Servers]:
    made = Servers()
    yield made
    made.close()


@pytest.fixture
def settings(term: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Term:
    """The Settings place of a new store, as its platform administrator at 80×24."""
    home = tmp_path / "home"
    monkeypatch.setenv("SECCONSOLE_HOME", str(home))
    asyncio.run(create_store(tenant="acme", admin="root", password=Secret(PASSWORD), passwords=_cheap()))
    t = term("-m", "secconsole", env={"SECCONSOLE_HOME": str(home)}, cols=80, rows=24)
    assert t.wait_text("Password", 20), t.text()
    t.send(f"root\t{PASSWORD}\r")
    assert t.wait_text("has no e-mail address", 20), t.text()
    t.send("root@acme.example\r")
    assert t.wait_text("has no e-mail address", 10, gone=True), t.text()
    t.wait_quiet(0.3, 5)
    t.send("4")
    assert t.wait_text("y Secret key", 10), t.text()
    t.wait_quiet(0.4, 5)
    return t


def change(t: Term, key: str, title: str) -> None:
    """Open what a key leads to, and go on to its fields."""
    t.send(key)
    assert t.wait_text(rf"─ {title} ─.*Close", 10), t.text()
    t.press("right", "right", "enter")
    assert t.wait_text("Save and test", 10), t.text()


def typed_back(t: Term, text: str) -> None:
    assert t.wait_text(prefix_in(text), 10), t.text()
    t.send(digits_in(text).reveal() + "\r")
    assert t.wait_text("Test completed successfully", 10), t.text()


def test_a1_mail_is_set_up_and_its_code_confirmed(settings: Term, servers: Servers) -> None:
    t = settings
    change(t, "m", "Mail server")
    port = str(servers.mailbox.port)
    t.send(f"{CLEAR}127.0.0.1\t{CLEAR}{port}\t\t{CLEAR}mfa@acme.example\t{CLEAR}\t{CLEAR}\t{CLEAR}\r")
    assert t.wait_text("Your address", 10), t.text()
    assert t.wait_text("Your address +root@acme.example", 5), t.text()
    t.send("\r")
    assert t.wait_text("The mail server accepted it", 10), t.text()
    assert not t.find("successfully")
    typed_back(t, servers.mailbox.text())
    assert t.wait_text(rf"In effect +127\.0\.0\.1, port {port}, not encrypted", 5), t.text()
    t.press("escape")
    assert t.wait_text(rf"m Mail +in effect: 127\.0\.0\.1:{port}", 5), t.text()


def test_a1_twilio_is_set_up_after_an_explained_refusal(settings: Term, servers: Servers) -> None:
    t = settings
    servers.twilio.answers.append((400, 21608, 0))
    change(t, "s", "SMS through Twilio")
    t.send(f"{CLEAR}{SID}\t{TOKEN}\t{CLEAR}+15005550006\t{CLEAR}{servers.twilio.url}\r")
    assert t.wait_text("Your number", 10), t.text()
    t.send(f"{CLEAR}+15005550001\r")
    assert t.wait_text("send only to verified numbers.", 10), t.text()
    t.send("\t")
    t.press("right", "enter")
    assert t.wait_text("Twilio accepted it", 10), t.text()  # what was refused is no reason to wait
    t.press("escape")
    assert t.wait_text("Not tested", 10), t.text()
    assert TOKEN.encode() not in t.raw
