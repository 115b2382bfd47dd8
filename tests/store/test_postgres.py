"""The runner on PostgreSQL: one transaction or none, isolated failures, and retries after lost servers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from secconsole.backends.stores import parse_store
from secconsole.domain.errors import Conflict, Invalid, Unavailable
from secconsole.store.engine.clock import CLOCK
from secconsole.store.engine.tenant_lock import TenantLock
from secconsole.store.postgres import writer
from secconsole.store.postgres.address import parse_database_url
from secconsole.store.postgres.runner import WRITERS, PostgresStore
from secconsole.store.schema import facts, metadata, tenants
from tests.organisation import TENANT, template_in
from tests.postgres import Cluster, wait_until

PATIENCE = 30.0
ACME = TenantLock(tenant=TENANT)
Body = Callable[[sa.Connection], Any]


@pytest.fixture
def dsn(postgres: Cluster) -> Iterator[str]:
    with postgres.database(template_in(postgres)) as made:
        yield made


@pytest.fixture
def store(dsn: str) -> Iterator[PostgresStore]:
    with closing(PostgresStore(parse_database_url(dsn))) as opened:
        yield opened


def put(name: str) -> Body:
    return lambda connection: connection.execute(sa.insert(facts).values(name=name, value=b""))


def names(store: PostgresStore) -> set[str]:
    """Return the facts that a test stored, without those of every store."""
    found = store.read(lambda c: c.execute(sa.select(facts.c.name)).scalars().all()).result(PATIENCE)
    return set(found) - {"inner-key", CLOCK}


def database_of(dsn: str) -> str:
    return dsn.removeprefix("postgresql://postgres@/").partition("?")[0]


def run(postgres: Cluster, dsn: str, statement: str) -> str:
    return postgres.sql(statement, database_of(dsn))


class Held:
    """Keeps the one writer that a lock goes through at work, so that what is asked for meanwhile shares a commit."""

    def __init__(self, store: PostgresStore, lock: TenantLock = ACME, then: Body = lambda connection: None) -> None:
        self._began, self._go_on, self._then = threading.Event(), threading.Event(), then
        self.future = store.write(self._wait, lock)
        assert self._began.wait(PATIENCE)

    def _wait(self, connection: sa.Connection) -> None:
        self._began.set()
        assert self._go_on.wait(PATIENCE)
        self._then(connection)

    def release(self) -> None:
        self._go_on.set()
        self.future.result(PATIENCE)


def test_the_migrations_match_the_schema_of_the_queries(store: PostgresStore) -> None:
    def differences(connection: sa.Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return [d for d in compare_metadata(context, metadata) if "ix_users_words" not in str(d)]

    assert store.read(differences).result(PATIENCE) == []


def test_text_order_is_independent_of_the_database_locale(store: PostgresStore) -> None:
    words = ["a", "B", "é", "Z", "z", "_", "ß", "-"]

    def ordered(connection: sa.Connection) -> list[str]:
        connection.execute(sa.insert(facts), [{"name": word, "value": b""} for word in words])
        return list(connection.execute(sa.select(facts.c.name).order_by(facts.c.name)).scalars())

    assert store.write(ordered).result(PATIENCE) == sorted([*words, "inner-key", CLOCK])


def test_a_failed_write_in_a_batch_fails_alone(store: PostgresStore) -> None:
    def refused(connection: sa.Connection) -> None:
        put("no")(connection)
        raise Conflict("no")

    def broken(connection: sa.Connection) -> None:
        put("no either")(connection)
        connection.exec_driver_sql("SELECT 1 / 0")

    held = Held(store)
    asked = [store.write(body, ACME) for body in (put("one"), refused, put("two"), broken, put("two"), put("three"))]
    held.release()
    kinds = [type(future.exception(PATIENCE)) for future in asked]
    assert kinds == [type(None), Conflict, type(None), Unavailable, Conflict, type(None)]
    assert names(store) == {"one", "two", "three"}


def test_waiting_writes_share_one_commit(postgres: Cluster, dsn: str, store: PostgresStore) -> None:
    held = Held(store)
    ids = [store.write(lambda c: c.exec_driver_sql("SELECT txid_current()").scalar(), ACME) for _ in range(20)]
    held.release()
    assert len({future.result(PATIENCE) for future in ids}) == 1


def test_writes_of_one_tenant_are_serialized(dsn: str, store: PostgresStore) -> None:
    seen: list[str] = []
    with closing(PostgresStore(parse_database_url(dsn))) as other:
        held = Held(store)
        second = other.write(lambda c: seen.append("second"), ACME)
        elsewhere = other.write(lambda c: seen.append("another tenant"), TenantLock(tenant="beta"))
        if other._writers[hash(ACME) % WRITERS] is not other._writers[hash(TenantLock(tenant="beta")) % WRITERS]:
            elsewhere.result(PATIENCE)
        assert not second.done()
        seen.append("first")
        held.release()
        second.result(PATIENCE)
        elsewhere.result(PATIENCE)
    assert seen.index("first") < seen.index("second")


def test_a_locked_tenant_does_not_delay_commits_of_others(dsn: str, store: PostgresStore) -> None:
    """Two that wait in each other's way, each in a commit with more than one tenant, would wait for good."""
    store.write(lambda c: c.execute(sa.insert(tenants).values(id="t2", name="beta", name_key="beta"))).result(PATIENCE)
    store.write(
        lambda c: c.exec_driver_sql(
            "INSERT INTO audit_heads (tenant_pk, seq, mac, signature) SELECT pk, 0, '', '' FROM tenants WHERE id = 't2'"
        )
    ).result(PATIENCE)
    beta = next(
        lock
        for lock in (TenantLock(tenant=f"{' ' * spaces}beta") for spaces in range(100))
        if hash(lock) % WRITERS == hash(ACME) % WRITERS
    )
    with closing(PostgresStore(parse_database_url(dsn))) as other:
        in_beta = Held(other, TenantLock(tenant="beta"))
        held = Held(store)
        first, second = store.write(put("acme"), ACME), store.write(put("beta"), beta)
        held.release()
        first.result(PATIENCE)  # although what was taken up with it cannot go on yet
        assert not second.done()
        in_beta.release()
        second.result(PATIENCE)
    assert names(store) == {"acme", "beta"}


