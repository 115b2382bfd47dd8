"""Hostile text in every field that people can fill: what reaches the terminal, and its effect there.

A15: no control sequence of the data's own; A16: no markup; A17: nothing invisible. Read from the bytes in a pty.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secconsole.backends.embedded import EmbeddedBackend, open_embedded
from secconsole.backends.new_store import create_store
from secconsole.backends.owner import store_owner
from secconsole.domain.errors import Invalid
from secconsole.domain.secret import Secret
from secconsole.operations.caller import Nobody
from secconsole.operations.factors import EnrollFactor
from secconsole.operations.unbinding import Unbind
from secconsole.operations.users import CreateUser
from secconsole.operations.whitelist import AddToWhitelist
from secconsole.service.factors.passwords import Passwords
from tests.cheap_passwords import LEAST
from tests.extent import examples
from tests.terminal.sample_users import PASSWORD, TENANT
from tests.terminal.terminal_driver import Term

pytestmark = pytest.mark.terminal
Start = Callable[..., Term]

# What the program itself sends while it draws: colours, places, synchronised output, cursor and pointer shape.
OWN = re.compile(rb"\x1b\[(?:[0-9;]*m|[0-9;]*H|[0-9]*[CKX]|\?2026[hl]|\?25[hl])|\x1b[78]|\x1b\]22;[a-z-]*\x07")
ESCAPES = (
    "\x1b]0;owned\x07",
    "\x1b]52;c;b3duZWQ=\x07",
    "\x1b[2J\x1b[31m",
    "\x9b31m",
    "\x9d0;owned\x9c",
    "\x1bPq\x1b\\",
    "\x1bc",
    "\x07\x08\r",
    "\x7f\x85\x84",
)
MARKUP = (
    "[@click=app.quit]x[/]",
    "[/]",
    "[red",
    "[b]bold[/b]",
    "[link=file:///etc/passwd]a[/link]",
    "[[]]",
    "$name",
    "[@click=screen.dismiss]x[/]",
    "\\[b]",
)
UNSEEN = (
    "\u202egnp.exe",
    "a\u200bb",
    "\ufeff",
    "\u2066x\u2069",
    "\u00ad",
    "\U000e0041",
    "\u3164",
    "\u2028line\nbreak",
    "e\u0301\u0302\u0303\u0304\u0305",
    "日本語ｗ",
    "مرحبا",
    "👩‍👩‍👧",
)


def cheap() -> Passwords:
    return Passwords(**LEAST)


async def fill(texts: Sequence[str]) -> None:
    """A store in the home of the environment in which each text is a name, a reason, a ticket and an address."""
    await create_store(tenant=TENANT, admin="root", password=Secret(PASSWORD), passwords=cheap())
    backend = await open_embedded(store_owner() or Nobody(), "command", passwords=cheap())
    try:
        for number, text in enumerate(texts):
            await add(backend, f"user{number:03}", text.replace("\0", ""))
    finally:
        await backend.close()


async def add(backend: EmbeddedBackend, login: str, text: str) -> None:
    name, reason = text[:150], text.strip()[:400] or "blank"
    address = "".join(c for c in text if not c.isspace() and c != "@")[:60] + "@acme.example"
    try:
        await backend.perform(CreateUser(tenant=TENANT, login=login, name=name, email=address))
    except Invalid:
        await backend.perform(CreateUser(tenant=TENANT, login=login, name=name))
    await backend.perform(AddToWhitelist(tenant=TENANT, users=(login,), reason=reason))
    if not int(login[-3:]) % 2:
        await backend.perform(EnrollFactor(tenant=TENANT, user=login, label=text[:50]))
    if not int(login[-3:]) % 4:  # a pending factor can be unbound, too: then its reason is shown
        await backend.perform(Unbind(tenant=TENANT, users=(login,), reason=reason, ticket=text.strip()[:80]))


def fill_home(home: Path, texts: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECCONSOLE_HOME", str(home))
    asyncio.run(fill(texts))


def opened(term: Start, home: Path, **options: object) -> Term:
    window = {"cols": 120, "rows": 40} | options
    started = term("-m", "tests.terminal.sample_users", "root", env={"SECCONSOLE_HOME": str(home)}, **window)
    assert started.wait_text(r"\d users", 20) is not None, started.text()
    started.wait_quiet(0.3)
    return started


def walk(started: Term) -> bytes:
    """Show it in table, details, search, dialogs and toasts, and return the bytes that were sent meanwhile."""
    mark = started.mark()
    for _ in range(6):
        started.key("down", quiet=0.2)  # long enough for the details
    for key in ("pagedown", "end", "home"):
        started.key(key, quiet=0.2)
    for keys in (("h", "escape"), ("u", "escape"), ("x", "escape"), ("w", "escape"), ("m", "escape"), ("l",)):
        for key in keys:
            started.key(key, quiet=0.25)
        started.press("down")
    started.type("aau")  # all of them, with their names listed
    started.key("d", quiet=0.3)
    started.key("escape", quiet=0.3)
    started.key("escape", quiet=0.3)
    return started.since(mark)


def assert_harmless(sent: bytes) -> None:
    text = OWN.sub(b"", sent).decode()
    assert not (found := [text[max(0, at - 20) : at + 20] for at, c in enumerate(text) if is_bad(c)]), found[:5]


def is_bad(char: str) -> bool:
    return not char.isprintable() and char not in "\r\n"


def test_a15_no_control_byte_from_data_reaches_the_terminal(
    term: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    fill_home(home, ESCAPES * 2, monkeypatch)
    started = opened(term, home)
    sent = walk(started)
    assert_harmless(sent)
    assert b"owned" in sent  # it was shown, spelled out
    assert started.alive()
    started.key("home", quiet=0.4)
    started.key("down", quiet=0.4)
    assert started.wait_words(r"\x1b]0;owned\x07"), started.text()


def test_a16_data_is_never_markup_and_nothing_runs_when_it_is_clicked(
    term: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    fill_home(home, MARKUP * 2, monkeypatch)
    started = opened(term, home)
    assert_harmless(walk(started))
    started.key("home", quiet=0.4)
    started.key("down", quiet=0.4)
    shown = started.text()
    assert "[@click=app.quit]x[/]" in shown  # in the pane, whole
    assert "[link=file" in shown
    for row, line in enumerate(started.lines()[4:38], 5):  # wherever such text is
        for found in re.finditer(r"click=|\[/\]|x\[", line):
            at = found.start() + 1
            started.send(f"\x1b[<0;{at};{row}M\x1b[<0;{at};{row}m")
    started.wait_quiet(0.5)
    assert started.alive()
    assert started.wait_words("2 Users"), started.text()
    assert started.wait_text(r"\d+ users"), started.text()


def test_a17_invisible_and_mixed_names_are_spelled_out_and_flagged(
    term: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    fill_home(home, (*UNSEEN, "Mаrek"), monkeypatch)  # the last with a Cyrillic а
    started = opened(term, home, cols=160)
    assert_harmless(walk(started))
    started.key("A", quiet=0.2)
    started.key("home", quiet=0.4)
    shown = started.text()
    for spelled in (r"⚠ \u202egnp.exe", r"⚠ a\u200bb", "⚠ Mаrek"):
        assert spelled in shown
    started.type("/user000")
    started.key("enter", quiet=0.5)
    assert started.wait_words("Contains invisible or control characters"), started.text()


hostile = st.lists(st.sampled_from(ESCAPES + MARKUP + UNSEEN) | st.text(max_size=12), min_size=1, max_size=4).map(
    "".join
)


@given(texts=st.lists(hostile, min_size=12, max_size=20))
@settings(max_examples=examples(5), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a15_a16_no_text_adds_control_sequences(
    term: Start, tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    home = tmp_path_factory.mktemp("hostile") / "home"
    with pytest.MonkeyPatch.context() as patch:
        fill_home(home, texts, patch)
    started = opened(term, home, cols=100, rows=30)
    assert_harmless(walk(started))
    assert started.alive()
    started.close()
