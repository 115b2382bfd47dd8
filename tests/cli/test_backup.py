"""`backup` as a command."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.conftest import Shell


def test_backup_tells_what_it_made_and_where_the_key_is(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "b.db"
    made = shell.json("backup", str(file))
    assert (made["file"], made["contains_key"], made["recorded"]) == (str(file), False, True)
    assert [tenant["tenant"] for tenant in made["tenants"]] == ["acme"]
    answer = shell("backup", str(file))
    assert (answer.code, "--overwrite" in answer.err) == (5, True)
    answer = shell("backup", str(file), "--overwrite")
    assert answer.code == 0
    assert f"Keep a copy of {shell.home / 'master.key'}" in answer.err
    assert shell.json("audit", "list")["items"][0]["action"] == "store.backed-up"


def test_backup_only_writes_ordinary_files(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answer = shell("backup", "-")
    assert (answer.code, "standard output" in answer.err, Path("-").exists()) == (2, True, False)
    os.mkfifo(tmp_path / "pipe")
    answer = shell("backup", str(tmp_path / "pipe"), "--overwrite")
    assert (answer.code, "ordinary file" in answer.err, (tmp_path / "pipe").is_fifo()) == (2, True, True)


def test_backup_without_a_store_is_refused(nowhere: Shell, tmp_path: Path) -> None:
    answer = nowhere("backup", str(tmp_path / "b.db"))
    assert (answer.code, "There is no store" in answer.err) == (6, True)
    answer = nowhere("backup", str(tmp_path / "b.db"), "--store", "postgresql://secconsole@db.example/secconsole")
    assert (answer.code, "pg_dump" in answer.err) == (2, True)
    answer = nowhere("backup", str(tmp_path / "b.db"), "--backend", "https://mfa.example")
    assert answer.code == 2


def finding(shell: Shell, name: str) -> dict[str, object]:
    (found,) = [one for one in shell.json("doctor")["items"] if one["name"] == name]
    return dict(found)


def test_doctor_tells_the_age_of_the_last_backup(shell: Shell, tmp_path: Path) -> None:
    assert finding(shell, "backup")["advice"] == "Create one: secconsole backup FILE"
    shell("backup", str(tmp_path / "b.db"))
    found = finding(shell, "backup")
    assert (found["ok"], str(found["detail"]).endswith(", today")) == (True, True)
