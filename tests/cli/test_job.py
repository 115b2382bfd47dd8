"""Commands on many users as jobs, and `job`."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from tests.cli.conftest import Shell

REASON = ("--reason", "lost phone")
FILTER = ("--filter", "role:user")


def people(shell: Shell, *logins: str) -> None:
    shell.create(*logins)
    for login in logins:
        shell.bind(login)


def test_a_filter_unbinds_all_that_match_as_a_job(shell: Shell) -> None:
    people(shell, "ana", "bob", "cid")
    done = shell.json("unbind", *FILTER, *REASON, "--yes")
    assert (done["job"]["state"], done["job"]["done"], done["job"]["failed"]) == ("finished", 3, 0)
    assert [item["login"] for item in done["items"]] == ["ana", "bob", "cid"]
    assert shell.status("bob") == "unbound"
    assert shell("unbind", *FILTER, *REASON, "--yes").code == 1
    assert shell("undo", done["job"]["events"][0]).code == 0
    assert shell.status("bob") == "bound"


def test_a_dry_run_counts_and_changes_nothing(shell: Shell) -> None:
    people(shell, "ana")
    shell.create("bob")
    expected = shell.json("unbind", *FILTER, "--dry-run")
    assert (expected["total"], expected["done"], expected["skipped"], expected["failed"]) == (2, 1, 1, 0)
    assert expected["reasons"] == [{"state": "skipped", "reason": "Unbound already.", "count": 1}]
    assert shell("unbind", *FILTER, "--dry-run").out.startswith(
        "2 users: 1 would be unbound, 1 with nothing to do.\n  1 skipped: Unbound already.\n"
    )
    assert shell.status("ana") == "bound"
    assert shell.json("job", "list")["items"] == []


def test_a_file_with_an_unknown_user_is_partly_done(shell: Shell, tmp_path: Path) -> None:
    people(shell, "ana")
    file = tmp_path / "people.csv"
    file.write_text("login\nana\nnobody\n")
    answer = shell("user", "disable", "--file", str(file), "--yes", "--format", "csv")
    assert answer.code == 7
    rows = list(csv.DictReader(io.StringIO(answer.out)))
    assert [(row["login"], row["result"], row["reason"]) for row in rows] == [
        ("ana", "done", ""),
        ("nobody", "failed", "There is no such user."),
    ]
    assert shell("user", "disable", "--file", str(file), "ana", "--yes").code == 2


def test_several_users_need_yes_without_a_terminal(shell: Shell) -> None:
    people(shell, "ana", "bob")
    for command in (("unbind", *FILTER, *REASON), ("user", "disable", "ana", "bob"), ("user", "unlock", *FILTER)):
        refused = shell(*command)
        assert refused.code == 2
        assert "--dry-run" in refused.err
    assert shell.json("job", "list")["items"] == []


def test_jobs_are_listed_shown_retried_and_cancelled(shell: Shell) -> None:
    shell.create("ana", "bob")
    shell("policy", "set", "off")
    answer = shell("user", "require-mfa", "ana", "bob", "--yes")
    assert answer.code == 7
    assert answer.out.startswith("2 users: 0 asked for a second factor, 2 that cannot be.\n")
    (job,) = shell.json("job", "list")["items"]
    assert (job["kind"], job["state"], job["failed"]) == ("require-mfa", "finished", 2)
    assert len(shell.json("job", "show", job["id"], "--state", "failed")["items"]) == 2
    assert shell("job", "retry", job["id"], "--dry-run").code == 0
    assert shell("job", "retry", job["id"]).code == 7
    shell("policy", "set", "optional", "--no-whitelist-admins")
    assert shell("job", "retry", job["id"]).code == 0
    for command in ("cancel", "pause", "resume", "retry"):
        assert shell("job", command, job["id"]).code == 5
        assert shell("job", command, "01M80MR4P80000000000000000").code == 4
    assert shell.json("job", "list", "--open")["items"] == []


def test_many_users_are_whitelisted_and_taken_off_again(shell: Shell) -> None:
    shell.create("ana", "bob")
    assert shell.json("whitelist", "add", *FILTER, "--reason", "moving", "--yes")["job"]["done"] == 2
    assert len(shell.json("whitelist", "list")["items"]) == 2
    assert shell.json("whitelist", "remove", *FILTER, "--yes")["job"]["done"] == 2
    assert shell.json("whitelist", "list")["items"] == []


def test_passwords_of_many_need_mail_or_the_wish_to_go_without(shell: Shell) -> None:
    shell.create("ana", "bob")
    refused = shell("user", "reset-password", *FILTER, "--yes")
    assert refused.code == 5
    assert "Mail is not set up" in refused.err
    done = shell.json("user", "reset-password", *FILTER, "--yes", "--without-mail")
    assert done["job"]["done"] == 2 or {item["reason"] for item in done["items"]}
