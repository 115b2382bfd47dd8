"""Keys typed ahead reach their targets on fast and slow connections, and no password is ever shown."""

from __future__ import annotations

import pytest

from tests.terminal.conftest import Start

pytestmark = pytest.mark.terminal
BURST = "ana\tsecret words\r123456\r"


@pytest.mark.parametrize("rtt", [0.0, 0.2])
def test_burst_signs_in(sample: Start, rtt: float) -> None:
    t = sample("sample_sign_in", rtt=rtt)
    assert t.wait_text("Sign in", 10)
    t.send(BURST)
    assert t.wait_text("SIGNED IN", 10), t.text()
    assert t.wait_words("login=<ana>"), t.text()
    assert t.wait_words("password ok=True"), t.text()
    assert t.wait_words("code=<123456>"), t.text()
    assert b"secret" not in t.raw
    assert b"words" not in t.raw


def test_burst_before_the_first_frame(sample: Start) -> None:
    t = sample("sample_sign_in", cold=True)
    quiet = t.wait_until(lambda term: "echo off" in term.left_on(), 10, every=0.005)
    assert quiet
    assert b"Sign in" not in t.raw
    t.send(BURST)
    assert t.wait_text("SIGNED IN", 10), t.text()
    assert t.wait_words("login=<ana>"), t.text()
    assert t.wait_words("password ok=True"), t.text()
    assert t.wait_words("code=<123456>"), t.text()
    assert b"secret" not in t.raw


def test_pastes_keep_their_order_among_keys(sample: Start) -> None:
    t = sample("sample_sign_in")
    assert t.wait_text("Sign in", 10)
    t.send("\x1b[200~ana\r\x1b[201~\t\x1b[200~secret words\n\x1b[201~\r\x1b[200~XYWD-123456\x1b[201~\r")
    assert t.wait_text("SIGNED IN", 10), t.text()
    assert t.wait_words("login=<ana>"), t.text()
    assert t.wait_words("password ok=True"), t.text()
    assert t.wait_words("code=<XYWD-123456>"), t.text()


@pytest.mark.parametrize("key", ["d", "s", "a"], ids=["dialog at once", "after a wait", "waited for in a worker"])
def test_keys_after_one_that_opens_a_dialog_go_to_the_dialog(sample: Start, key: str) -> None:
    t = sample("sample_places")
    assert t.wait_text("ready", 10)
    t.send(f"{key}\t\tlost phone\t\t\t\t\r")
    assert t.wait_text("said unbind: lost phone", 10), t.text()


def test_quit_works_while_keys_are_held(sample: Start) -> None:
    t = sample("sample_sign_in")
    assert t.wait_text("Sign in", 10)
    t.send("ana\tsecret words\r\x11")
    assert t.wait_exit(5) is not None
    assert t.proc.returncode == 0
    assert t.left_on() == []
