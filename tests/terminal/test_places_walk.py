"""Overview, Whitelist, Security settings and Audit, walked by keyboard in real terminals on a demo's store."""

from __future__ import annotations

import asyncio
import base64
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from secconsole.backends.demo.fill import Demo, create_demo
from secconsole.backends.embedded import open_embedded
from secconsole.backends.owner import store_owner
from secconsole.domain.factors.totp import code_for_step, time_step
from secconsole.domain.secret import Secret
from secconsole.operations.caller import Nobody
from secconsole.operations.whitelist import AddToWhitelist
from tests.extent import further
from tests.terminal.conftest import Start
from tests.terminal.terminal_driver import Term

pytestmark = pytest.mark.terminal

HOSTILE = "\x1b]0;pwned\x07 [b]bold[/b] \u202egnp\u200b"
ACCOUNTS = {"petra": "1", "tomas": "2", "hana": "3", "aida": "4"}
Open = Callable[..., Term]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    home = tmp_path_factory.mktemp("demo") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECCONSOLE_HOME", str(home))
        made = asyncio.run(create_demo(home, users=80, seed=7))
        asyncio.run(_put_something_hostile())
    return made


@pytest.fixture
def demo(filled: Demo, tmp_path: Path) -> Demo:
    """One for each test: an account takes one code in thirty seconds."""
    shutil.copytree(filled.home, tmp_path / "demo")
    return replace(filled, home=tmp_path / "demo")


async def _put_something_hostile() -> None:
    backend = await open_embedded(store_owner() or Nobody(), "command")
    await backend.perform(AddToWhitelist(tenant="acme", users=("aida",), reason=HOSTILE))
    await backend.close()


@pytest.fixture
def signed_in(term: Start, demo: Demo) -> Open:
    """A console in which one of the demo's people has just signed in, in their first place."""

    def start(login: str, **options: object) -> Term:
        env = {"SECCONSOLE_HOME": str(demo.home)} | dict(options.pop("env", {}))  # type: ignore[call-overload]
        opened = term("-m", "secconsole", env=env, **options)
        assert opened.wait_text("throw-away data", 20), opened.text()
        opened.wait_quiet(0.3, 5)
        opened.send(ACCOUNTS[login])
        assert opened.wait_text("1 Overview", 20), opened.text()
        opened.wait_quiet(0.4, 5)
        return opened

    return start


def code(demo: Demo, login: str) -> str:
    """A code that was not used yet: that of the step to come, which a server takes as well."""
    uri = next(account.totp_uri for account in demo.accounts if account.login == login)
    assert uri is not None
    key = uri.reveal().partition("secret=")[2].partition("&")[0]
    seed = Secret(base64.b32decode(key + "=" * (-len(key) % 8)))
    return code_for_step(seed, time_step(time.time()) + 1)


def password(demo: Demo, login: str) -> str:
    return next(account.password for account in demo.accounts if account.login == login).reveal()


PLACES = (("3", "exempt|entries"), ("4", "Secret key"), ("5", "sign-in"), ("1", "Needs attention"))


@pytest.mark.parametrize("size", [(80, 24), further((120, 40)), further((200, 60))])
def test_every_place_is_one_key_away_and_explains_itself(signed_in: Open, size: tuple[int, int]) -> None:
    t = signed_in("petra", cols=size[0], rows=size[1])
    for key, words in PLACES * 2:
        pressed = t.key(key, quiet=0.4)
        assert t.wait_text(words, 5), t.text()
        if size == (80, 24):
            assert pressed.nbytes <= 6000, (key, pressed.nbytes)
    t.wait_quiet(0.5, 5)
    for key, _ in PLACES:
        t.press(key)
        t.wait_quiet(0.5, 5)
        before = t.mark()
        t.wait_until(lambda _: False, 1.2)
        assert t.mark() == before, f"idle in place {key}"


@pytest.mark.parametrize(
    ("env", "theme"),
    [({"NO_COLOR": "1"}, "none"), ({"LANG": "C", "LC_ALL": "C"}, "none"), ({"TERM": "linux", "COLORTERM": None}, "16")],
)
def test_places_can_be_read_without_colour_and_without_utf8(
    signed_in: Open, env: dict[str, str | None], theme: str
) -> None:
    t = signed_in("aida", env=env)
    for key, words in PLACES[0], PLACES[2], PLACES[3]:
        t.press(key)
        assert t.wait_text(words, 5), t.text()
    t.press("4")
    assert t.wait_text("You are bound", 5), t.text()
    assert t.wait_text(r"\([•*]\) required \(now\)"), t.text()
    assert t.wait_text("Read-only"), t.text()
    assert theme == "16" or b"\x1b[38" not in t.raw or "NO_COLOR" not in env


def test_z1_a_policy_change_appears_in_another_terminal(signed_in: Open, demo: Demo) -> None:
    other = signed_in("aida")
    t = signed_in("petra")
    t.send("4")
    assert t.wait_text(r"\(•\) required \(now\)", 5), t.text()
    t.press("left")
    assert t.wait_text("If you switch to optional now", 5), t.text()
    t.press("enter")
    t.send(password(demo, "petra") + "\t" + code(demo, "petra") + "\r")
    assert t.wait_text(r"\[ Switch \]", 5), t.text()
    seen = [line for line in t.lines() if "shows the demo" in line]
    assert all("Demo: the password was created as" in line for line in seen), "a password is never seen as it is typed"
    t.press("right", "enter")
    assert t.wait_text("Users who have a second factor are now asked for it", 10), t.text()
    assert other.wait_text("MFA optional"), other.text()


def test_a15_hostile_reasons_are_spelled_out_in_whitelist_and_audit(signed_in: Open) -> None:
    t = signed_in("aida")
    t.send("3")
    assert t.wait_text(r"\\x1b\]0;pwned\\x07 \[b\]bold\[/b\] \\u202egnp\\u200b", 5), t.text()
    t.send("5/pwned\r")
    assert t.wait_text(r"why \\x1b\]0;pwned", 5), t.text()
    assert b"\x1b]0;" not in t.raw
    assert "\u202e".encode() not in t.raw


def test_letters_typed_ahead_reach_the_dialog_and_nothing_else(signed_in: Open) -> None:
    """`a` opens the dialog, and the following burst is searched for, though each letter is a key of the place."""
    t = signed_in("tomas")
    t.send("3")
    assert t.wait_text("entries", 5), t.text()
    t.send("aped\r")
    assert t.wait_text("Add to the whitelist", 5), t.text()
    assert t.wait_text(r"/ ped", 5), t.text()
