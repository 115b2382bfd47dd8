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
    assert changed == {"changed": ["bob"], "unchanged": [], "failed": [], "sessions_ended": 0, "tokens_ended": 0}
    (entry,) = shell.json("whitelist", "list")["items"]
    assert (entry["reason"], entry["until"]) == ("service account", "2127-01-31T23:00:00Z")
    assert entry["by"].startswith("local:")
    assert shell.json("user", "show", "bob")["user"]["flags"] == ["whitelisted"]
    assert "2127-02-01 00:00:00 +01:00" in shell("whitelist", "list").out


def test_an_existing_entry_is_reported_and_a_new_reason_updates_it(shell: Shell) -> None:
    shell.create("bob")
    add = ["whitelist", "add", "bob", "--reason"]
    assert shell.json(*add, "x")["changed"] == ["bob"]
    assert shell.json(*add, "x")["unchanged"] == ["bob"]
    assert shell.json(*add, "y")["changed"] == ["bob"]
    assert shell.json("whitelist", "remove", "bob")["changed"] == ["bob"]
    assert shell.json("whitelist", "list")["items"] == []


def test_unknown_users_are_not_found_or_a_partial_failure(shell: Shell) -> None:
    shell.create("bob")
    answer = shell("whitelist", "add", "nobody", "--reason", "x")
    assert (answer.code, answer.err) == (4, "There is no such user.\n")
    answer = shell("whitelist", "add", "nobody", "bob", "--reason", "x", "--format", "json")
    assert (answer.code, answer.json["changed"], answer.json["failed"][0]["login"]) == (7, ["bob"], "nobody")


def test_removing_the_last_platform_administrator_requires_yes(shell: Shell) -> None:
    shell("policy", "set", "required")
    answer = shell("whitelist", "remove", "root")
    assert answer.code == 5
    assert answer.err.endswith("To do it anyway, use --yes\n")
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
    assert failed["eve"].startswith("line 5: tomorrow is not a date")
    assert failed[""] == "line 6: the login is empty"
    entries = {e["login"]: e for e in shell.json("whitelist", "list")["items"]}
    assert (entries["bob"]["reason"], entries["bob"]["until"]) == ("=service", None)
    assert shell("whitelist", "import", "-", input="login,reason\nana,x\nbob,x\n").code == 0


def test_a_reason_is_required(shell: Shell) -> None:
    shell.create("bob")
    assert shell("whitelist", "add", "bob").code == 2
    assert shell("whitelist", "add", "bob", "--reason", " ").code == 2
    assert shell("whitelist", "add", "bob", "--reason", "x", "--until", "2020-01-01").code == 2


def test_a1_a_line_that_is_too_long_rejects_no_other_line(shell: Shell) -> None:
    shell.create("ana")
    lines = ["login,reason", "ana,x", f"{'b' * 300},x", f"{'c' * 2_000},x", f"root,{'r' * 501}"]
    answer = shell("whitelist", "import", "-", "--format", "json", input="\n".join(lines))
    assert (answer.code, answer.json["changed"]) == (7, ["ana"])
    assert sorted(failed["reason"] for failed in answer.json["failed"]) == [
        "line 3: the login is longer than 256 characters",
        "line 4: login is longer than 1,024 characters",
        "line 5: the reason is longer than 500 characters",
    ]


def test_a1_a_name_that_is_too_long_is_refused_with_a_message(shell: Shell) -> None:
    answer = shell("user", "show", "x" * 300)
    assert answer.code == 2
    assert "The user is longer than 256 characters." in answer.err
    assert "xxx" not in answer.err


@pytest.mark.parametrize("until", ["9999-12-30", "9999-12-31"])
def test_an_end_too_far_in_the_future_is_refused(shell: Shell, until: str) -> None:
    shell.create("ana")
    answer = shell("whitelist", "add", "ana", "--reason", "x", "--until", until)
    assert (answer.code, answer.err) == (2, "That end is too far in the future. Leave it out for no end date.\n")
    rows = shell("whitelist", "import", "-", input=f"login,reason,until\nana,x,{until}\n")
    assert (rows.code, "too far in the future" in rows.out) == (7, True)
