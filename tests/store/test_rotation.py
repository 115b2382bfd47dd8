"""A29: rotation of the master key, while the store is used and after any interruption."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import threading
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import secconsole
from secconsole.backends.maintenance import rotation as rotating
from secconsole.backends.maintenance.opening import LOCK
from secconsole.backends.maintenance.rotation import Rotated, rotate
from secconsole.backends.new_store import make_schema
from secconsole.backends.owner import owner_here
from secconsole.backends.stores import StorePlace, parse_store
from secconsole.config.private import try_lock
from secconsole.domain.errors import Conflict, Unavailable
from secconsole.domain.secret import Secret
from secconsole.operations.audit import ListAudit, VerifyAudit
from secconsole.operations.caller import IdempotencyKey, Source
from secconsole.operations.delivery import SetSmtp
from secconsole.operations.factors import VerifyCode
from secconsole.operations.recovery import CreateRecoveryCodes
from secconsole.service.maintenance import owner_context
from secconsole.store.engine.metadata import INNER_KEY, fact
from secconsole.store.postgres.runner import PostgresStore
from secconsole.store.schema import metadata
from secconsole.store.sealing import rotation, sealed
from secconsole.store.sealing.key_change import keys_in, next_key, prepare
from secconsole.store.sealing.keys import create_key_file, key_of, load_key_file
from secconsole.store.sealing.rotation import DONE
from secconsole.store.sealing.sealed import REPLIES, TABLES, tables_with_secrets
from tests.organisation import TENANT, Organisation, organisation_in
from tests.postgres import Cluster
from tests.store.looking import broken_chains, database, key_ring


def rotated(organisation: Organisation) -> Rotated:
    return rotate(organisation.place or parse_store(""), clock=organisation.clock)


def keys_of_rows(home: Path) -> Counter[str]:
    """The keys that the secrets of a store are sealed with."""
    with closing(sqlite3.connect(database(home))) as connection:
        names = (one.table.name for one in TABLES)
        return Counter(
            key_of(value)
            for name in names
            for (value,) in connection.execute(f"SELECT sealed FROM {name} WHERE sealed IS NOT NULL")
        )


async def accepts(organisation: Organisation, login: str) -> bool:
    organisation.clock.forward(seconds=30)
    return (await organisation.perform(VerifyCode(tenant=TENANT, user=login, code=organisation.code(login)))).accepted


def test_every_table_with_secrets_is_moved() -> None:
    assert {*tables_with_secrets(metadata)} == {*(one.table for one in TABLES), REPLIES}


def test_the_service_seals_with_the_key_that_the_store_has_in_the_transaction() -> None:
    """By `Context.seal`, except for stored replies, which a rotation wipes."""
    service = Path(secconsole.__file__).parent / "service"
    found = {path.name for path in service.rglob("*.py") if "keys.seal(" in path.read_text()}
    assert found == {"context.py", "idempotency.py"}


async def test_a29_every_secret_is_sealed_with_a_new_key_and_running_programs_go_on(organisation: Organisation) -> None:
    for login in ("ana", "ben"):
        await organisation.add(login)
    await organisation.bind("ana")
    smtp = SetSmtp(
        tenant=TENANT, host="mail.example", port=465, sender="mfa@acme.example", username="u", password=Secret("p")
    )
    await organisation.perform(smtp)
    done = rotated(organisation)
    assert (done.done, done.before, done.moved, done.failed) == (True, "k1", 2, 0)
    assert keys_in(organisation.home / "master.key") == [done.after]
    assert await accepts(organisation, "ana")
    await organisation.bind("ben")  # sealed by a program that read the key file before
    assert keys_of_rows(organisation.home) == {done.after: 3}
    await organisation.reopen()
    assert await accepts(organisation, "ana")
    assert await accepts(organisation, "ben")
    assert broken_chains(organisation.home) == []
    newest = (await organisation.perform(ListAudit(tenant=TENANT, action="key.rotated"))).items
    assert [entry.details for entry in newest] == [{"before": "k1", "after": done.after}]


async def test_a29_secrets_sealed_meanwhile_have_the_new_key(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotating, "PORTION", 1)
    for login in ("ana", "ben", "cid"):
        await organisation.add(login)
        await organisation.bind(login)
    loop, steps = asyncio.get_running_loop(), 0

    def enroll(moved: int) -> None:
        nonlocal steps
        steps += 1
        renew = CreateRecoveryCodes(tenant=TENANT, user="ana")
        asyncio.run_coroutine_threadsafe(organisation.perform(renew), loop).result()
        if steps == 1:
            asyncio.run_coroutine_threadsafe(organisation.bind("ben"), loop).result()

    done = await asyncio.to_thread(rotate, parse_store(""), progress=enroll, clock=organisation.clock)
    assert steps >= 3
    assert keys_of_rows(organisation.home).keys() == {done.after}
    for login in ("ana", "ben", "cid"):
        assert await accepts(organisation, login)


@pytest.mark.parametrize("at", range(4))
async def test_a29_an_interrupted_rotation_is_continued(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    monkeypatch.setattr(rotating, "PORTION", 1)
    for login in ("ana", "ben", "cid"):
        await organisation.add(login)
        await organisation.bind(login)

    def interrupt(moved: int) -> None:
        if moved == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rotate(parse_store(""), progress=interrupt if at else _interrupt, clock=organisation.clock)
    half = keys_in(organisation.home / "master.key")
    assert len(half) == 2
    await organisation.reopen()
    for login in ("ana", "ben", "cid"):
        assert await accepts(organisation, login)
    done = rotated(organisation)
    assert (done.resumed, done.before, done.after) == (True, "k1", half[1])
    assert keys_in(organisation.home / "master.key") == [done.after]
    assert keys_of_rows(organisation.home) == {done.after: 3}
    assert json.loads((organisation.home / "master.key.k1").read_text())["current"] == "k1"
    again = rotated(organisation)
    assert (again.resumed, again.before) == (False, done.after)


def _interrupt(moved: int) -> None:
    raise KeyboardInterrupt


async def test_two_rotations_at_once_are_refused(organisation: Organisation) -> None:
    with try_lock(organisation.home / LOCK) as mine:
        assert mine
        with pytest.raises(Conflict, match="already running"):
            rotated(organisation)
    assert keys_in(organisation.home / "master.key") == ["k1"]
    assert rotated(organisation).done


async def test_a_key_of_an_earlier_store_is_not_taken_for_the_retired_one(organisation: Organisation) -> None:
    """The first key of every store has the same id. The old key is still needed for backups."""
    left = organisation.home / "master.key.k1"
    create_key_file(left)
    with pytest.raises(Unavailable, match=r"master\.key\.k1 has another key with the id k1\. Move it"):
        rotated(organisation)
    assert keys_in(organisation.home / "master.key") == ["k1"]
    left.rename(organisation.home / "earlier.key")
    old = (organisation.home / "master.key").read_text()
    assert rotated(organisation).retired == (str(left),)
    assert json.loads(left.read_text())["keys"] == json.loads(old)["keys"]


async def test_a_prepared_key_is_used_and_not_replaced(organisation: Organisation) -> None:
    ready = rotate(parse_store(""), prepare_only=True)
    again = rotate(parse_store(""), prepare_only=True)
    key = organisation.home / "master.key"
    assert (ready.done, ready.after) == (False, again.after)
    assert (next_key(key), json.loads(key.read_text())["current"]) == (ready.after, "k1")
    await organisation.add("ana")
    await organisation.bind("ana")
    assert keys_of_rows(organisation.home) == {"k1": 1}
    done = rotated(organisation)
    assert (done.after, next_key(key)) == (ready.after, "")


async def test_a_secret_that_does_not_open_is_left_and_counted(organisation: Organisation) -> None:
    for login in ("ana", "ben"):
        await organisation.add(login)
        await organisation.bind(login)
    damage = "UPDATE factors SET id = 'another place' WHERE pk = 1"
    organisation.backend.store.write(lambda c: c.exec_driver_sql(damage).close()).result()
    done = rotated(organisation)
    assert (done.moved, done.failed) == (1, 1)
    assert keys_of_rows(organisation.home) == {"k1": 1, done.after: 1}


async def test_stored_replies_of_the_old_key_are_wiped_and_not_performed_again(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    verify = VerifyCode(tenant=TENANT, user="ana", code=organisation.code("ana"))
    backend = organisation.backend
    source = Source("api", key=IdempotencyKey("one"))
    assert (await backend.perform_as(verify, backend.credential, source)).accepted
    rotated(organisation)
    with pytest.raises(Conflict):
        await backend.perform_as(verify, backend.credential, Source("api", key=IdempotencyKey("one")))
    with closing(sqlite3.connect(database(organisation.home))) as connection:
        assert connection.execute("SELECT sealed FROM idempotency").fetchall() == [(b"",)]


async def test_a_portion_does_not_overwrite_what_was_changed_since_it_was_read(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL another transaction may come between reading a portion and writing it."""
    await organisation.add("ana")
    await organisation.bind("ana")
    keys = key_ring(organisation.home)
    keys.use(prepare(organisation.home / "master.key", "k1"))
    opened = sealed.open_row

    def body(connection: sa.Connection) -> None:
        def wiping(*args: Any) -> Secret[bytes]:
            connection.exec_driver_sql("UPDATE factors SET sealed = NULL")
            return opened(*args)

        monkeypatch.setattr(sealed, "open_row", wiping)
        sealed.move(connection, keys, TABLES[0], 0, 10)

    organisation.backend.store.write(body).result()
    assert keys_of_rows(organisation.home) == {}


