"""A25: a console is locked and unlocked in a real terminal, with its content hidden meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from secconsole.backends.demo.fill import Demo
from secconsole.backends.embedded import open_embedded
from secconsole.backends.owner import store_owner
from secconsole.operations.caller import Nobody
from secconsole.operations.user_changes import DisableUser
from secconsole.operations.users import CreateUser
from tests.extent import matrix
from tests.terminal.terminal_driver import Term
from tests.terminal.test_places_walk import Open, code, demo, filled, password, signed_in

pytestmark = pytest.mark.terminal
__all__ = ["demo", "filled", "signed_in"]  # fixtures

DATA = ("petra", "Haddad", "status", "bound", "Signed in", "Overview")


def elsewhere(demo: Demo, operation: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do something as another program on the same store."""
    monkeypatch.setenv("SECCONSOLE_HOME", str(demo.home))

    async def do() -> None:
        backend = await open_embedded(store_owner() or Nobody(), "command")
        await backend.perform(operation)  # type: ignore[arg-type]
        await backend.close()

    asyncio.run(do())


def in_users(signed_in: Open, login: str, **options: object) -> Term:
    t = signed_in(login, **options)
    t.press("2")
    assert t.wait_text("Haddad", 10), t.text()
    t.wait_quiet(0.4, 5)
    return t


def locked(t: Term) -> None:
    t.press("ctrl+l")
    assert t.wait_text("Confirm it's you", 10), t.text()
    t.wait_quiet(0.5, 5)


def unlock(t: Term, demo: Demo, login: str) -> None:
    t.send(f"{password(demo, login)}\t{code(demo, login)}\r")


@pytest.mark.parametrize(
    ("size", "environment"),
    matrix([(80, 24), (200, 60)], [{}, {"NO_COLOR": "1"}, {"TERM": "xterm", "COLORTERM": ""}]),
)
def test_a25_locking_hides_everything_and_unlocking_restores_it(
    signed_in: Open, demo: Demo, size: tuple[int, int], environment: dict[str, str]
) -> None:
    t = in_users(signed_in, "hana", cols=size[0], rows=size[1], env=environment)
    t.send("/haddad")
    assert t.wait_text("Ava Berg", 5, gone=True)
    t.press("enter")
    t.wait_quiet(0.5, 5)
    before = t.lines()
    locked(t)
    mark = t.mark()
    shown = t.text()
    assert "hana" in shown
    assert "acme" in shown
    for words in DATA:
        assert words not in shown, shown
    assert not any(words in line for words in DATA for line in t.scrollback())
    t.press("escape")
    assert t.wait_text("Sign out", 5), t.text()
    for key in ("2", "ctrl+p", ":", "u", "q", "down", "t"):
        t.press(key)
    t.resize(size[0] + 10, size[1] + 5)
    t.wait_quiet(0.5, 5)
    t.resize(*size)
    t.wait_quiet(0.5, 5)
    for words in DATA:
        assert words not in t.text(), t.text()
        assert words.encode() not in t.since(mark)
    assert b"\x1b]0;" not in t.raw  # no title that would name anything
    assert b"\x1b]2;" not in t.raw
    t.press("enter")
    assert t.wait_text("Confirm it's you", 5), t.text()
    t.wait_quiet(0.3, 5)
    unlock(t, demo, "hana")
    assert t.wait_text("Haddad", 10), t.text()
    assert t.wait_until(lambda t: t.lines()[3:] == before[3:]), t.text()


def test_a25_a_locked_console_sends_nothing_on_changes(
    signed_in: Open, demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    t = in_users(signed_in, "hana")
    locked(t)
    t.wait_quiet(1.0, 10)
    mark = t.mark()
    for number in range(3):
        elsewhere(demo, CreateUser(tenant="acme", login=f"added{number}"), monkeypatch)
    t.idle(5)
    assert t.mark() == mark, t.since(mark)
    unlock(t, demo, "hana")
    assert t.wait_text("83 users", 10), t.text()


def test_a_session_ended_meanwhile_is_reported_at_sign_in(
    signed_in: Open, demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    t = in_users(signed_in, "hana")
    locked(t)
    mark = t.mark()
    elsewhere(demo, DisableUser(tenant="acme", user="hana"), monkeypatch)
    assert t.wait_text("Your session has ended", 10), t.text()
    t.wait_quiet(0.5, 5)
    for words in ("Haddad", "Signed in", "Overview"):
        assert words.encode() not in t.since(mark)  # not for a moment either, on the way there


@pytest.mark.parametrize("way", ["key", "hangup"])
def test_leaving_a_locked_console_leaves_a_clean_terminal(signed_in: Open, way: str) -> None:
    t = in_users(signed_in, "hana")
    locked(t)
    if way == "key":
        t.press("ctrl+q")
        assert t.wait_exit(10) is not None
        assert t.left_on() == []
        assert not any("Haddad" in line for line in [*t.scrollback(), *t.lines()])
    else:
        t.hangup()
        assert t.wait_exit(10) is not None
