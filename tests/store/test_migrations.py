"""Each step of the schema, on a store with people in it, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from secconsole.domain.throttling.throttle import FOREVER, Bucket, held_until, is_spent
from secconsole.domain.users.search import UserFilter
from secconsole.store.engine import migrate as migrations
from secconsole.store.engine.sqlite import SqliteStore
from secconsole.store.postgres.address import parse_database_url
from secconsole.store.postgres.runner import PostgresStore
from secconsole.store.search.user_search import Order, Window, find_users
from secconsole.store.sign_in.throttles import throttle_of
from secconsole.store.users import change_user
from tests.postgres import Cluster

AnyStore = SqliteStore | PostgresStore
COUNTED = (
    "tenant_pk",
    "role",
    "status",
    "whitelisted",
    "disabled",
    "must_reset",
    "weak_only",
    "has_recovery",
    "switched_on",
    "keeps_factor",
    "kinds",
)


@contextmanager
def opened(kind: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[AnyStore]:
    if kind == "sqlite":
        folder.mkdir(mode=0o700)
        path = folder / "console.db"
        path.touch(0o600)
        with closing(SqliteStore(path)) as store:
            yield store
        return
    cluster: Cluster = request.getfixturevalue("postgres")
    with cluster.database() as dsn, closing(PostgresStore(parse_database_url(dsn))) as there:
        yield there


@pytest.fixture(params=["sqlite", "postgres"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def store(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyStore]:
    """An empty database of either kind."""
    with opened(kind, tmp_path / "home", request) as made:
        yield made


@pytest.fixture
def fresh(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyStore]:
    """Another one of the same kind."""
    with opened(kind, tmp_path / "fresh", request) as made:
        yield made


def run(store: AnyStore, *statements: str) -> None:
    def body(connection: sa.Connection) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement)

    store.write(body).result(30)


def rows(store: AnyStore, query: str) -> list[tuple[object, ...]]:
    return store.read(lambda c: [tuple(row) for row in c.exec_driver_sql(query)]).result(30)


def assert_counted(store: AnyStore) -> None:
    """The counts that triggers keep are those of a recount."""
    names = ", ".join(COUNTED)
    kept = rows(store, f"SELECT {names}, blocked, no_password, n FROM user_counts WHERE n <> 0")
    computed = f"locked_until >= {FOREVER}, password_hash IS NULL"
    query = f"SELECT {names}, {computed}, count(*) FROM users GROUP BY {names}, {computed}"
    assert sorted(kept, key=repr) == sorted(rows(store, query), key=repr)


def test_a48_migration_counts_remaining_recovery_codes(store: AnyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as before:
        before.setattr(migrations, "CURRENT", "0001")
        store.write(migrations.migrate).result(30)
    run(store, "INSERT INTO tenants (pk, id, name, name_key) VALUES (1, 't1', 'acme', 'acme')")
    for pk, login in enumerate(("ana", "bob", "cyd", "dan"), 1):
        run(
            store,
            f"INSERT INTO users (pk, id, tenant_pk, login, login_key) VALUES ({pk}, 'u{pk}', 1, '{login}', '{login}')",
        )
    run(
        store,
        f"UPDATE users SET locked_until = {FOREVER} WHERE pk = 4",
        "UPDATE users SET status = 'bound' WHERE pk < 4",
    )
    code = "INSERT INTO recovery_codes (id, tenant_pk, user_pk, digest, used, voided) VALUES"
    for user, used, voided in ((1, "NULL", "NULL"), (1, "7", "NULL"), (2, "7", "NULL"), (3, "NULL", "7")):
        id = f"{user}{used}{voided}"
        digest = (
            f"decode('{id.encode().hex()}', 'hex')" if isinstance(store, PostgresStore) else f"x'{id.encode().hex()}'"
        )
        run(store, f"{code} ('{id}', 1, {user}, {digest}, {used}, {voided})")
    run(store, "INSERT INTO factors (id, tenant_pk, user_pk, kind, state) VALUES ('f1', 1, 2, 'sms', 'pending')")

    store.write(migrations.migrate).result(30)

    assert store.read(migrations.check_version).result(30)
    assert [bool(has) for (has,) in rows(store, "SELECT has_recovery FROM users ORDER BY pk")] == [
        True,
        False,
        False,
        False,
    ]
    assert [bool(given) for (given,) in rows(store, "SELECT given FROM factors")] == [False]
    assert_counted(store)
    run(
        store,
        "UPDATE users SET has_recovery = FALSE WHERE pk = 1",
        "DELETE FROM users WHERE pk = 4",
        "INSERT INTO users (pk, id, tenant_pk, login, login_key) VALUES (5, 'u5', 1, 'eve', 'eve')",
    )
    assert_counted(store)


def test_new_indexes_are_known_to_sqlite_if_the_others_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise it would take a new one for the most selective, and sort all users for each page."""
    path = tmp_path / "console.db"
    path.touch(0o600)
    with closing(SqliteStore(path)) as store:
        with monkeypatch.context() as before:
            before.setattr(migrations, "CURRENT", "0022")
            store.write(migrations.migrate).result(30)
        run(store, "INSERT INTO tenants (pk, id, name, name_key) VALUES (1, 't1', 'acme', 'acme')")
        run(
            store,
            "INSERT INTO users (pk, id, tenant_pk, login, login_key) VALUES (1, 'u1', 1, 'ana', 'ana')",
            "ANALYZE",
        )
        store.write(migrations.migrate).result(30)
        known = {name for (name,) in rows(store, "SELECT idx FROM sqlite_stat1 WHERE tbl = 'users'")}
        assert {"ix_users_created", "ix_users_email", "ix_users_phone", "ix_users_role", "ix_users_factors"} <= known


