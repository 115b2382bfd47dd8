"""Each step of the schema, over a store that has people in it, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from secconsole.domain.throttle import FOREVER
from secconsole.store import migrate as migrations
from secconsole.store.postgres import PostgresStore
from secconsole.store.postgres_address import parse_address
from secconsole.store.sqlite import SqliteStore
from tests.postgres import Cluster

AnyStore = SqliteStore | PostgresStore
COUNTED = (
    "tenant_pk", "role", "status", "whitelisted", "disabled", "must_reset", "weak_only", "has_recovery", "switched_on",
    "keeps_factor",
)  # fmt: skip


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyStore]:
    """An empty database of either kind."""
    if request.param == "sqlite":
        (tmp_path / "home").mkdir(mode=0o700)
        path = tmp_path / "home" / "console.db"
        path.touch(0o600)
        with closing(SqliteStore(path)) as opened:
            yield opened
        return
    cluster: Cluster = request.getfixturevalue("postgres")
    with cluster.database() as dsn, closing(PostgresStore(parse_address(dsn))) as opened:
        yield opened


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
    kept = rows(store, f"SELECT {names}, blocked, n FROM user_counts WHERE n <> 0 ORDER BY 1, 2, 3, 4, 5, 6, 7, 8, 9")
    query = (
        f"SELECT {names}, locked_until >= {FOREVER}, count(*) FROM users GROUP BY {names}, locked_until >= {FOREVER}"
    )
    assert sorted(kept, key=repr) == sorted(rows(store, query), key=repr)


def test_a48_recovery_codes_left_are_counted_in_a_store_that_is_older_than_that(
    store: AnyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
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
        store, "UPDATE users SET has_recovery = FALSE WHERE pk = 1", "DELETE FROM users WHERE pk = 4",
        "INSERT INTO users (pk, id, tenant_pk, login, login_key) VALUES (5, 'u5', 1, 'eve', 'eve')",
    )  # fmt: skip
    assert_counted(store)