async def test_a_process_without_the_new_key_reports_no_damage_and_is_not_ready(organisation: Organisation) -> None:
    """As a server on another machine, whose copy of the key file is old."""
    await organisation.add("ana")
    await organisation.bind("ana")
    elsewhere = organisation.home.parent / "elsewhere.key"
    shutil.copy(organisation.home / "master.key", elsewhere)
    organisation.backend.keys.path = elsewhere
    done = rotated(organisation)
    assert not await accepts(organisation, "ana")
    assert not await organisation.backend.is_ready()
    assert (await organisation.perform(ListAudit(tenant=TENANT, action="secret.damaged"))).items == ()
    with pytest.raises(Unavailable, match=f"key {done.after}, which is not in"):
        await organisation.bind("ana")
    shutil.copy(organisation.home / "master.key", elsewhere)
    assert await organisation.backend.is_ready()
    assert await accepts(organisation, "ana")


async def test_a29_on_postgresql_every_server_takes_the_new_key_from_its_file(home: Path, postgres: Cluster) -> None:
    async with organisation_in(home, postgres=postgres) as organisation:
        assert organisation.place is not None
        await organisation.add("ana")
        await organisation.bind("ana")
        await asyncio.to_thread(rotate, organisation.place, prepare_only=True)
        done = await asyncio.to_thread(rotate, organisation.place, clock=organisation.clock)
        assert (done.done, done.moved) == (True, 1)
        assert await accepts(organisation, "ana")
        await organisation.add("ben")
        await organisation.bind("ben")
        assert organisation.backend.store.read(lambda c: sealed.count_sealed_otherwise(c, done.after)).result() == 0
        assert (await organisation.perform(VerifyAudit(tenant=TENANT))).whole
        ended = organisation.backend.store.read(lambda c: rotation.rotation(c, DONE)).result()
        assert ended is not None
        assert ended.after == done.after


