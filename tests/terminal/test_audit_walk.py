"""Receivers, retention, acts on many users and exports of the Audit place by keyboard in a real terminal."""

from __future__ import annotations

import asyncio
import json
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from secconsole.backends.embedded import open_embedded
from secconsole.backends.new_store import create_store
from secconsole.backends.owner import owner_here
from secconsole.domain.factors.totp import code_for_step, time_step
from secconsole.domain.secret import Secret
from secconsole.operations.factors import ConfirmFactor, EnrollFactor
from secconsole.operations.unbinding import Unbind
from secconsole.operations.users import CreateUser
from secconsole.service.factors.passwords import Passwords
from tests.cheap_passwords import LEAST
from tests.organisation import seed_of
from tests.terminal.conftest import Start
from tests.terminal.terminal_driver import Term

pytestmark = pytest.mark.terminal
PASSWORD = "correct horse battery staple"
LOGINS = ("ana", "ben", "cid")


async def _fill() -> None:
    """Create a store in which three users were unbound in one act."""
    cheap = Passwords(**LEAST)
    await create_store(tenant="acme", admin="root", password=Secret(PASSWORD), passwords=cheap)
    backend = await open_embedded(owner_here(), "command", passwords=cheap)
    for login in LOGINS:
        await backend.perform(CreateUser(tenant="acme", login=login))
        started = await backend.perform(EnrollFactor(tenant="acme", user=login))
        code = Secret(code_for_step(seed_of(started.key), time_step(time.time())))
        await backend.perform(ConfirmFactor(tenant="acme", enrollment=started.enrollment, code=code))
    await backend.perform(Unbind(tenant="acme", users=LOGINS, reason="leak of phones"))
    await backend.close()


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[socket.socket]:
    """A socket like /dev/log."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(str(tmp_path / "log"))
        bound.settimeout(20)
        yield bound


@pytest.fixture
def audit(term: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Term:
    """The Audit place of that store, as its platform administrator at 80×24."""
    home = tmp_path / "home"
    monkeypatch.setenv("SECCONSOLE_HOME", str(home))
    asyncio.run(_fill())
    t = term("-m", "secconsole", env={"SECCONSOLE_HOME": str(home)}, cols=80, rows=24)
    assert t.wait_text("Password", 20), t.text()
    t.send(f"root\t{PASSWORD}\r")
    assert t.wait_text("has no e-mail address", 20), t.text()
    t.send("root@acme.example\r")
    assert t.wait_text("has no e-mail address", 10, gone=True), t.text()
    t.wait_quiet(0.3, 5)
    t.send("5")
    assert t.wait_text("user.created", 10), t.text()
    t.wait_quiet(0.4, 5)
    return t


def shown(t: Term, words: str) -> str:
    assert t.wait_text(words, 20), t.text()
    t.wait_quiet(0.3, 5)
    return t.text()


def test_a_receiver_is_added_tested_and_removed(audit: Term, receiver: socket.socket, tmp_path: Path) -> None:
    t = audit
    t.send("s")
    shown(t, "The audit is sent nowhere yet")
    t.send("1")
    shown(t, "Add a receiver")
    t.send("local\t")
    t.press("right")
    t.send(f"\t{tmp_path / 'log'}\t\t")
    t.press("tab", "right", "enter")
    text = shown(t, "local gets the audit now")
    assert "local  /" in text
    assert b'action="audit.stream-added"' in receiver.recv(65_536)
    t.send("2")
    shown(t, "─ Receiver of the audit ─")
    t.press("right", "enter")
    shown(t, "the receiver took the message")
    sent = [receiver.recv(65_536) for _ in range(2)]
    assert any(b'test="local"' in message for message in sent)
    t.press("right", "right", "enter")
    shown(t, "It gets no more entries of the audit")
    t.press("right", "enter")
    shown(t, "local is removed")
    t.press("escape")
    shown(t, "audit.stream-removed")


def test_how_long_it_is_kept_is_set(audit: Term) -> None:
    t = audit
    t.send("r")
    shown(t, "How long the audit is kept")
    t.send("20\t")
    t.press("right", "right", "enter")
    shown(t, "at least 30 days")
    t.press("ctrl+u")
    t.send("400\t")
    t.press("right", "right", "enter")
    shown(t, "A signed checkpoint keeps the rest provable")
    t.press("right", "enter")
    shown(t, "The audit is kept for 400 days")
    shown(t, "audit.retention-set")
    t.send("v")
    shown(t, "The chain is intact")


def test_an_act_on_many_users_is_one_row_that_opens(audit: Term, tmp_path: Path) -> None:
    t = audit
    text = shown(t, r"ana \+2")
    assert len([line for line in text.splitlines() if " unbind " in line and "local:" in line]) == 1
    t.send("/unbind\r")
    shown(t, "1 found")
    t.press("enter")
    text = shown(t, "one act: unbind")
    assert all(any(f" {login} " in line and "unbind" in line for line in text.splitlines()) for login in LOGINS)
    t.send("o")
    shown(t, "Export the audit")
    t.press("right", "right", "enter")
    t.press("enter", "enter")
    shown(t, "3 entries written to")
    (file,) = (tmp_path / "home").glob("audit-acme-*.jsonl")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert {line["target"] for line in lines} == set(LOGINS)
    t.send("a")
    shown(t, r"ana \+2")
