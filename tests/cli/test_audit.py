"""`audit`."""

from __future__ import annotations

import csv
import io
import sqlite3

from tests.cli.conftest import Shell


def test_what_was_done_is_listed_the_newest_first(shell: Shell) -> None:
    shell.create("ana")
    shell("user", "disable", "ana", "--reason", "left")
    newest = shell.json("audit", "list", "--limit", "1")
    (entry,) = newest["items"]
    assert (entry["target"], entry["reason"], entry["outcome"], entry["channel"]) == ("ana", "left", "done", "command")
    assert entry["actor"].startswith("local:")
    older = shell.json("audit", "list", "--cursor", newest["next"])["items"]
    assert "ana" in [e["target"] for e in older]
    assert {e["target"] for e in shell.json("audit", "list", "--user", "ana", "--all")["items"]} == {"ana"}
    assert shell.json("audit", "list", "--since", "2127-01-01")["items"] == []
    assert "left" in shell("audit", "list").out


def test_a41_a_changed_entry_is_found(shell: Shell) -> None:
    shell.create("ana")
    whole = shell("audit", "verify", "--format", "json")
    assert (whole.code, whole.json["whole"]) == (0, True)
    with sqlite3.connect(shell.home / "console.db") as database:
        database.execute("UPDATE audit SET actor = 'nobody' WHERE seq = 2")
    broken = shell("audit", "verify", "--format", "json")
    assert (broken.code, broken.json["whole"]) == (1, False)
    assert broken.json["first_broken"]


def test_an_export_holds_everything(shell: Shell) -> None:
    shell.create(*(f"u{number}" for number in range(5)))
    rows = list(csv.DictReader(io.StringIO(shell("audit", "export").out, newline="")))
    assert len(rows) == len(shell.json("audit", "export")["items"]) == shell.json("audit", "verify")["entries"]
    assert rows[0]["target"] == "u4"