async def test_on_postgresql_two_rotations_at_once_are_refused_also_from_other_machines(
    home: Path, postgres: Cluster, tmp_path: Path
) -> None:
    async with organisation_in(home, postgres=postgres) as organisation:
        place = organisation.place
        assert place is not None
        other = tmp_path / "other"
        other.mkdir(mode=0o700)
        shutil.copy(place.key, other / "master.key")
        await organisation.add("ana")
        await organisation.bind("ana")
        refused: list[str] = []

        def rotate_there(moved: int) -> None:
            with pytest.raises(Conflict) as error:
                rotate(StorePlace(place.database, other / "master.key"))
            refused.append(error.value.message)

        await asyncio.to_thread(rotate, place, progress=rotate_there)
        assert refused
        assert "already running" in refused[0]


def test_on_postgresql_a_new_key_waits_for_what_is_being_sealed(home: Path, postgres: Cluster) -> None:
    """The sealing transaction has read the old key: its row is there before the rotation looks for such rows."""
    home.mkdir(mode=0o700)
    with postgres.database() as dsn:
        place = parse_store(dsn)
        assert not isinstance(place.database, Path)
        keys, theirs = create_key_file(place.key), load_key_file(place.key)
        with closing(PostgresStore(place.database)) as one, closing(PostgresStore(place.database)) as other:
            one.write(lambda connection: make_schema(connection, keys)).result()
            theirs.open_inner(one.read(lambda c: fact(c, INNER_KEY)).result() or b"")
            new = prepare(place.key, "k1")
            reading, go_on, order = threading.Event(), threading.Event(), []

            def seal(connection: object) -> str:
                context = owner_context(connection, theirs, owner_here(), 1.0)  # type: ignore[arg-type]
                context.seal(Secret(b"x"), purpose="test")
                reading.set()
                assert go_on.wait(20)
                order.append("sealed")
                return theirs.current

            sealing = other.write(seal)
            assert reading.wait(20)
            begun = one.write(lambda c: rotation.begin(c, keys, "k1", new, 1))
            begun.add_done_callback(lambda _: order.append("begun"))
            waiting = (
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            while not one.read(lambda c: c.exec_driver_sql(waiting).scalar()).result():
                assert not begun.done()
            go_on.set()
            assert sealing.result(20) == "k1"
            assert begun.result(20)
            assert order == ["sealed", "begun"]
