"""The schema: created completely or not at all, migrated the same way, equal to what the queries expect."""

from __future__ import annotations

import itertools
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from hypothesis import given
from hypothesis import strategies as st

from secconsole import store
from secconsole.domain.errors import Unavailable
from secconsole.domain.model import BindingStatus
from secconsole.domain.roles import Role
from secconsole.domain.throttling.throttle import FOREVER
from secconsole.store.engine import migrate as migrations
from secconsole.store.engine.sqlite import SqliteStore
from secconsole.store.schema import metadata, users
from tests.extent import stride
from tests.organisation import Organisation, open_store
from tests.store.looking import broken_chains, database, tables
from tests.store.processes import Worker, worker
from tests.store.worker_killed import end_again_and_again

ENDINGS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP)
SHIPPED = Path(store.__file__).parent / "migrations" / "versions"
NEXT = f"{int(migrations.CURRENT) + 1:04}"
NEXT_MIGRATION = f"""
import sqlalchemy as sa
from alembic import op

revision, down_revision = "{NEXT}", "{migrations.CURRENT}"


def upgrade() -> None:
    op.add_column("tenants", sa.Column("colour", sa.Text, nullable=False, server_default="blue"))
    op.create_table("seasons", sa.Column("pk", sa.Integer, primary_key=True), sa.Column("name", sa.Text))
    op.create_index("ix_seasons_name", "seasons", ["name"])
    op.get_bind().exec_driver_sql("UPDATE users SET name = upper(name)")
"""


def schema_of(path: Path) -> dict[str, str]:
    """Every table, index and trigger, with the statement that made it."""
    connection = sqlite3.connect(path)
    try:
        return dict(connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name"))
    finally:
        connection.close()


def empty_file(home: Path) -> Path:
    home.mkdir(mode=0o700)
    database(home).touch(0o600)
    return database(home)


def until_done(one: Worker, look: Callable[[], object], before: object) -> Iterator[tuple[int, object]]:
    """Kill it at one statement after another until something has changed, and yield each exit code and the result.

    A usual run takes every fourth statement, which all signals come to.
    """
    for number in itertools.count(1, stride(4)):
        one.say((number, ENDINGS[number % len(ENDINGS)]))
        code, after = one.hear(), look()
        yield code, after
        if code == 0 or after != before:
            one.say(None)
            return


def test_a48_a_killed_schema_creation_is_atomic(home: Path, tmp_path: Path) -> None:
    path = empty_file(home)
    whole = empty_file(tmp_path / "whole")
    store = SqliteStore(whole)
    store.write(migrations.migrate).result()
    store.close()
    with worker(end_again_and_again, home, "migrate", (migrations.SCRIPTS, migrations.CURRENT), 0.0) as one:
        seen = list(until_done(one, lambda: schema_of(path), {}))
    assert len(seen) * stride(4) > len(metadata.tables)
    assert {code for code, _ in seen[:-1]} <= {-ending for ending in ENDINGS}  # the last may get past the commit
    assert seen[-1][1] == schema_of(whole)
    store = SqliteStore(path)
    assert store.read(migrations.check_version).result()
    store.write(migrations.migrate).result()  # nothing more to do
    store.close()
    assert schema_of(path) == schema_of(whole)


async def test_a48_a_migration_is_atomic(
    organisation: Organisation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proved with a migration made up for this: the store is opened by a program that has it."""
    await organisation.add("ana", name="Ana")
    await organisation.bind("ana")
    await organisation.backend.close()
    home = organisation.home
    scripts = tmp_path / "migrations"
    shutil.copytree(SHIPPED, scripts / "versions", ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "versions" / f"{NEXT}_next.py").write_text(NEXT_MIGRATION)
    old = schema_of(database(home))
    with worker(end_again_and_again, home, "open", (str(scripts), NEXT), organisation.clock.now) as one:
        seen = list(until_done(one, lambda: schema_of(database(home)), old))
    assert len(seen) * stride(4) > 5
    new = schema_of(database(home))
    assert new.keys() - old.keys() == {"seasons", "ix_seasons_name"}
    assert "colour" in new["tenants"]
    assert any("ANA" in row for row in tables(home)["users"])
    assert broken_chains(home) == []
    with pytest.raises(
        Unavailable, match=rf"newer secconsole \(schema {NEXT}, this one supports {migrations.CURRENT}\)"
    ):
        await open_store(organisation.clock)
    monkeypatch.setattr(migrations, "SCRIPTS", str(scripts))
    monkeypatch.setattr(migrations, "CURRENT", NEXT)
    await organisation.reopen()
    assert (await organisation.sign_in("ana")).token


async def test_a48_a_newer_store_is_refused_with_a_message_and_not_changed(organisation: Organisation) -> None:
    await organisation.backend.close()
    path = database(organisation.home)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(Unavailable, match="Update secconsole") as refused:
        await open_store(organisation.clock)
    assert refused.value.exit_code == 6
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", ["nothing", "foreign", "not a database"])
async def test_a_foreign_file_is_not_turned_into_a_store(organisation: Organisation, content: str) -> None:
    await organisation.backend.close()
    path = database(organisation.home)
    path.unlink()
    path.touch(0o600)
    if content == "foreign":
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE notes (text)")
        connection.close()
    elif content == "not a database":
        path.write_bytes(b"something else altogether" * 100)
    before = schema_of(path) if content != "not a database" else path.read_bytes()
    with pytest.raises(Unavailable, match=r"not a secconsole store|Restore it from a backup"):
        await open_store(organisation.clock)
    assert (schema_of(path) if content != "not a database" else path.read_bytes()) == before


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Connection]:
    """A connection to a schema made by the migrations, inside a transaction."""
    engine = sa.create_engine(f"sqlite:///{tmp_path_factory.mktemp('schema') / 'made.db'}")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")
        connection.exec_driver_sql("BEGIN")
        migrations.migrate(connection)
        connection.exec_driver_sql("INSERT INTO tenants (id, name, name_key) VALUES ('t1', 'acme', 'acme')")
        yield connection
    engine.dispose()


def test_a48_the_migrations_match_the_schema_of_the_queries(migrated: sa.Connection) -> None:
    def ours(_object: object, name: str | None, *_rest: object) -> bool:
        return not (name or "").startswith("users_fts")

    options = {"compare_type": True, "include_object": ours}
    assert compare_metadata(MigrationContext.configure(migrated, opts=options), metadata) == []


def test_a48_indexes_and_keys_are_identical(migrated: sa.Connection) -> None:
    """Return what alembic's comparison omits: defaults, conditions of partial indexes, the row id as primary key."""
    with sa.create_engine("sqlite://").connect() as declared:
        metadata.create_all(declared)
        for table in metadata.sorted_tables:
            refers = f'SELECT "from", "table", "to" FROM pragma_foreign_key_list(\'{table.name}\')'
            for query in (f"PRAGMA table_xinfo({table.name})", refers):
                assert _rows(migrated, query) == _rows(declared, query)
        indexes = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        assert _rows(migrated, indexes) == _rows(declared, indexes)


def _rows(connection: sa.Connection, query: str) -> list[tuple[object, ...]]:
    return sorted((tuple(row) for row in connection.exec_driver_sql(query)), key=repr)


Step = tuple[str, dict[str, object], int]

FACTS = {
    "role": st.sampled_from(list(Role)),
    "status": st.sampled_from(list(BindingStatus)),
    **{
        name: st.booleans()
        for name in (
            "whitelisted",
            "disabled",
            "must_reset",
            "weak_only",
            "has_recovery",
            "switched_on",
            "keeps_factor",
        )
    },
    "locked_until": st.sampled_from([0, 1, FOREVER - 1, FOREVER]),
    "search_key": st.sampled_from(["", "  ana", "  ahre  ana", "  李"]),
    "password_hash": st.sampled_from([None, "$argon2id$"]),
    "failures": st.integers(0, 3),
}
# Few columns at a time, so that each is also changed without the others.
CHANGE = st.sets(st.sampled_from(sorted(FACTS)), max_size=2).flatmap(
    lambda names: st.fixed_dictionaries({name: FACTS[name] for name in sorted(names)})
)
STEP: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.just("insert"), CHANGE, st.just(0)),
    st.tuples(st.just("update"), CHANGE, st.integers(0, 5)),
    st.tuples(st.just("update-all"), CHANGE, st.just(0)),
    st.tuples(st.just("delete"), st.just({}), st.integers(0, 5)),
)
COUNTED = (
    "role, status, whitelisted, disabled, must_reset, weak_only, has_recovery, blocked, no_password, switched_on, "
    "keeps_factor"
)


