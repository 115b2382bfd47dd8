"""Backups: one moment of a store that others write to, private, checked, and without the key."""

from __future__ import annotations

import base64
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from secconsole.backends.maintenance import backup as backups
from secconsole.backends.maintenance.backup import BackedUp, back_up
from secconsole.backends.stores import StorePlace, parse_store
from secconsole.domain.errors import Conflict, Invalid, Unavailable
from secconsole.operations.audit import ListAudit
from secconsole.store.audit_log import audit_chain
from secconsole.store.copies import backup
from secconsole.store.copies.backup import LAST, MARK, Progress, backup_time, copy_store_file, working_on
from secconsole.store.engine.metadata import INNER_KEY, fact
from tests.organisation import PASSWORD, TENANT, Organisation
from tests.store.looking import database, key_ring


def backed_up(organisation: Organisation, to: Path, *, overwrite: bool = False) -> BackedUp:
    return back_up(parse_store(""), to, overwrite=overwrite, clock=organisation.clock)


def logins(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [login for (login,) in connection.execute("SELECT login FROM users ORDER BY login")]


async def test_a49_a_backup_is_one_moment_of_a_store_that_is_written_meanwhile(
    organisation: Organisation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every step of the copy sees another change, and none of them is in it."""
    monkeypatch.setattr(backup, "_PAGES", 10)
    await organisation.add("ana")
    store, steps = organisation.backend.store, 0

    def write(done: int, total: int) -> None:
        nonlocal steps
        steps += 1
        one = f"INSERT INTO users (id, tenant_pk, login, login_key) VALUES ('x{steps}', 1, 'x{steps}', 'x{steps}')"
        store.write(lambda connection: connection.exec_driver_sql(one).close()).result()

    made = back_up(parse_store(""), tmp_path / "b.db", progress=write, clock=organisation.clock)
    assert steps > 5
    assert logins(tmp_path / "b.db") == ["ana", "root"]
    assert len(logins(database(organisation.home))) == 2 + steps
    ring = key_ring(organisation.home)
    with working_on(tmp_path / "b.db") as connection:
        entries, broken = audit_chain.check_chain(connection, ring, 1)
        assert (broken, entries) == (None, made.tenants[0].seq)
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        assert connection.exec_driver_sql("SELECT sum(n) FROM user_counts").scalar() == 2


async def test_a39_a_backup_is_one_private_file(organisation: Organisation, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    made = backed_up(organisation, folder / "b.db")
    assert [path.name for path in folder.iterdir()] == ["b.db"]
    assert (folder / "b.db").stat().st_mode & 0o777 == 0o600
    assert made.size == (folder / "b.db").stat().st_size


async def test_others_can_leave_no_log_beside_a_copy_in_progress(
    organisation: Organisation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite applies a log beside a file, so in a folder like /tmp others could write into the backup."""
    seen: list[tuple[Path, int]] = []

    def copy(source: Path, target: Path, progress: Progress) -> None:
        seen.append((target.parent.parent, target.parent.stat().st_mode & 0o777))
        copy_store_file(source, target, progress)

    monkeypatch.setattr(backups, "copy_store_file", copy)
    backed_up(organisation, tmp_path / "b.db")
    assert seen == [(tmp_path, 0o700)]


async def test_a28_the_key_is_not_in_a_backup(organisation: Organisation, tmp_path: Path) -> None:
    await organisation.add("ana")
    seed = await organisation.bind("ana")
    made = backed_up(organisation, tmp_path / "b.db")
    content = (tmp_path / "b.db").read_bytes()
    kept = json.loads((organisation.home / "master.key").read_text())["keys"]["k1"]
    assert (made.key, made.contains_key) == ("k1", False)
    for secret in (seed.reveal(), PASSWORD.reveal().encode(), kept.encode(), base64.b64decode(kept)):
        assert secret not in content


async def test_a_backup_is_recorded_in_its_store_and_in_itself(organisation: Organisation, tmp_path: Path) -> None:
    made = backed_up(organisation, tmp_path / "b.db")
    newest = (await organisation.perform(ListAudit(tenant=TENANT))).items[0]
    assert (newest.action, newest.outcome) == ("store.backed-up", "done")
    assert newest.details["file"] == str(tmp_path / "b.db")
    now = int(organisation.clock.now * 1000)
    assert organisation.backend.store.read(lambda c: backup_time(c, LAST)).result() == now
    with working_on(tmp_path / "b.db") as connection:
        assert backup_time(connection, MARK) == now
        assert connection.exec_driver_sql("SELECT max(seq) FROM audit").scalar() == made.tenants[0].seq


async def test_an_existing_file_is_kept_unless_it_may_be_replaced(organisation: Organisation, tmp_path: Path) -> None:
    file = tmp_path / "b.db"
    file.write_text("something else")
    with pytest.raises(Conflict, match="--overwrite"):
        backed_up(organisation, file)
    assert file.read_text() == "something else"
    backed_up(organisation, file, overwrite=True)
    assert logins(file) == ["root"]


@pytest.mark.parametrize("name", ["console.db", "console.db-wal"])
async def test_a_file_of_the_store_itself_is_never_the_target(organisation: Organisation, name: str) -> None:
    with pytest.raises(Invalid):
        backed_up(organisation, organisation.home / name, overwrite=True)


async def test_a46_a_backup_that_fails_leaves_nothing_and_is_recorded(
    organisation: Organisation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(source: Path, target: Path, progress: object) -> None:
        with backup.words_of_errors():
            target.write_text("half")
            raise OSError(28, "No space left on device", "b.db")

    monkeypatch.setattr(backups, "copy_store_file", fail)
    with pytest.raises(Unavailable, match="No space left"):
        backed_up(organisation, tmp_path / "b.db")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []
    newest = (await organisation.perform(ListAudit(tenant=TENANT))).items[0]
    assert (newest.action, newest.outcome) == ("store.backed-up", "failed")
    assert organisation.backend.store.read(lambda c: backup_time(c, LAST)).result() is None


async def test_a_damaged_copy_is_never_a_backup(
    organisation: Organisation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "check_file", lambda path: "page 7 is never used")
    with pytest.raises(Unavailable, match="page 7"):
        backed_up(organisation, tmp_path / "b.db")
    assert not (tmp_path / "b.db").exists()


async def test_a30_a_store_without_its_key_is_refused(organisation: Organisation, tmp_path: Path) -> None:
    key = organisation.home / "master.key"
    content = json.loads(key.read_text())
    key.write_text(json.dumps({**content, "keys": {"k1": base64.b64encode(bytes(32)).decode()}}))
    with pytest.raises(Unavailable, match="does not belong to this store"):
        backed_up(organisation, tmp_path / "b.db")
    key.unlink()
    with pytest.raises(Unavailable, match=r"master\.key is missing"):
        backed_up(organisation, tmp_path / "b.db")
    assert not (tmp_path / "b.db").exists()


async def test_a_backup_holds_the_sealed_inner_key_unchanged(organisation: Organisation, tmp_path: Path) -> None:
    backed_up(organisation, tmp_path / "b.db")
    with working_on(tmp_path / "b.db") as connection:
        kept = fact(connection, INNER_KEY)
    assert kept == organisation.backend.store.read(lambda c: fact(c, INNER_KEY)).result()


def test_a_database_is_backed_up_by_its_own_tools(tmp_path: Path) -> None:
    place = parse_store("postgresql://secconsole@db.example/secconsole")
    assert isinstance(place, StorePlace)
    with pytest.raises(Invalid, match="pg_dump"):
        back_up(place, tmp_path / "b.db")