def test_a_stalled_server_does_not_keep_the_tenant_lock(
    dsn: str, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when its machine is suspended, or its line is cut without a word."""
    monkeypatch.setattr("secconsole.store.postgres.runner.STUCK", 0.2)
    with closing(PostgresStore(parse_database_url(dsn))) as other:
        frozen = Held(other, then=put("later"))
        store.write(put("meanwhile"), ACME).result(PATIENCE)
        frozen.release()  # what was lost is done again
    assert names(store) == {"meanwhile", "later"}


@pytest.mark.parametrize("code", ["40001", "40P01"])
def test_a50_serialization_conflicts_are_retried(postgres: Cluster, dsn: str, store: PostgresStore, code: str) -> None:
    run(postgres, dsn, "CREATE SEQUENCE tries")  # what a sequence has counted is not undone with the transaction
    run(
        postgres,
        dsn,
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF nextval('tries') < 3 THEN RAISE EXCEPTION 'again' USING ERRCODE = '{code}'; END IF; RETURN NEW; END $$",
    )
    run(postgres, dsn, "CREATE TRIGGER fail BEFORE INSERT ON facts FOR EACH ROW EXECUTE FUNCTION fail()")
    held = Held(store)
    asked = [store.write(put(name), ACME) for name in ("one", "two", "three")]
    held.release()
    assert [future.exception(PATIENCE) for future in asked] == [None] * 3
    assert names(store) == {"one", "two", "three"}


def end_at_commit(postgres: Cluster, dsn: str, times: int) -> None:
    """Have the server end a connection in the middle of COMMIT, so many times: the client never hears how it went."""
    run(postgres, dsn, "CREATE SEQUENCE tries")
    run(
        postgres,
        dsn,
        "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF nextval('tries') <= "
        f"{times} THEN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(10); END IF; "
        "RETURN NEW; END $$",
    )
    run(
        postgres,
        dsn,
        "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON facts DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION die()",
    )


def test_a45_a_lost_commit_is_not_called_done_nor_undone(postgres: Cluster, dsn: str, store: PostgresStore) -> None:
    end_at_commit(postgres, dsn, 1)
    with pytest.raises(Unavailable, match="may or may not"):
        store.write(put("one"), ACME).result(PATIENCE)
    store.write(put("two"), ACME).result(PATIENCE)
    assert names(store) == {"two"}


def test_a_lost_commit_does_not_affect_waiting_writes(
    postgres: Cluster, dsn: str, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "RETRY_SECONDS", 0.0)
    monkeypatch.setattr(writer, "MOST_PER_COMMIT", 1)
    end_at_commit(postgres, dsn, 1)
    held = Held(store)
    lost, waiting = store.write(put("lost"), ACME), store.write(put("waiting"), ACME)
    held.release()
    assert isinstance(lost.exception(PATIENCE), Unavailable)
    assert waiting.exception(PATIENCE) is None
    assert names(store) == {"waiting"}


def test_writes_that_can_detect_a_repeat_are_retried(postgres: Cluster, dsn: str, store: PostgresStore) -> None:
    end_at_commit(postgres, dsn, 2)
    held = Held(store)
    once, again = store.write(put("once"), ACME), store.write(put("again"), ACME, repeatable=True)
    held.release()
    assert isinstance(once.exception(PATIENCE), Unavailable)
    assert again.exception(PATIENCE) is None
    assert names(store) == {"again"}


def test_a_closed_connection_is_replaced(store: PostgresStore) -> None:
    """Between the error of a dying server and the end of the connection, the driver raises an error of another kind."""
    first = iter([asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress")])

    def body(connection: sa.Connection) -> None:
        put("after")(connection)
        if error := next(first, None):
            raise error

    store.write(body).result(PATIENCE)
    assert names(store) == {"after"}


def test_a_restarting_server_is_waited_for(postgres: Cluster, dsn: str, store: PostgresStore) -> None:
    assert names(store) == set()
    own = f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{database_of(dsn)}'"
    postgres.sql(own)  # as when it restarts: every connection is gone at once
    reads, writes = store.read(lambda c: 1), store.write(put("one"), ACME)
    assert reads.result(PATIENCE) == 1
    writes.result(PATIENCE)
    assert names(store) == {"one"}


def test_a13_an_unreachable_server_is_reported(
    dsn: str, store: PostgresStore, monkeypatch: pytest.MonkeyPatch, postgres: Cluster
) -> None:
    monkeypatch.setattr(writer, "RETRY_SECONDS", 0.0)
    name = database_of(dsn)
    postgres.sql(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    postgres.sql(f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}'")
    for future in (store.read(lambda c: 1), store.write(put("one"), ACME)):
        with pytest.raises(Unavailable):
            future.result(PATIENCE)
    postgres.sql(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    wait_until(lambda: store.read(lambda c: 1).exception(PATIENCE) is None, "the database answers again")
    assert names(store) == set()


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [("53100", Unavailable, "disk is full"), ("53200", Unavailable, "of resources"), ("22021", Invalid, "character")],
)
def test_a46_a_server_error_is_reported_and_rolled_back(
    postgres: Cluster, dsn: str, store: PostgresStore, code: str, kind: type[Exception], words: str
) -> None:
    raising = f"$$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '{code}'; END $$"
    run(postgres, dsn, f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS {raising}")
    run(postgres, dsn, "CREATE TRIGGER refuse AFTER INSERT ON tenants FOR EACH ROW EXECUTE FUNCTION refuse()")

    def body(connection: sa.Connection) -> None:
        put("one")(connection)
        connection.execute(sa.insert(tenants).values(id="t2", name="beta", name_key="beta"))

    with pytest.raises(kind, match=words):
        store.write(body, ACME).result(PATIENCE)
    store.write(put("two"), ACME).result(PATIENCE)
    assert names(store) == {"two"}


def test_a_standby_or_read_only_database_is_refused(
    postgres: Cluster, dsn: str, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "RETRY_SECONDS", 0.0)
    store.write(put("one"), ACME).result(PATIENCE)
    name = database_of(dsn)
    run(postgres, dsn, f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    postgres.sql(f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}'")
    with pytest.raises(Unavailable):
        store.write(put("two"), ACME).result(PATIENCE)


def test_the_time_is_that_of_the_database(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    true = time.time()
    monkeypatch.setattr(time, "time", lambda: 1.0)  # a server whose clock shows 1970
    for future in (store.read(store.now), store.write(store.now, ACME), store.write(store.now)):
        assert abs(future.result(PATIENCE) - true) < 60


def test_a_cancelled_write_is_not_done(store: PostgresStore) -> None:
    held = Held(store)
    given_up, wanted = store.write(put("given up"), ACME), store.write(put("wanted"), ACME)
    assert given_up.cancel()
    held.release()
    wanted.result(PATIENCE)
    assert not held.future.cancel()
    assert names(store) == {"wanted"}


def test_a_closed_store_finishes_its_writes_and_refuses_more(dsn: str) -> None:
    store = PostgresStore(parse_database_url(dsn))
    asked = [store.write(put(str(number)), ACME) for number in range(10)]
    store.close()
    store.close()
    assert all(future.done() and future.exception() is None for future in asked)
    for late in (store.write(put("late")), store.read(lambda c: 1)):
        with pytest.raises(Unavailable, match="closed"):
            late.result(PATIENCE)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:secret@h/d",
        "postgresql://u@h/d?password=secret",
        "postgresql://u@h/d?PASSWORD=secret",
        "postgresql+asyncpg://u:secret@h/d",
        "POSTGRESQL://u:secret@h/d",
        "postgresql://[::1/d",
        "postgresql://h:secret/d",
        "postgresql://one,two:5433,/d",
        "mysql://h/d",
        "postgresql://h",
        "postgresql:///",
    ],
)
def test_an_address_that_would_show_a_password_or_names_no_database_is_refused(url: str) -> None:
    for parse in (parse_database_url, parse_store):
        with pytest.raises(Invalid) as refused:
            parse(url)
        assert "secret" not in refused.value.message


def test_several_hosts_are_asked_for_the_one_that_can_be_written_to() -> None:
    address = parse_database_url("postgres://app@one:5432,two:5433/mfa")
    assert address.dsn == "postgresql://app@one:5432,two:5433/mfa?target_session_attrs=read-write"
    assert address.shown == "postgresql://app@one:5432,two:5433/mfa"
    assert "target_session_attrs=any" in parse_database_url("postgresql://h/d?target_session_attrs=any").dsn
