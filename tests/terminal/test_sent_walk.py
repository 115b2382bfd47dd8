"""Sent codes by keyboard in a real terminal, each read where it arrived at a real server."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from secconsole.backends.new_store import create_store
from secconsole.domain.model import PolicyMode
from secconsole.operations.policy import SetPolicy
from tests.delivery.post import Post, digits_in, prefix_in
from tests.delivery.servers import Servers
from tests.organisation import PASSWORD, ROOT, TENANT, Clock, Organisation, cheap_passwords, open_store
from tests.terminal.conftest import Start
from tests.terminal.terminal_driver import Term

pytestmark = pytest.mark.terminal
Console = Callable[[], Term]


@pytest.fixture
def servers() -> Iterator[Servers]:
    made = Servers()
    yield made
    made.close()


@pytest.fixture
def console(term: Start, tmp_path: Path, servers: Servers, monkeypatch: pytest.MonkeyPatch) -> Console:
    """The program over a store that sends, where newton has to bind a factor of any kind."""
    home = tmp_path / "home"
    monkeypatch.setenv("SECCONSOLE_HOME", str(home))

    async def fill() -> None:
        await create_store(tenant=TENANT, admin=ROOT, password=PASSWORD, passwords=cheap_passwords())
        clock = Clock(time.time())
        backend = await open_store(clock)
        organisation = Organisation(home, backend, clock)
        await Post(organisation, servers.mailbox, servers.twilio).set_up()
        await organisation.add("newton", email="newton@acme.example")
        await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, whitelist_admins=False))
        await backend.close()

    asyncio.run(fill())

    def start() -> Term:
        t = term("-m", "secconsole", cols=80, rows=24, env={"SECCONSOLE_HOME": os.environ["SECCONSOLE_HOME"]})
        assert t.wait_text("Password", 10), t.text()
        t.send(f"newton\t{PASSWORD.reveal()}\r")
        return t

    return start


def typed_back(t: Term, arrived: Callable[[], str | None]) -> None:
    """Wait for a message, compare its letters with those on the screen, and type its digits."""
    assert t.wait_until(lambda _: arrived() is not None, 20), t.text()
    text = arrived()
    assert text is not None
    assert t.wait_text(rf"Code +{prefix_in(text)}-", 10), t.text()
    t.wait_quiet(0.3)
    t.send(digits_in(text).reveal() + "\r")


def newest(texts: Callable[[], list[str]]) -> Callable[[], str | None]:
    """Return what arrives after the messages that are there now."""
    before = len(texts())
    return lambda: texts()[-1] if len(texts()) > before else None


def test_w2_w3_j2_an_address_is_bound_at_sign_in_and_used_from_then_on(console: Console, servers: Servers) -> None:
    box = servers.mailbox

    def mails() -> list[str]:
        return [box.text(number) for number, mail in enumerate(box.mails) if re.search("[A-Z]{4}-[0-9]{6}", str(mail))]

    t = console()
    assert t.wait_text("Choose a second factor", 10), t.text()
    arrived = newest(mails)
    t.send("3\r")
    assert t.wait_text(r"on its way to n•••@acme\.example\. Check your spam folder", 10), t.text()
    assert t.wait_text(r"Wait [0-9]+ s before asking", 5), t.text()
    typed_back(t, arrived)
    assert t.wait_text(r"\[ Enter \]", 10), t.text()
    t.send("\r")
    assert t.wait_text("Your recovery codes", 10), t.text()
    t.wait_quiet(0.3)
    t.send("\x1b")
    assert t.wait_text("Save, copy or write them down first", 5), t.text()
    t.send(" \r")
    assert t.wait_text("Your address is bound", 10), t.text()
    t.send("\x11")
    assert t.wait_exit(5) is not None

    t = console()
    assert t.wait_text(r"1 +E-mail to n•••@acme\.example", 10), t.text()
    arrived = newest(mails)
    t.send("1")
    typed_back(t, arrived)
    assert t.wait_text("user newton", 10), t.text()


def test_a4_a5_a_number_with_a_chosen_country_and_a_wrong_code(console: Console, servers: Servers) -> None:
    def texts() -> list[str]:
        return [message["Body"] for message in servers.twilio.messages]

    t = console()
    assert t.wait_text("Choose a second factor", 10), t.text()
    t.send("2")
    assert t.wait_text("Countries", 10), t.text()
    t.send("601 123 456\t\t\r")
    assert t.wait_text("Country of the number", 10), t.text()
    t.send("czechia\r")
    assert t.wait_text(r"\+420 601 123 456", 10), t.text()
    arrived = newest(texts)
    t.send("\r")
    assert t.wait_text("on its way to ••• 456", 10), t.text()
    t.send("000000\r")
    assert t.wait_text("Only the newest code works", 10), t.text()
    typed_back(t, arrived)
    assert t.wait_text("Your number is bound", 10), t.text()
    t.send("\r")
    assert t.wait_text("Your recovery codes", 10), t.text()
    assert servers.twilio.messages[-1]["To"] == "+420601123456"
    assert "601123456" not in t.text()
