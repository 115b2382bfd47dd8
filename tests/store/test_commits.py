"""The runner of transactions: many bodies in one commit, each isolated, and replies only after the commit."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from secconsole.domain.errors import Invalid, NotFound, Unavailable
from secconsole.store.engine.metadata import fact, set_fact
from secconsole.store.engine.migrate import migrate
from secconsole.store.engine.queue import WriteQueue
from secconsole.store.engine.sqlite import MOST_PER_COMMIT, SqliteStore, open_engine
from tests.store.processes import LONGEST


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    path = tmp_path / "console.db"
    path.touch(0o600)
    opened = SqliteStore(path)
    opened.write(migrate).result(LONGEST)
    yield opened
    opened.close()


@pytest.fixture
def commits(store: SqliteStore) -> list[str]:
    """Grows by one with every commit of the writer."""
    found: list[str] = []
    sa.event.listen(store._engine, "commit", lambda _connection: found.append("commit"))
    return found


@contextmanager
def busy(store: SqliteStore) -> Iterator[None]:
    """Keep the writer in a transaction, which concurrent requests join."""
    begun, go_on = threading.Event(), threading.Event()

    def body(connection: sa.Connection) -> None:
        begun.set()
        assert go_on.wait(LONGEST)

    held = store.write(body)
    assert begun.wait(LONGEST)
    try:
        yield
    finally:
        go_on.set()
    assert held.exception(LONGEST) is None or isinstance(held.exception(), Unavailable)


def put(name: str) -> Callable[[sa.Connection], None]:
    return lambda connection: set_fact(connection, name, b"x")


def names(store: SqliteStore) -> set[str]:
    query = sa.text("SELECT name FROM facts")
    return set(store.read(lambda connection: connection.execute(query).scalars().all()).result(LONGEST))


def fail(_connection: sa.Connection) -> None:
    raise NotFound("There is no such thing.")


def test_waiting_writes_share_one_commit(store: SqliteStore, commits: list[str]) -> None:
    with busy(store):
        waiting = [store.write(put(f"f{n}")) for n in range(50)]
    for one in waiting:
        one.result(LONGEST)
    assert len(commits) == 1
    assert names(store) == {f"f{n}" for n in range(50)}


def test_a_commit_has_a_maximum_size(store: SqliteStore, commits: list[str]) -> None:
    """So that other processes get their turn."""
    with busy(store):
        waiting = [store.write(put(f"f{n}")) for n in range(2 * MOST_PER_COMMIT)]
    for one in waiting:
        one.result(LONGEST)
    assert len(commits) == 3


def test_a_failed_write_is_rolled_back_and_the_others_are_kept(store: SqliteStore, commits: list[str]) -> None:
    def half(connection: sa.Connection) -> None:
        set_fact(connection, "half", b"x")
        raise NotFound("There is no such thing.")

    def crashing(connection: sa.Connection) -> None:
        set_fact(connection, "crash", b"x")
        raise SystemExit(3)  # even this does not end the thread, on which all callers depend

    def refused(connection: sa.Connection) -> None:
        set_fact(connection, "refused", b"x")
        connection.exec_driver_sql("INSERT INTO sessions (id, tenant_pk, token_hash, user_pk) VALUES ('s', 9, 'x', 9)")

    with busy(store):
        before = store.write(put("before"))
        failed = [store.write(body) for body in (half, crashing, refused)]
        after = store.write(put("after"))
    assert before.result(LONGEST) is after.result(LONGEST) is None
    assert [type(one.exception(LONGEST)) for one in failed] == [NotFound, SystemExit, Unavailable]
    assert len(commits) == 1
    assert names(store) == {"before", "after"}


def test_a_failed_commit_fails_every_write_in_it(store: SqliteStore) -> None:
    """A real failure: a reference that SQLite was asked to look at only when committing."""

    def dangling(connection: sa.Connection) -> None:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        connection.exec_driver_sql("INSERT INTO sessions (id, tenant_pk, token_hash, user_pk) VALUES ('s', 9, 'x', 9)")

    with busy(store):
        good = [store.write(put(f"f{n}")) for n in range(3)]
        bad = store.write(dangling)
        refused = store.write(fail)
    for one in (*good, bad):
        with pytest.raises(Unavailable, match="Nothing was changed"):
            one.result(LONGEST)
    with pytest.raises(NotFound):
        refused.result(LONGEST)
    assert names(store) == set()
    store.write(put("next")).result(LONGEST)
    assert names(store) == {"next"}


def test_a_write_cancelled_before_it_begins_never_runs(store: SqliteStore) -> None:
    with busy(store):
        one = store.write(put("one"))
        two = store.write(put("two"))
        assert one.cancel()
    two.result(LONGEST)
    with pytest.raises(CancelledError):
        one.result(LONGEST)
    assert names(store) == {"two"}


def test_a_reply_is_sent_only_after_the_commit(store: SqliteStore) -> None:
    """Another connection sees at the time of the reply what was replied."""
    seen: list[bytes | None] = []
    written = store.write(put("one"))
    written.add_done_callback(lambda _: seen.append(_look(store.path)))
    written.result(LONGEST)
    store.write(lambda c: None).result(LONGEST)
    assert seen == [b"x"]


def _look(path: Path) -> bytes | None:
    engine = open_engine(path)
    with engine.connect() as connection:
        return fact(connection, "one")


def test_reads_continue_during_a_write_and_see_the_old_state(store: SqliteStore) -> None:
    with busy(store):
        store.write(put("one"))
        assert names(store) == set()


def test_closing_finishes_accepted_writes_and_refuses_later_ones(tmp_path: Path) -> None:
    path = tmp_path / "console.db"
    path.touch(0o600)
    store = SqliteStore(path)
    store.write(migrate).result(LONGEST)
    with busy(store):
        asked = [store.write(put(f"f{n}")) for n in range(300)]
        closing = threading.Thread(target=store.close)
        closing.start()
    closing.join(LONGEST)
    assert [one.result(0) for one in asked] == [None] * 300
    for late in (store.write(migrate), store.read(names_in)):
        with pytest.raises(Unavailable, match="already closed"):
            late.result(0)
    store.close()
    again = SqliteStore(path)
    assert len(names(again)) == 300
    again.close()


def names_in(connection: sa.Connection) -> list[str]:
    return list(connection.exec_driver_sql("SELECT name FROM facts").scalars())


def test_closing_releases_every_file(tmp_path: Path) -> None:
    path = tmp_path / "console.db"
    path.touch(0o600)
    store = SqliteStore(path)
    store.write(migrate).result(LONGEST)
    names(store)
    store.close()
    assert {file.name for file in tmp_path.iterdir()} == {"console.db", "console.db.next", "console.db.writing"}


def test_a_deleted_store_is_not_recreated(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "console.db")
    for asked in (store.read(names_in), store.write(migrate)):
        with pytest.raises(Unavailable, match="cannot be opened"):
            asked.result(LONGEST)
    store.close()
    assert not (tmp_path / "console.db").exists()


def test_unstorable_text_is_invalid_and_not_a_crash(store: SqliteStore) -> None:
    for value in ("\ud800", 2**70):
        query = sa.text("SELECT :v").bindparams(v=value)
        for ask in (store.read, store.write):
            asked = ask(lambda c: c.execute(query).all())  # noqa: B023 - it is waited for
            with pytest.raises(Invalid):
                asked.result(LONGEST)


def test_every_connection_has_the_safety_settings(store: SqliteStore) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1, "busy_timeout": 5000}

    def settings(connection: sa.Connection) -> dict[str, object]:
        return {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in wanted}

    assert store.read(settings).result(LONGEST) == wanted
    assert store.write(settings).result(LONGEST) == wanted


def test_a_write_waiting_for_another_process_starts_when_that_ends(store: SqliteStore) -> None:
    queue = WriteQueue(store.path)
    with queue.turn():
        waiting = store.write(put("one"))
        other = sqlite3.connect(store.path)
        assert other.execute("SELECT count(*) FROM facts").fetchone() == (0,)
        other.close()
        assert not waiting.done()
    waiting.result(LONGEST)
    queue.close()
    assert names(store) == {"one"}
