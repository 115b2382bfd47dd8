"""`user invite`, in a demo, whose inbox receives the mails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from secconsole.config import locations
from tests.cli.conftest import Shell

PEOPLE = "login,name,email\nana,Ana,ana@acme.example\nben,Ben,ben@acme.example\nnomail,No Mail,\n"


@pytest.fixture
def demo(nowhere: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A small demo, and three people who were imported without a password."""
    monkeypatch.setenv("SECCONSOLE_HOME", str(tmp_path / "d"))
    assert nowhere("demo", "--home", str(tmp_path / "d"), "--users", "10", "--no-open").code == 0
    (tmp_path / "people.csv").write_text(PEOPLE)
    imported = nowhere("user", "import", str(tmp_path / "people.csv"))
    assert "3 users have no password and cannot sign in yet" in imported.err
    return nowhere


def mails(shell: Shell) -> list[dict[str, str]]:
    """Return the invitations in the demo's inbox."""
    items = shell.json("demo", "--home", str(locations.data_home()), "--inbox")["items"]
    return [mail for mail in items if "First-time password" in mail["text"]]


def test_all_without_a_password_are_invited_and_the_others_are_listed(demo: Shell) -> None:
    refused = demo("user", "invite", "--all-without-password")
    assert refused.code == 2
    assert "3 users: 2 would be invited, 1 that cannot be." in refused.err
    planned = demo.json("user", "invite", "--all-without-password", "--dry-run")
    assert [item["login"] for item in planned["items"] if item["state"] == "done"] == ["ana", "ben"]
    assert mails(demo) == []
    done = demo("user", "invite", "--all-without-password", "--yes", "--format", "json")
    assert done.code == 7
    assert (done.json["job"]["kind"], done.json["job"]["state"], done.json["job"]["done"]) == ("invite", "finished", 2)
    assert [(item["login"], item["state"], item["reason"]) for item in done.json["items"]] == [
        ("ana", "done", ""),
        ("ben", "done", ""),
        ("nomail", "failed", "There is no e-mail address on record."),
    ]
    assert {mail["to"] for mail in mails(demo)} == {"ana@acme.example", "ben@acme.example"}
    left = demo("user", "list", "--flag", "no-password", "--format", "json").json
    assert [user["login"] for user in left["items"]] == ["nomail"]
    assert demo("user", "rename", "nomail", "--email", "nomail@acme.example", "--yes").code == 0
    assert demo("job", "retry", done.json["job"]["id"]).code == 0
    assert len(mails(demo)) == 3, "the others got no second one"
    nobody = demo("user", "invite", "--all-without-password", "--yes")
    assert (nobody.code, nobody.err) == (0, "Everyone has a password already: there is nobody to invite.\n")


def test_one_user_is_invited_and_then_chooses_a_password(demo: Shell) -> None:
    done = demo("user", "invite", "ana", "--days", "3")
    assert done.code == 0
    assert "invited" in done.out
    (mail,) = mails(demo)
    password = mail["text"].partition("First-time password:")[2].split()[0]
    assert password not in done.out + done.err
    assert "first-time, sent by mail, until" in demo("user", "show", "ana").out
    typed = f"{password}\nseven quiet otters by the weir\n"
    answer = demo("sign-in", "ana", "--tenant", "acme", input=typed)
    assert password not in answer.out + answer.err
    assert demo("user", "show", "ana", "--format", "json").json["invited_until"] is None
    assert json.loads(demo("audit", "list", "--format", "json").out)["items"]


def test_each_failure_of_one_user_has_its_exit_code(demo: Shell, shell: Shell) -> None:
    assert demo("user", "invite", "nobody").code == 4
    own = demo("user", "invite", "uma")
    assert (own.code, own.err) == (
        5,
        "uma was not invited: Has a password already. To replace it, use reset-password.\n",
    )
    assert demo("user", "invite", "nomail").code == 5
    assert demo("user", "invite").code == 2
    assert demo("user", "invite", "ana", "--all-without-password").code == 2
    assert demo("user", "invite", "ana", "ben", "--yes").code == 0


def test_users_of_a_file_and_of_a_search_are_invited(demo: Shell, tmp_path: Path) -> None:
    (tmp_path / "some.csv").write_text("login,email\nben,\nnobody,\n")
    from_file = demo("user", "invite", "--file", str(tmp_path / "some.csv"), "--yes", "--format", "json")
    assert (from_file.code, [item["state"] for item in from_file.json["items"]]) == (7, ["done", "failed"])
    found = demo("user", "invite", "--filter", "ana", "--yes", "--format", "csv")
    assert (found.code, found.out.splitlines()[1].split(",")[0]) == (0, "ana")
    assert demo("user", "invite", "--filter", "ana is:no-password", "--yes").code == 4
    own = demo.json("user", "invite", "--filter", "uma", "--dry-run")
    assert (own["skipped"], own["reasons"][0]["reason"]) == (1, "Has a password already.")


def test_nobody_is_invited_without_a_mail_server(shell: Shell) -> None:
    assert (
        shell(
            "user",
            "create",
            "ana",
        ).code
        == 0
    )
    assert "Mail is not set up" in shell("user", "invite", "ana").err
