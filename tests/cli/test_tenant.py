"""`tenant adoption`: the progress of a tenant, for people and for programs."""

from __future__ import annotations

import csv
import io

from tests.cli.conftest import Shell


def test_adoption_counts_bound_users_and_users_without_recovery(shell: Shell) -> None:
    shell.create("ana", "ben", "cleo")
    shell.bind("ana")
    shell.bind("ben")
    assert shell("recovery-codes", "ana", "--format", "json").code == 0
    answer = shell("tenant", "adoption")
    assert answer.code == 0, answer.err
    rows = [line.rsplit(None, 1) for line in answer.out.splitlines()]
    counts = {words.strip(): number for words, number in rows}
    assert counts["Users"] == "4"
    assert counts["Bound"] == "2"
    assert counts["without a recovery code"] == "1"
    assert counts["Unbound"] == "2"
    found = shell.json("tenant", "adoption")
    assert (found["tenant"], found["policy"]) == ("acme", "optional")
    groups = list(csv.DictReader(io.StringIO(shell("tenant", "adoption", "--format", "csv").out)))
    assert sum(int(group["count"]) for group in groups if group["has_recovery"] == "true") == 1
    listed = shell.json("user", "list", "--flag", "no-recovery")["items"]
    assert [user["login"] for user in listed] == ["ben"]


def test_the_history_is_listed_by_day(shell: Shell) -> None:
    assert shell.json("tenant", "adoption", "--history") == {"tenant": "acme", "days": [], "complete": True}
    listed = shell("tenant", "adoption", "--history", "--format", "csv").out
    assert listed.strip() == "at,users,bound,pending,whitelisted,overdue"
    assert shell("tenant", "adoption", "--history", "--days", "0").code == 2
