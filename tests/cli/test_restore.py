"""`restore` as a command."""

from __future__ import annotations

from pathlib import Path

import pytest

from secconsole.cli.commands import restore as command
from tests.cli.conftest import Shell


@pytest.fixture
def file(shell: Shell, tmp_path: Path) -> Path:
    """A backup, after which a user was created."""
    assert shell("backup", str(tmp_path / "b.db")).code == 0
    shell.create("ana")
    return tmp_path / "b.db"


def logins(shell: Shell) -> list[str]:
    return [user["login"] for user in shell.json("user", "list")["items"]]


def test_restore_needs_a_confirmation_and_says_what_is_lost(shell: Shell, file: Path) -> None:
    refused = shell("restore", str(file))
    assert (refused.code, "confirm with --yes" in refused.err) == (2, True)
    assert "acme: 1 changes from" in refused.err
    shown = shell.json("restore", str(file), "--dry-run")
    assert (shown["done"], shown["tenants"][0]["lost_actions"]) == (False, {"user.created": 1})
    assert logins(shell) == ["ana", "root"]
    done = shell("restore", str(file), "--yes")
    assert (done.code, "store.restored in the audit" in done.err) == (0, True)
    assert logins(shell) == ["root"]
    assert shell("audit", "verify").code == 0
    assert shell("doctor").code == 0


@pytest.mark.parametrize(("answer", "is_done"), [("restore", True), ("yes", False), ("", False)])
def test_the_word_has_to_be_typed(
    shell: Shell, file: Path, monkeypatch: pytest.MonkeyPatch, answer: str, is_done: bool
) -> None:
    monkeypatch.setattr(command, "can_ask", lambda: True)
    monkeypatch.setattr(command, "ask", lambda question: answer)
    assert shell("restore", str(file)).code == (0 if is_done else 1)
    assert logins(shell) == (["root"] if is_done else ["ana", "root"])


def test_a_restore_that_is_refused_says_why(shell: Shell, tmp_path: Path) -> None:
    answer = shell("restore", str(tmp_path / "none.db"), "--yes")
    assert (answer.code, "There is no backup at" in answer.err) == (6, True)
    assert shell("restore").code == 2
    assert shell("restore", str(tmp_path / "none.db"), "--after").code == 2
    answer = shell("restore", str(tmp_path / "none.db"), "--store", "postgresql://db.example/secconsole")
    assert (answer.code, "restore --after" in answer.err) == (2, True)


def test_after_a_restore_by_other_tools(shell: Shell) -> None:
    assert shell("restore", "--after").code == 2
    done = shell.json("restore", "--after", "--yes")
    assert done["sessions_ended"] == 0
    assert shell.json("audit", "list")["items"][0]["action"] == "store.restored"