def test_b10_migrated_delivery_settings_keep_the_reach_of_their_author(
    store: AnyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the store's owner, of platform administrators, and such as no others could have set."""
    with monkeypatch.context() as before:
        before.setattr(migrations, "CURRENT", "0002")
        store.write(migrations.migrate).result(30)
    run(store, "INSERT INTO tenants (pk, id, name, name_key) VALUES (1, 't1', 'acme', 'acme'), (2, 't2', 'b', 'b')")
    for pk, (login, role) in enumerate((("admin", "platform-admin"), ("tina", "tenant-admin")), 1):
        run(
            store,
            "INSERT INTO users (pk, id, tenant_pk, login, login_key, role) "
            f"VALUES ({pk}, 'u{pk}', 1, '{login}', '{login}', '{role}')",
        )
    for pk, (tenant, kind, state, config, by) in enumerate(
        (
            (1, "email", "active", '{"host": "mail.internal"}', "local:root"),
            (1, "email", "pending", '{"host": "mail.internal"}', "admin"),
            (1, "sms", "active", '{"base_url": "https://api.twilio.com"}', "tina"),
            (1, "sms", "pending", '{"base_url": "http://127.0.0.1:8080"}', "gone"),
            (2, "email", "active", '{"host": "mail.internal"}', "admin"),  # another tenant's, of the same login
            (2, "email", "pending", '{"host": "127.0.0.1"}', "gone"),
        ),
        1,
    ):
        run(
            store,
            'INSERT INTO delivery_settings (pk, id, tenant_pk, kind, state, config, created, "by") '
            f"VALUES ({pk}, 'd{pk}', {tenant}, '{kind}', '{state}', '{config}', 7, '{by}')",
        )

    store.write(migrations.migrate).result(30)

    found = [bool(anywhere) for (anywhere,) in rows(store, "SELECT anywhere FROM delivery_settings ORDER BY pk")]
    assert found == [True, True, False, True, False, True]


def test_migrated_failures_count_as_strangers_and_lock_no_account(
    store: AnyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B5: locked users stay locked on all networks. Known networks come from the sessions of the last 90 days."""
    with monkeypatch.context() as before:
        before.setattr(migrations, "CURRENT", "0003")
        store.write(migrations.migrate).result(30)
    run(store, "INSERT INTO tenants (pk, id, name, name_key) VALUES (1, 't1', 'acme', 'acme')")
    day, now = 86_400_000, 1_800_000_000_000
    held = now + 3_600_000
    people = ((0, 0), (3, 0), (7, now + 120_000), (70, held), (99, held), (100, FOREVER))
    for pk, (failures, until) in enumerate(people, 1):
        run(
            store,
            "INSERT INTO users (pk, id, tenant_pk, login, login_key, failures, locked_until) "
            f"VALUES ({pk}, 'u{pk}', 1, 'u{pk}', 'u{pk}', {failures}, {until})",
        )
    session = "INSERT INTO sessions (id, token_hash, tenant_pk, user_pk, address, created) VALUES"
    addresses = [(1, f"10.0.{n}.7", now - n) for n in range(40)]
    addresses += [(2, "", now), (2, "203.0.113.7", now - 5), (2, "203.0.113.8", now - 3), (2, "nonsense", now)]
    addresses += [(3, "198.51.100.1", now - 91 * day), (3, "::ffff:192.0.2.1", now - 89 * day), (3, "ana (uid 7)", now)]
    for number, (user, address, at) in enumerate(addresses):
        hashed = f"decode('{number:04x}', 'hex')" if isinstance(store, PostgresStore) else f"x'{number:04x}'"
        run(store, f"{session} ('s{number}', {hashed}, 1, {user}, '{address}', {at})")

    store.write(migrations.migrate).result(30)

    assert store.read(migrations.check_version).result(30)
    kept = store.read(lambda c: {pk: throttle_of(c, pk) for pk in range(1, 7)}).result(30)
    assert [state.failures for state in kept.values()] == [0, 3, 7, 98 - 28, 98, 100]
    assert [held_until(state, Bucket.STRANGERS, now) for state in kept.values()] == [until for _, until in people]
    assert [held_until(state, Bucket.KNOWN, now) for state in kept.values()] == [0, 0, 0, 0, 0, FOREVER]
    assert is_spent(kept[6])
    assert rows(store, "SELECT failures, locked_until FROM users ORDER BY pk") == [
        (0, 0),
        (3, 0),
        (7, now + 120_000),
        (70, held),
        (98, held),
        (100, FOREVER),
    ]
    known = rows(store, "SELECT user_pk, network, seen FROM known_networks ORDER BY user_pk, seen, network")
    assert known[:32] == [(1, f"10.0.{n}.0/24", now - n) for n in reversed(range(32))]
    assert known[32:] == [
        (2, "203.0.113.0/24", now - 3),
        (2, "local", now),
        (3, "192.0.2.0/24", now - 89 * day),
        (3, "uid 7", now),
    ]
    assert_counted(store)


OLDER_INDEX = {
    "sqlite": (
        "CREATE VIRTUAL TABLE users_fts USING fts5(login, name, email, content='users', content_rowid='pk', "
        "tokenize='trigram', detail=none)",
        "CREATE TRIGGER users_renamed AFTER UPDATE OF login, name, email ON users BEGIN "
        "INSERT INTO users_fts (users_fts, rowid, login, name, email) "
        "VALUES ('delete', old.pk, old.login, old.name, old.email); "
        "INSERT INTO users_fts (rowid, login, name, email) VALUES (new.pk, new.login, new.name, new.email); END",
        "DROP TRIGGER users_inserted",
        "CREATE TRIGGER users_inserted AFTER INSERT ON users BEGIN "
        "INSERT INTO users_fts (rowid, login, name, email) VALUES (new.pk, new.login, new.name, new.email); "
        "INSERT INTO user_counts VALUES (new.tenant_pk, new.role, new.status, new.whitelisted, new.disabled, "
        "new.must_reset, new.weak_only, new.has_recovery, 0, new.switched_on, new.keeps_factor, 1) "
        "ON CONFLICT DO UPDATE SET n = n + 1; END",
    ),
    "postgres": (
        "CREATE EXTENSION pg_trgm",
        "CREATE INDEX ix_users_words ON users USING gin (login gin_trgm_ops, name gin_trgm_ops, email gin_trgm_ops)",
    ),
}


def test_migrated_users_are_searched_and_sorted_by_folded_text(
    store: AnyStore, fresh: AnyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(migrations, "CURRENT", "0002")
        store.write(migrations.migrate).result(30)
    run(store, *OLDER_INDEX["sqlite" if isinstance(store, SqliteStore) else "postgres"])
    run(store, "INSERT INTO tenants (pk, id, name, name_key) VALUES (1, 't1', 'acme', 'acme')")
    names = ("Åsa Öberg", "Ólafur Þór", "Илья Петров", "Zoe Wu", "İBRAHİM ÇELİK")
    for pk, name in enumerate(names, 1):
        run(
            store,
            "INSERT INTO users (pk, id, tenant_pk, login, login_key, name, name_key, phone) "
            f"VALUES ({pk}, 'u{pk}', 1, 'l{pk}', 'l{pk}', '{name}', '{name.casefold()}', '+42060212345{pk}')",
        )
    run(  # more than are filled at once
        store,
        "INSERT INTO tenants (pk, id, name, name_key) VALUES (2, 't2', 'beta', 'beta')",
        "INSERT INTO users (pk, id, tenant_pk, login, login_key) WITH RECURSIVE n (n) AS "
        "(SELECT 100 UNION ALL SELECT n + 1 FROM n WHERE n < 4200) SELECT n, 'v' || n, 2, 'm' || n, 'm' || n FROM n",
    )

    store.write(migrations.migrate).result(30)

    def found(word: str) -> list[str]:
        wanted, order = UserFilter((word,)), Order("name_key", False)
        page = store.read(lambda c: find_users(c, 1, wanted, order, Window(9), 0).users).result(30)
        return [user.login for user in page]

    assert store.read(migrations.check_version).result(30)
    assert {word: found(word) for word in ("asa", "thor", "ИЛЬЯ", "wu", "ibrahim", "2123454")} == {
        "asa": ["l1"],
        "thor": ["l2"],
        "ИЛЬЯ": ["l3"],
        "wu": ["l4"],
        "ibrahim": ["l5"],
        "2123454": ["l4"],
    }
    assert found("420602") == ["l1", "l5", "l2", "l4", "l3"]
    assert_counted(store)
    store.write(lambda c: change_user(c, 4, name="Zoë Li")).result(30)
    assert (found("wu"), found("li")) == ([], ["l4"])
    run(store, "DELETE FROM users WHERE pk = 4")
    assert found("li") == []
    assert_counted(store)
    assert rows(store, "SELECT count(*) FROM users WHERE search_key = ''") == [(0,)]
    fresh.write(migrations.migrate).result(30)
    assert objects(store) == objects(fresh)


def objects(store: AnyStore) -> list[tuple[object, ...]]:
    """Indexes, triggers and functions, each with what made it."""
    if isinstance(store, SqliteStore):
        everything = "SELECT name, sql FROM sqlite_master WHERE type <> 'table' OR name LIKE 'users_fts%'"
        return sorted(rows(store, everything), key=repr)
    return [
        *sorted(rows(store, "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'")),
        *sorted(rows(store, "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal")),
        *sorted(rows(store, "SELECT proname, prosrc FROM pg_proc WHERE proname LIKE 'users_counted%'")),
    ]


def test_a48_migrated_sessions_count_as_password_sessions_and_policies_stay(
    store: AnyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(migrations, "CURRENT", "0006")
        store.write(migrations.migrate).result(30)
    digest = "decode('6162', 'hex')" if isinstance(store, PostgresStore) else "x'6162'"
    run(
        store,
        "INSERT INTO tenants (pk, id, name, name_key) VALUES (1, 't1', 'acme', 'acme')",
        "INSERT INTO users (pk, id, tenant_pk, login, login_key) VALUES (1, 'u1', 1, 'ana', 'ana')",
        f"INSERT INTO sessions (id, token_hash, tenant_pk, user_pk) VALUES ('s1', {digest}, 1, 1)",
    )
    store.write(migrations.migrate).result(30)
    assert rows(store, "SELECT factor FROM sessions") == [("",)]
    assert rows(store, "SELECT policy FROM tenants") == [("off",)]


def test_a48_alerts_and_settings_of_a_renamed_rule_have_its_new_name(
    store: AnyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(migrations, "CURRENT", "0020")
        store.write(migrations.migrate).result(30)
    run(
        store,
        "INSERT INTO tenants (pk, id, name, name_key) VALUES (1, 't1', 'acme', 'acme')",
        "INSERT INTO alerts (id, tenant_pk, rule) VALUES ('a1', 1, 'user-failures')",
        "INSERT INTO alert_rules (tenant_pk, rule) VALUES (1, 'user-failures'), (1, 'many-sms')",
        "INSERT INTO alert_signals (tenant_pk, rule, subject, key) VALUES (1, 'user-failures', 'u1', 'e1')",
    )
    store.write(migrations.migrate).result(30)
    for table in ("alerts", "alert_signals"):
        assert rows(store, f"SELECT rule FROM {table}") == [("many-failures",)]
    assert rows(store, "SELECT rule FROM alert_rules ORDER BY rule") == [("many-failures",), ("many-sms",)]


def test_a48_migrated_secret_keys_have_a_name_and_stay_valid(store: AnyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as before:
        before.setattr(migrations, "CURRENT", "0023")
        store.write(migrations.migrate).result(30)
    first, second, third = (
        f"decode('{digest}', 'hex')" if isinstance(store, PostgresStore) else f"x'{digest}'"
        for digest in ("61", "62", "63")
    )
    run(
        store,
        "INSERT INTO tenants (pk, id, name, name_key) VALUES (1, 't1', 'acme', 'acme')",
        f"INSERT INTO tokens (id, token_hash, tenant_pk) VALUES ('k1', {first}, 1)",
        f"INSERT INTO tokens (id, token_hash, tenant_pk, owner) VALUES ('o1', {second}, 1, 'local:jane')",
        f"INSERT INTO tokens (id, token_hash, tenant_pk, owner, name) VALUES ('o2', {third}, 1, 'local:jane', 'ci')",
    )
    store.write(migrations.migrate).result(30)
    found = rows(store, "SELECT id, name, ended FROM tokens ORDER BY id")
    assert found == [("k1", "default", None), ("o1", "", None), ("o2", "ci", None)]