@given(st.lists(STEP, max_size=25))
def test_a48_trigger_counts_equal_a_recount(migrated: sa.Connection, steps: list[Step]) -> None:
    connection, new = migrated, itertools.count()
    with connection.begin_nested() as savepoint:
        for what, values, which in steps:
            number = f"u{next(new)}"
            pks = connection.execute(sa.select(users.c.pk).order_by(users.c.pk)).scalars().all()
            one = users.c.pk == (pks[which % len(pks)] if pks else 0)
            if what == "insert":
                values = {"id": number, "login": number, "login_key": number, "tenant_pk": 1, **values}
                connection.execute(sa.insert(users).values(values))
            elif what == "delete":
                connection.execute(sa.delete(users).where(one))
            elif values:
                query = sa.update(users) if what == "update-all" else sa.update(users).where(one)
                connection.execute(query.values(values))
        assert_counted(connection)
        connection.exec_driver_sql("INSERT INTO users_fts (users_fts, rank) VALUES ('integrity-check', 1)")
        savepoint.rollback()


def test_a48_each_counted_fact_is_counted_when_it_changes_alone(migrated: sa.Connection) -> None:
    facts: dict[str, list[object]] = {
        **{column.name: [True, False] for column in users.c if isinstance(column.type, sa.Boolean)},
        "role": list(Role),
        "status": list(BindingStatus),
        "locked_until": [FOREVER, 1, FOREVER, 0],
        "password_hash": ["$argon2id$", "$argon2i$", None],
    }
    with migrated.begin_nested() as savepoint:
        migrated.execute(sa.insert(users).values(id="u", login="u", login_key="u", tenant_pk=1))
        for name, values in facts.items():
            for value in values:
                migrated.execute(sa.update(users).values({name: value}))
                assert_counted(migrated)
        savepoint.rollback()


def assert_counted(connection: sa.Connection) -> None:
    kept = _rows(connection, f"SELECT {COUNTED}, n FROM user_counts WHERE n != 0")
    counted = COUNTED.replace("blocked", f"locked_until >= {FOREVER} AS blocked")
    counted = counted.replace("no_password", "password_hash IS NULL AS no_password")
    assert kept == _rows(connection, f"SELECT {counted}, count(*) FROM users GROUP BY {COUNTED}")
