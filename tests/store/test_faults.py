"""Work on a whole store, killed at its statements: afterwards the store is the old one or the new one.

`make faults` kills at every statement, `make test` at a few of them.
"""

from __future__ import annotations

import itertools
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from secconsole.backends.maintenance.backup import back_up
from secconsole.backends.maintenance.restore import restoring
from secconsole.backends.maintenance.rotation import rotate
from secconsole.backends.stores import parse_store
from secconsole.store.engine.sqlite import open_engine
from secconsole.store.sealing.key_change import keys_in
from secconsole.store.sealing.sealed import TABLES, count_sealed_otherwise, open_row, sealed_rows
from tests.extent import stride
from tests.organisation import Organisation
from tests.store.looking import broken_chains, column, database, key_ring, tables
from tests.store.processes import worker
from tests.store.worker_killed import end_again_and_again

EVERY = stride(11)


def killed(home: Path, what: str, facts: tuple[str, ...], now: float) -> Iterator[int]:
    """Kill what is done to a copy of a home at one statement after another, and yield each exit code."""
    kept = home.with_name("kept")
    shutil.copytree(home, kept)
    with worker(end_again_and_again, home, what, facts, now) as one:
        for number in itertools.count(1, EVERY):
            shutil.rmtree(home)
            shutil.copytree(kept, home)
            one.say((number, signal.SIGKILL))
            code = one.hear()
            assert code in (0, -signal.SIGKILL)
            yield code
            if code == 0:
                break
        one.say(None)


def unopened(home: Path) -> int:
    """The number of secrets that the keys in this home do not open."""
    ring, engine = key_ring(home), open_engine(database(home))
    try:
        with engine.connect() as connection:
            rows = [(one, row) for one in TABLES for row in connection.execute(sealed_rows(one))]
            return sum(1 for one, row in rows if not open_row(ring, one, row).reveal())
    finally:
        engine.dispose()


def sealed_with_others(home: Path, key: str) -> int:
    engine = open_engine(database(home))
    try:
        with engine.connect() as connection:
            assert connection.execute(sa.text("SELECT count(*) FROM factors WHERE sealed IS NOT NULL")).scalar() == 5
            return count_sealed_otherwise(connection, key)
    finally:
        engine.dispose()


async def test_a29_a_rotation_killed_anywhere_loses_no_secret_and_is_finished_later(
    organisation: Organisation,
) -> None:
    for login in ("ana", "ben", "cid", "dan", "eve"):
        await organisation.add(login)
        await organisation.bind(login)
    await organisation.backend.close()
    home, seen = organisation.home, 0
    for code in killed(home, "rotate", (), organisation.clock.now):
        seen += 1
        assert unopened(home) == 0
        assert broken_chains(home) == []
        if "key.rotated" not in column(home, "audit", "action"):
            assert code, "it was killed before its last commit"
            first = next((name for name in keys_in(home / "master.key") if name != "k1"), "")
            done = rotate(parse_store(""), clock=organisation.clock)
            assert done.after == first or not first, "it continues with the key that it had begun with"
        (key,) = keys_in(home / "master.key")
        assert sealed_with_others(home, key) == 0
        assert unopened(home) == 0
        assert broken_chains(home) == []
        assert column(home, "audit", "action").count("key.rotated") == 1
    assert seen >= 60 // EVERY


async def test_a49_a_restore_killed_anywhere_leaves_the_old_store_or_the_restored_one(
    organisation: Organisation, tmp_path: Path
) -> None:
    for login in ("ana", "ben"):
        await organisation.add(login)
        await organisation.bind(login)
    await organisation.sign_in("ana")
    file = tmp_path / "b.db"
    back_up(parse_store(""), file, clock=organisation.clock)
    await organisation.add("cid")
    await organisation.backend.close()
    home, ended = organisation.home, []
    before = tables(home)
    for code in killed(home, "restore", (str(file),), organisation.clock.now):
        assert broken_chains(home) == []
        after = tables(home)
        is_restored = "store.restored" in column(home, "audit", "action")
        ended.append(is_restored)
        if not is_restored:
            assert after == before
            assert code == -signal.SIGKILL
        else:
            assert [row for row in after["users"] if "cid" in row] == []
            assert column(home, "sessions", "ended_why") == ["the store was restored"]
            assert unopened(home) == 0
    assert ended == sorted(ended), "once it is restored, it stays so"
    assert ended[-1]
    assert len(ended) >= 60 // EVERY
    with restoring(parse_store(""), file, clock=organisation.clock) as ready:
        assert ready.carry_out().done
    assert [path.name for path in home.iterdir() if path.name.startswith(".restore")] == []


async def test_a49_a_restore_without_a_store_killed_anywhere_leaves_none_or_the_restored_one(
    organisation: Organisation, tmp_path: Path
) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    file = tmp_path / "b.db"
    back_up(parse_store(""), file, clock=organisation.clock)
    await organisation.backend.close()
    home = organisation.home
    for path in home.glob("console.db*"):
        path.unlink()
    for code in killed(home, "restore", (str(file),), organisation.clock.now):
        if database(home).exists():
            assert broken_chains(home) == []
            assert "store.restored" in column(home, "audit", "action")
        else:
            assert code == -signal.SIGKILL
    assert database(home).exists()
