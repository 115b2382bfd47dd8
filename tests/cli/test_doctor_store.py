"""C13: doctor opens every sealed secret, checks every page, finds another store's log, and exits 1 on a problem."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from secconsole.backends.doctor import secrets as doctor_secrets
from secconsole.backends.doctor.secrets import PROGRESS_FILE, open_secrets
from secconsole.backends.stores import parse_store
from secconsole.store.engine.metadata import INNER_KEY, fact
from secconsole.store.engine.sqlite import SqliteStore
from secconsole.store.sealing.keys import load_key_file
from tests.cli.conftest import Shell
from tests.cli.test_doctor import wrong

_LEAVE_A_LOG = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA wal_autocheckpoint=0")
connection.execute("UPDATE users SET name = 'written last'")
connection.execute("UPDATE facts SET value = value")
os._exit(0)  # without closing: the log stays
"""

_LEAVE_ANOTHER_LOG = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA wal_autocheckpoint=0")
connection.execute("BEGIN")
for number in range(500):
    connection.execute(
        "INSERT INTO users (id, tenant_pk, login, login_key, name) VALUES (?, 1, ?, ?, 'User of another store')",
        (f"other{number}", f"other{number}", f"other{number}"),
    )
connection.execute("COMMIT")
os._exit(0)
"""


def swap_seeds(home: Path) -> None:
    with closing(sqlite3.connect(home / "console.db")) as database, database:
        rows = database.execute("SELECT pk, sealed FROM factors ORDER BY pk").fetchall()
        (first, one), (second, other) = rows[:2]
        database.execute("UPDATE factors SET sealed = ? WHERE pk = ?", (other, first))
        database.execute("UPDATE factors SET sealed = ? WHERE pk = ?", (one, second))


def leave_a_log(home: Path) -> None:
    subprocess.run([sys.executable, "-c", _LEAVE_A_LOG, str(home / "console.db")], check=True)
    assert (home / "console.db-wal").stat().st_size > 0


def test_every_sealed_secret_is_opened(shell: Shell) -> None:
    shell.create("ana", "ben")
    shell.bind("ana")
    shell.bind("ben")
    assert wrong(shell) == {}
    assert "all open" in shell("doctor").out
    swap_seeds(shell.home)
    found = wrong(shell)["secrets"]
    assert "2 of 2 do not open" in found
    assert "of ana (" in found
    assert "of ben (" in found
    assert shell("doctor").code == 1


def test_an_interrupted_check_continues_where_it_stopped(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    logins = [f"user{number}" for number in range(6)]
    shell.create(*logins)
    for login in logins:
        shell.bind(login)
    swap_seeds(shell.home)
    monkeypatch.setattr(doctor_secrets, "PORTION", 2)
    keys = load_key_file(shell.home / "master.key")
    seen: list[int] = []

    def break_off(count: int) -> None:
        seen.append(count)
        if count == 4:
            raise KeyboardInterrupt

    place = parse_store("")
    with closing(SqliteStore(shell.home / "console.db")) as store:
        inner = store.read(lambda connection: fact(connection, INNER_KEY)).result()
        assert inner is not None
        keys.open_inner(inner)
        with pytest.raises(KeyboardInterrupt):
            open_secrets(store, keys, place, break_off)
        kept = json.loads((shell.home / PROGRESS_FILE).read_text())
        assert (kept["opened"], kept["damaged"]) == (2, 2)
        finding = open_secrets(store, keys, place, seen.append)
    assert "2 of 6 do not open" in finding.detail
    assert seen == [2, 4, 4, 6]
    assert not (shell.home / PROGRESS_FILE).exists()


def test_a_flipped_byte_in_a_page_is_found(shell: Shell) -> None:
    shell.create("ana", "ben")
    database = shell.home / "console.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ix_users_name'").fetchone()
    data = bytearray(database.read_bytes())
    page = 4096 * (root - 1)
    at = data.index(b"ana", page, page + 4096) if b"ana" in data[page : page + 4096] else page + 4090
    data[at] ^= 0x01
    database.write_bytes(data)
    assert wrong(shell).keys() & {"store", "integrity"}


def test_the_stores_own_log_is_applied(shell: Shell) -> None:
    shell.create("ana")
    leave_a_log(shell.home)
    assert wrong(shell) == {}
    assert shell.json("user", "list")["items"][0]["name"] == "written last"


def test_a_log_of_another_store_is_found_before_it_is_mixed_in(shell: Shell, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "console.db").write_bytes((shell.home / "console.db").read_bytes())
    people = "\n".join(["login,name", *(f"user{number},User of this store" for number in range(300))])
    assert shell("user", "import", "-", input=people).code == 0
    subprocess.run([sys.executable, "-c", _LEAVE_ANOTHER_LOG, str(other / "console.db")], check=True)
    (shell.home / "console.db-wal").write_bytes((other / "console.db-wal").read_bytes())
    before = (shell.home / "console.db").read_bytes()
    found = wrong(shell)
    assert "does not belong to console.db" in found["log"]
    assert (shell.home / "console.db").read_bytes() == before
    (shell.home / "console.db-wal").unlink()
    assert wrong(shell) == {}
