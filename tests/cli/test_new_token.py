"""A22: a step-up at the terminal replaces the token of `sign-in`, also for concurrent commands."""

from __future__ import annotations

import json
import sqlite3
import threading
from pathlib import Path

import pytest

from secconsole.cli.credentials import KeptSession, SessionFile, TokenFile, keep_session, kept_session
from secconsole.config.contexts import NamedContext
from secconsole.config.private import alone_with, write_private
from secconsole.domain.secret import Secret
from tests.cli.conftest import PASSWORD, Shell
from tests.cli.test_questions import at_terminal

HERE = NamedContext()


def forget_proofs(shell: Shell) -> None:
    with sqlite3.connect(shell.home / "console.db") as database:
        database.execute("UPDATE sessions SET proved = 0")


def token_in(path: Path) -> str:
    assert path.stat().st_mode & 0o777 == 0o600
    return str(json.loads(path.read_text())["token"])


@pytest.mark.terminal
def test_a22_two_commands_that_step_up_at_once_both_continue_with_one_token(shell: Shell) -> None:
    assert shell("sign-in", "root", "--tenant", "acme", input=f"{PASSWORD}\n").code == 0
    kept = shell.home / "session"
    before = token_in(kept)
    shell.create("ana")
    forget_proofs(shell)
    with (
        at_terminal("policy", "set", "required") as one,
        at_terminal("whitelist", "add", "ana", "--reason", "x") as other,
    ):
        one.expect("Password:")
        other.expect("Password:")  # both began with the same token
        one.type(f"{PASSWORD}\n")
        other.type(f"{PASSWORD}\n")
        assert (one.code(), other.code()) == (0, 0)
    after = token_in(kept)
    assert after != before
    assert shell("user", "list").code == 0
    assert token_in(kept) == after
    kept.write_text(json.dumps({**json.loads(kept.read_text()), "token": before}))
    assert (shell("user", "list").code, "Sign in again" in shell("user", "list").err) == (3, True)


@pytest.mark.terminal
def test_a22_a_session_in_a_custom_file_is_replaced_there(shell: Shell, tmp_path: Path) -> None:
    assert shell("sign-in", "root", "--tenant", "acme", input=f"{PASSWORD}\n").code == 0
    before, own = token_in(shell.home / "session"), tmp_path / "token"
    write_private(own, before + "\n")
    (shell.home / "session").unlink()
    forget_proofs(shell)
    with at_terminal("policy", "set", "optional", "--token-file", str(own)) as terminal:
        terminal.expect("Password:")
        terminal.type(f"{PASSWORD}\n")
        assert terminal.code() == 0
    assert own.read_text().strip() != before
    assert own.stat().st_mode & 0o777 == 0o600
    assert shell("user", "list", "--token-file", str(own)).code == 0


def test_a_new_token_replaces_only_its_own_session(nowhere: Shell) -> None:
    nowhere.home.mkdir(mode=0o700)
    ana = KeptSession("", "acme", "ana", Secret("1"))
    file = SessionFile(HERE, ana)
    file.replace(Secret("2"))
    assert kept_session(HERE) is None  # signed out meanwhile: it is not brought back
    keep_session(HERE, ana)
    file.replace(Secret("2"))
    assert file.newest() == Secret("2")
    keep_session(HERE, KeptSession("", "acme", "bob", Secret("3")))
    file.replace(Secret("4"))
    kept = kept_session(HERE)
    assert kept is not None
    assert (kept.login, kept.token, file.newest()) == ("bob", Secret("3"), None)


def test_waiting_for_a_replaced_file_follows_the_new_file(tmp_path: Path) -> None:
    path = tmp_path / "token"
    write_private(path, "0\n")
    file = TokenFile(path)

    def count() -> None:
        for _ in range(20):
            with file.locked():
                file.replace(Secret(str(int((file.newest() or Secret("")).reveal()) + 1)))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text() == "80\n"


def test_no_wait_without_a_file(tmp_path: Path) -> None:
    with alone_with(tmp_path / "none"):
        assert list(tmp_path.iterdir()) == []
