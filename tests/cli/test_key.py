"""`key rotate`, and what doctor says of keys."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from secconsole.backends.maintenance import rotation
from secconsole.backends.stores import parse_store
from secconsole.store.sealing.key_change import keys_in
from tests.cli.conftest import Shell, code
from tests.cli.test_backup import finding
from tests.cli.test_doctor import wrong
from tests.postgres import Cluster


def test_a_rotation_is_reported_and_codes_go_on(shell: Shell) -> None:
    shell.create("ana")
    seed = shell.bind("ana")
    done = shell.json("key", "rotate")
    old = shell.home / "master.key.k1"
    assert (done["before"], done["done"], done["moved"], done["retired"]) == ("k1", True, 1, [str(old)])
    assert old.stat().st_mode & 0o777 == 0o600
    assert shell("verify", "ana", input=code(seed, 1)).code == 0
    assert shell("audit", "verify").code == 0
    assert wrong(shell) == {}
    assert "old keys" in {one["name"] for one in shell.json("doctor")["items"]}
    shown = shell("key", "rotate").err
    assert f"Keep a copy of {shell.home / 'master.key'}" in shown
    assert "Backups made before need" in shown


def test_doctor_finds_an_unfinished_rotation(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.create("ana", "ben")
    shell.bind("ana")
    shell.bind("ben")
    monkeypatch.setattr(rotation, "PORTION", 1)

    def interrupt(moved: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rotation.rotate(parse_store(""), progress=interrupt)
    found = finding(shell, "key rotation")
    assert found["ok"] is False
    assert "1 secrets are not sealed with the new key yet" in str(found["detail"])
    assert found["advice"] == "Continue it: secconsole key rotate"
    assert wrong(shell).keys() == {"key rotation"}
    assert shell.json("key", "rotate")["resumed"] is True
    assert wrong(shell) == {}


def test_doctor_finds_an_old_key_that_was_not_put_away(shell: Shell) -> None:
    key = shell.home / "master.key"
    before = json.loads(key.read_text())
    shell("key", "rotate")
    after = json.loads(key.read_text())
    key.write_text(json.dumps({**after, "keys": {**before["keys"], **after["keys"]}}))
    assert wrong(shell).keys() == {"key rotation"}
    done = shell.json("key", "rotate")
    assert (done["resumed"], done["after"]) == (True, after["current"])
    assert keys_in(key) == [after["current"]]


def test_doctor_finds_secrets_of_an_unknown_key(shell: Shell) -> None:
    shell.create("ana", "ben")
    shell.bind("ana")
    shell.bind("ben")
    with closing(sqlite3.connect(shell.home / "console.db")) as connection, connection:
        connection.execute("UPDATE factors SET sealed = CAST(x'01026b39' || substr(sealed, 5) AS BLOB) WHERE pk = 1")
    found = wrong(shell)
    assert found.keys() == {"secrets"}
    assert f"a key that is not in {shell.home / 'master.key'}: 1 with k9 Put the file with that key" in found["secrets"]


def test_a_key_file_from_before_the_rotation_is_refused_by_name(shell: Shell) -> None:
    key = shell.home / "master.key"
    before = key.read_text()
    new = shell.json("key", "rotate")["after"]
    key.write_text(before)
    answer = shell("user", "list")
    assert (answer.code, f"sealed with the key {new}" in answer.err) == (6, True)


def test_the_key_of_a_database_is_copied_to_its_servers_first(
    nowhere: Shell, postgres: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgres.database() as dsn:
        nowhere("store", "migrate", "--store", dsn)
        refused = nowhere("key", "rotate", "--store", dsn)
        assert (refused.code, "--prepare" in refused.err) == (2, True)
        ready = nowhere.json("key", "rotate", "--prepare", "--store", dsn)
        assert ready["done"] is False
        assert "is prepared and not in use" in str(
            [one for one in nowhere.json("doctor", "--store", dsn)["items"] if one["name"] == "key rotation"]
        )
        done = nowhere.json("key", "rotate", "--yes", "--store", dsn)
        assert (done["after"], done["done"]) == (ready["after"], True)
        backup = nowhere("backup", str(Path("x.db")), "--store", dsn)
        assert (backup.code, "pg_dump" in backup.err) == (2, True)
