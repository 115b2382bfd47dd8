"""A49: a store that was restored by other means is noticed by the heads of its audit that were seen here."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from secconsole.backends.doctor.maintenance import check_age
from secconsole.backends.head_keeper import HeadKeeper
from secconsole.backends.maintenance.after import after_restore
from secconsole.backends.maintenance.backup import back_up
from secconsole.backends.maintenance.restore import restoring
from secconsole.backends.stores import parse_store
from secconsole.store.audit_log.seen_heads import file_of, older_chains
from tests.organisation import Organisation, organisation_in
from tests.postgres import Cluster
from tests.store.looking import database


def is_older(organisation: Organisation) -> bool:
    file = file_of(organisation.home / "master.key")
    return bool(organisation.backend.store.read(lambda c: older_chains(c, file)).result())


async def put_back(organisation: Organisation, copy: Path) -> None:
    """Restore a copy as a person with a shell would."""
    await organisation.backend.close()
    for path in organisation.home.glob("console.db*"):
        path.unlink()
    shutil.copy(copy, database(organisation.home))
    database(organisation.home).chmod(0o600)
    await organisation.reopen()


@pytest.fixture
def keeper(organisation: Organisation) -> HeadKeeper:
    return HeadKeeper(organisation.backend.store, organisation.home / "master.key")


async def test_a49_a_store_that_was_put_back_by_hand_is_noticed_until_that_is_recorded(
    organisation: Organisation, keeper: HeadKeeper, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    back_up(parse_store(""), tmp_path / "b.db", clock=organisation.clock)
    await organisation.add("ana")
    keeper.note()
    assert not is_older(organisation)
    await put_back(organisation, tmp_path / "b.db")
    assert is_older(organisation)
    again = HeadKeeper(organisation.backend.store, organisation.home / "master.key")
    with caplog.at_level(logging.ERROR):
        again.note()
        again.note()
    assert [record.message for record in caplog.records] == [
        "The store is older than its audit was: it was restored or replaced. Run: secconsole doctor"
    ]
    found = check_age(organisation.backend.store, parse_store(""))
    assert found is not None
    assert (found.name, found.ok) == ("restored", False)
    assert "acme: entry 4 of the audit" in found.detail
    assert "ends at entry 3" in found.detail
    after_restore(parse_store(""), clock=organisation.clock)
    assert not is_older(organisation)
    assert check_age(organisation.backend.store, parse_store("")) is None


async def test_a_changed_history_is_noticed_although_it_is_longer(
    organisation: Organisation, keeper: HeadKeeper, tmp_path: Path
) -> None:
    back_up(parse_store(""), tmp_path / "b.db", clock=organisation.clock)
    await organisation.add("ana")
    keeper.note()
    await put_back(organisation, tmp_path / "b.db")
    for login in ("ben", "cid", "dan"):
        await organisation.add(login)
    assert is_older(organisation)


async def test_a_restore_by_the_command_is_known(organisation: Organisation, tmp_path: Path) -> None:
    back_up(parse_store(""), tmp_path / "b.db", clock=organisation.clock)
    await organisation.add("ana")
    back_up(parse_store(""), tmp_path / "later.db", clock=organisation.clock)
    with restoring(parse_store(""), tmp_path / "b.db", clock=organisation.clock) as ready:
        ready.carry_out()
    assert not is_older(organisation)


async def test_a_tenant_that_is_gone_is_noticed(organisation: Organisation, keeper: HeadKeeper) -> None:
    keeper.note()
    with closing(sqlite3.connect(database(organisation.home))) as connection, connection:
        connection.execute("UPDATE tenants SET id = 'another'")
    assert is_older(organisation)


async def test_a_short_command_only_refreshes_an_old_note(organisation: Organisation, keeper: HeadKeeper) -> None:
    file = file_of(organisation.home / "master.key")
    keeper.close()
    assert not file.exists()
    keeper.note()
    first = file.read_text()
    await organisation.add("ana")
    keeper.close()
    assert file.read_text() == first
    os.utime(file, (0, 0))
    keeper.close()
    assert file.read_text() != first
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"x": 1}', "\x00"])
async def test_an_unreadable_note_is_ignored(organisation: Organisation, keeper: HeadKeeper, content: str) -> None:
    file = file_of(organisation.home / "master.key")
    file.write_text(content)
    file.chmod(0o600)
    assert not is_older(organisation)
    keeper.note()
    assert datetime.now(UTC).timestamp() - file.stat().st_mtime < 60


async def test_a49_on_postgresql_a_restored_database_is_noticed(home: Path, postgres: Cluster) -> None:
    async with organisation_in(home, postgres=postgres) as organisation:
        keeper = HeadKeeper(organisation.backend.store, organisation.home / "master.key")
        await organisation.add("ana")
        keeper.note()
        assert not is_older(organisation)
        cut = "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)"
        organisation.backend.store.write(lambda c: c.exec_driver_sql(cut).close()).result()
        assert is_older(organisation)
        assert organisation.place is not None
        await asyncio.to_thread(after_restore, organisation.place)
        assert not is_older(organisation)
