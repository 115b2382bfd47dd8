"""`doctor`: a sound installation, and each thing that can be wrong with it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from secconsole.backends import doctor
from tests.cli.conftest import Shell


def wrong(shell: Shell) -> dict[str, str]:
    """What is wrong, with the advice."""
    answer = shell("doctor", "--format", "json")
    found = {f["name"]: f"{f['detail']} {f['advice']}" for f in answer.json["items"] if not f["ok"]}
    assert answer.code == bool(found)
    return found


def test_a_sound_installation(shell: Shell) -> None:
    assert wrong(shell) == {}
    names = {f["name"] for f in shell.json("doctor")["items"]}
    assert {"home", "store file", "key file", "integrity", "schema", "key", "time", "SQLite", "bytecode"} <= names
    assert shell("doctor").out.startswith("ok     home: ")


def test_no_store_yet(nowhere: Shell) -> None:
    assert "secconsole init" in wrong(nowhere)["store"]


@pytest.mark.parametrize(
    ("name", "file", "mode"),
    [
        ("home", "", 0o755),
        ("store file", "console.db", 0o644),
        ("key file", "master.key", 0o640),
        ("kept session", "session", 0o604),
    ],
)
def test_a39_what_others_may_read(shell: Shell, name: str, file: str, mode: int) -> None:
    path = shell.home / file
    if not path.exists():
        path.touch()
    path.chmod(mode)
    assert f"Make it private: chmod {'700' if path == shell.home else '600'} {path}" in wrong(shell)[name]


def test_settings_that_cannot_be_read(shell: Shell) -> None:
    (shell.home / "config.toml").write_text("tenant =")
    (shell.home / "config.toml").chmod(0o600)
    assert "is not TOML" in wrong(shell)["settings"]


def test_a30_a_key_that_is_missing_or_anothers(shell: Shell) -> None:
    key = shell.home / "master.key"
    text = key.read_text()
    key.unlink()
    assert "missing" in wrong(shell)["key"]
    key.write_text(text.replace('"k1": "', '"k1": "AAAA')[: len(text)])
    key.chmod(0o600)
    assert "key" in wrong(shell)


def test_a_damaged_store(shell: Shell) -> None:
    database = shell.home / "console.db"
    data = bytearray(database.read_bytes())
    data[8192 : 8192 + 4096 * 8] = b"\xff" * 4096 * 8
    database.write_bytes(data)
    assert wrong(shell).keys() & {"store", "integrity"}
    database.write_bytes(b"no database at all" * 100)
    assert "store" in wrong(shell)


def test_a48_a_store_of_a_newer_program(shell: Shell) -> None:
    with sqlite3.connect(shell.home / "console.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    assert wrong(shell)["schema"].endswith("Update secconsole.")
    assert shell("user", "list").code == 6


async def test_a_clock_that_runs_behind(shell: Shell) -> None:
    found = {f.name: f for f in await doctor.examine(clock=lambda: 1_000_000_000)}
    assert not found["time"].ok
    assert "the store has an entry of" in found["clock"].detail


def test_a_network_file_system(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"disk / ext4 rw 0 0\nserver:/x {shell.home.resolve()} nfs4 rw 0 0\n")
    monkeypatch.setattr(doctor, "MOUNTS", mounts)
    assert "on nfs4" in wrong(shell)["file system"]


def test_a_theme_that_is_left_out_is_only_advice(shell: Shell) -> None:
    (shell.home / "themes").mkdir()
    (shell.home / "themes" / "mine.toml").write_text("name = 1")
    findings = {f["name"]: f for f in shell.json("doctor")["items"]}
    assert findings["theme"]["ok"]
    assert "theme check" in findings["theme"]["advice"]
