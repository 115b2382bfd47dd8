"""`audit`."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from pathlib import Path
from typing import Any

from tests.cli.conftest import Shell


def test_entries_are_listed_newest_first(shell: Shell) -> None:
    shell.create("ana")
    shell("user", "disable", "ana", "--reason", "left", "--yes")
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


def test_an_export_contains_every_entry(shell: Shell) -> None:
    shell.create(*(f"u{number}" for number in range(5)))
    rows = list(csv.DictReader(io.StringIO(shell("audit", "export").out, newline="")))
    assert len(rows) == len(shell.json("audit", "export")["items"]) == shell.json("audit", "verify")["entries"]
    assert rows[0]["target"] == "u4"


def test_a41_a_store_that_was_put_back_contradicts_the_head_of_before(shell: Shell, tmp_path: Path) -> None:
    early, kept, journal = tmp_path / "early.json", tmp_path / "kept.csv", tmp_path / "journal"
    early.write_text(shell("audit", "head").out)
    old = _rows(shell, "SELECT seq, mac, signature FROM audit_heads")[0]
    shell.create("ana", "ben")
    kept.write_text(shell("audit", "head", "--format", "csv").out)
    (head,) = shell.json("audit", "head")["items"]
    journal.write_text(f"Nov 30 01:00:00 host secconsole[7]: {json.dumps({'level': 'info', 'audit_head': head})}\n")
    files = [word for path in (early, kept, journal) for word in ("--against", str(path))]
    whole = shell.json("audit", "verify", *files)
    assert (whole["whole"], whole["heads"]) == (True, 3)
    with sqlite3.connect(shell.home / "console.db") as database:
        database.execute("DELETE FROM audit WHERE seq > ?", old[:1])
        database.execute("UPDATE audit_heads SET seq = ?, mac = ?, signature = ?", old)
    assert shell.json("audit", "verify")["whole"]
    for path, line in ((kept, 2), (journal, 1)):
        cut = shell("audit", "verify", "--against", str(early), "--against", str(path), "--format", "json")
        assert (cut.code, cut.json["whole"], cut.json["position"]) == (1, False, old[0] + 1)
        assert cut.json["entries"] == old[0]
        problem = (
            f"the newest entries are missing: the chain ends at entry {old[0]}, and the head names entry {head['seq']}"
        )
        assert cut.json["problem"].startswith(f"{problem} ({path} line {line}, signed on ")
    assert shell("audit", "verify", "--against", str(early)).code == 0
    assert shell("audit", "verify", "--against", "-", input=journal.read_bytes()).code == 1


def test_the_first_problem_of_entries_and_heads_is_named(shell: Shell, tmp_path: Path) -> None:
    kept = tmp_path / "head.json"
    shell.create("ana", "ben")
    kept.write_text(shell("audit", "head").out)
    (head,) = shell.json("audit", "head")["items"]
    with sqlite3.connect(shell.home / "console.db") as database:
        database.execute("UPDATE audit SET actor = 'eve' WHERE seq = 2")
        database.execute("UPDATE audit SET mac = zeroblob(32) WHERE seq = ?", (head["seq"],))
    check = shell("audit", "verify", "--against", str(kept), "--format", "json")
    assert (check.code, check.json["position"], check.json["problem"]) == (1, 2, "this entry was changed")


def test_a_file_without_a_head_of_the_tenant_is_refused(shell: Shell, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_text('no head here\n{"seq": 1}\n')
    for path, words in ((empty, "contains no head of acme"), (tmp_path / "none", "cannot be read: No such file")):
        refused = shell("audit", "verify", "--against", str(path))
        assert refused.code == 2
        assert words in refused.err


def _rows(shell: Shell, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(shell.home / "console.db") as database:
        return database.execute(query).fetchall()


def test_the_same_filters_select_what_is_listed_and_exported(shell: Shell) -> None:
    shell.create("ana", "ben")
    shell("user", "disable", "ana", "--reason", "=left", "--yes")
    words = ("--user", "ana", "--group", "users", "--action", "user.disabled", "--outcome", "done", "--until", "+1d")
    (entry,) = shell.json("audit", "list", *words)["items"]
    assert entry["reason"] == "=left"
    (row,) = csv.DictReader(io.StringIO(shell("audit", "export", *words).out, newline=""))
    assert (row["id"], row["reason"]) == (entry["id"], "'=left")
    lines = shell("audit", "export", "--lines", *words).out.splitlines()
    assert [json.loads(line) for line in lines] == [entry]
    actor = ("--actor", entry["actor"], "--action", "user.created", "--action", "user.disabled")
    assert len(shell("audit", "export", "--lines", *actor).out.splitlines()) == 4  # with its administrator
    assert shell("audit", "export", "--lines", "--ticket", "T-1").out == ""
    assert shell("audit", "list", "--group", "nothing").code == 2
