"""`whitelist`."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.cli.conftest import Shell


@pytest.fixture(autouse=True)
def prague(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Prague")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_a34_an_entry_has_reason_end_and_author(shell: Shell) -> None:
    shell.create("bob")
    changed = shell.json(
        "whitelist", "add", "bob", "--reason", "service account", "--until", "2127-01-31", "--tenant", "acme"
    )
    assert changed == {"changed": ["bob"], "unchanged": [], "failed": []}
    (entry,) = shell.json("whitelist", "list")["items"]
    assert (entry["reason"], entry["until"]) == ("service account", "2127-01-31T23:00:00Z")
    assert entry["by"].startswith("local:")
    assert shell.json("user", "show", "bob")["user"]["flags"] == ["whitelisted"]
    assert "2127-02-01 00:00:00 +01:00" in shell("whitelist", "list").out


def test_who_is_on_it_already_is_told_and_a_new_reason_changes_it(shell: Shell) -> None:
    shell.create("bob")
    add = ["whitelist", "add", "bob", "--reason"]
    assert shell.json(*add, "x")["changed"] == ["bob"]
    assert shell.json(*add, "x")["unchanged"] == ["bob"]
    assert shell.json(*add, "y")["changed"] == ["bob"]
    assert shell.json("whitelist", "remove", "bob")["changed"] == ["bob"]
    assert shell.json("whitelist", "list")["items"] == []


def test_one_who_does_not_exist_and_some_who_do_not(shell: Shell) -> None:
    shell.create("bob")
    answer = shell("whitelist", "add", "nobody", "--reason", "x")
    assert (answer.code, answer.err) == (4, "There is no such user.\n")
    answer = shell("whitelist", "add", "nobody", "bob", "--reason", "x", "--format", "json")
    assert (answer.code, answer.json["changed"], answer.json["failed"][0]["login"]) == (7, ["bob"], "nobody")


def test_the_last_platform_administrator_leaves_only_with_yes(shell: Shell) -> None:
    shell("policy", "set", "required")
    answer = shell("whitelist", "remove", "root")
    assert answer.code == 5
    assert answer.err.endswith("To do it all the same: --yes\n")
    assert len(shell.json("whitelist", "list")["items"]) == 1
    assert shell("whitelist", "remove", "root", "--yes").code == 0


def test_a_file_of_entries(shell: Shell) -> None:
    shell.create("ana", "bob", "eve")
    file = (
        "\ufefflogin,reason,until\r\nana,service account,2127-01-31\r\nbob,'=service,\r\n"
        "nobody,x,\r\neve,x,tomorrow\r\n,x,\r\n"
    )
    answer = shell("whitelist", "import", "-", "--format", "json", input=file)
    assert (answer.code, answer.json["changed"]) == (7, ["ana", "bob"])
    failed = {f["login"]: f["reason"] for f in answer.json["failed"]}
    assert failed["nobody"] == "There is no such user."
    assert failed["eve"].startswith("line 5: tomorrow is no date")
    assert failed[""] == "line 6: the login is empty"
    entries = {e["login"]: e for e in shell.json("whitelist", "list")["items"]}
    assert (entries["bob"]["reason"], entries["bob"]["until"]) == ("=service", None)
    assert shell("whitelist", "import", "-", input="login,reason\nana,x\nbob,x\n").code == 0


def test_a_reason_is_needed(shell: Shell) -> None:
    shell.create("bob")
    assert shell("whitelist", "add", "bob").code == 2
    assert shell("whitelist", "add", "bob", "--reason", " ").code == 2
    assert shell("whitelist", "add", "bob", "--reason", "x", "--until", "2020-01-01").code == 2
