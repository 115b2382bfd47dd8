"""Allowed networks by keyboard in real terminals: an administrator shuts herself out, and comes back."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secconsole.backends.base import NoAnswer
from secconsole.backends.demo.fill import Demo, DemoAccount, create_demo
from secconsole.backends.http import HttpBackend
from secconsole.operations.caller import Nobody
from secconsole.tui.demo.codes import code_of
from tests.prepared import prepared
from tests.terminal.conftest import Start
from tests.terminal.terminal_driver import Term

pytestmark = pytest.mark.terminal


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Demo:
    home = tmp_path / "home"
    monkeypatch.setenv("SECCONSOLE_HOME", str(home))
    return asyncio.run(create_demo(home, users=60, seed=7))


@pytest.fixture
def addresses(demo: Demo, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The server of the demo, at a port and at a socket, which counts as `local`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    path = tmp_path / "s"
    words = ("secconsole", "serve", "--demo", "--listen", f"127.0.0.1:{port}", "--listen", f"unix:{path}")
    with open(os.devnull, "r+") as nothing:
        server = prepared().start(words, [nothing.fileno()] * 3, {**os.environ})
    try:
        asyncio.run(_up(f"http://127.0.0.1:{port}"))
        yield f"http://127.0.0.1:{port}", f"unix:{path}"
    finally:
        server.kill()
        server.wait()


async def _up(url: str) -> None:
    backend = HttpBackend(url, Nobody())
    for _ in range(500):
        try:
            await backend.reach()
            break
        except NoAnswer:
            await asyncio.sleep(0.04)
    else:
        raise AssertionError("The server did not start.")
    await backend.close()


def signed_in(term: Start, demo: Demo, url: str, login: str, later: int = 0) -> Term:
    account: DemoAccount = next(one for one in demo.accounts if one.login == login)
    assert account.totp_uri is not None
    t = term("-m", "secconsole", "--backend", url, "--tenant", "acme", cols=80, rows=24)
    assert t.wait_text("Password", 20), t.text()
    t.wait_quiet(0.3, 5)
    code = code_of(account.totp_uri, datetime.now(UTC), later)[0]
    t.send(f"{login}\t{account.password.reveal()}\r{code}\r")
    assert t.wait_text("live", 20), t.text()
    t.wait_quiet(0.4, 5)
    return t


def shown(t: Term, words: str) -> str:
    assert t.wait_text(words, 20), t.text()
    t.wait_quiet(0.3, 5)
    return t.text()


def shut_out(t: Term) -> None:
    """Allow only a network that the console is not in."""
    t.send("4")
    shown(t, "every network is allowed")
    t.send("n")
    shown(t, "No network is listed")
    t.send("1")
    shown(t, "─ Add a network ─")
    t.send("10.0.0.0/8\toffice\t\t\t\t")
    t.press("right", "enter")
    shown(t, "You would be shut out: 127.0.0.1 would not be allowed")
    t.press("up")
    t.send("acne\t")
    t.press("right", "enter")
    shown(t, "acme")
    assert "network not allowed" not in t.text()
    t.press("ctrl+u")
    t.send("acme\t")
    t.press("right", "enter")
    text = shown(t, "network not allowed")
    assert "10.0.0.0/8 is allowed now" in text
    assert "unless you sign in from an" in text


def test_a27_an_administrator_who_is_shut_out_confirms_by_a_sign_in_from_the_new_side(
    term: Start, demo: Demo, addresses: tuple[str, str]
) -> None:
    shut_out(signed_in(term, demo, addresses[0], "tomas"))
    t = signed_in(term, demo, addresses[1], "tomas", later=1)
    shown(t, "Your change of the allowed networks is confirmed and stays")
    t.send("4")
    shown(t, r"n Networks +only 10\.0\.0\.0/8 \(office\)")


def test_a27_another_administrator_undoes_the_change_and_the_console_goes_on(
    term: Start, demo: Demo, addresses: tuple[str, str]
) -> None:
    shut = signed_in(term, demo, addresses[0], "tomas")
    shut_out(shut)
    t = signed_in(term, demo, addresses[1], "petra")
    t.send("4")
    shown(t, r"office\), a change waits")
    t.send("n")
    shown(t, "unless it is confirmed")
    t.send("4")
    shown(t, "The change is undone")
    t.press("escape")
    shown(t, "every network is allowed")
    assert shut.wait_text("network not allowed", 20, gone=True), shut.text()
    shown(shut, "live")
