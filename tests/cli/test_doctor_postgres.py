"""C13 on PostgreSQL: `doctor --store` opens every sealed secret, and checks database, schema, key and times."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from secconsole.backends.doctor import secrets
from secconsole.backends.doctor.checks import examine
from secconsole.backends.stores import parse_store
from secconsole.store.postgres.runner import PostgresStore
from tests.cli.conftest import Shell
from tests.postgres import Cluster

LOGINS = ("ana", "ben", "cyd", "dan", "eve")
SWAP = (
    "UPDATE factors SET sealed = (SELECT sealed FROM factors o WHERE o.pk <> f.pk AND o.pk IN (SELECT pk FROM factors"
    " ORDER BY pk LIMIT 2)) FROM factors f WHERE f.pk = factors.pk AND f.pk IN (SELECT pk FROM factors ORDER BY pk"
    " LIMIT 2)"
)


@pytest.fixture
def dsn(postgres: Cluster, shell: Shell) -> Iterator[str]:
    """Yield a database with five bound users, and its key in this home, which has no other store."""
    shell.create(*LOGINS)
    for login in LOGINS:
        shell.bind(login)
    with postgres.database() as made:
        assert shell("store", "copy", f"sqlite:///{shell.home / 'console.db'}", made).code == 0
        for path in shell.home.glob("console.db*"):
            path.unlink()
        yield made


def doctor(shell: Shell, dsn: str) -> dict[str, dict[str, object]]:
    answer = shell("doctor", "--store", dsn, "--format", "json")
    found = {str(f["name"]): f for f in answer.json["items"]}
    assert answer.code == (0 if all(f["ok"] for f in found.values()) else 1)
    return found


def wrong(shell: Shell, dsn: str) -> dict[str, str]:
    return {name: f"{f['detail']} {f['advice']}" for name, f in doctor(shell, dsn).items() if not f["ok"]}


def change(postgres: Cluster, dsn: str, statement: str) -> None:
    postgres.sql(statement, postgres.name_of(dsn))


def test_a_sound_database(shell: Shell, dsn: str) -> None:
    found = doctor(shell, dsn)
    assert [name for name, f in found.items() if not f["ok"]] == []
    assert "encoded in UTF8" in str(found["database"]["detail"])
    assert found["secrets"]["detail"] == "5 sealed, all open"
    assert "audit verify" in str(found["integrity"]["advice"])
    assert {"key file", "database clock", "schema", "key", "sending"} <= found.keys()
    assert not {"store", "store file", "free space"} & found.keys()


def test_two_seeds_that_were_swapped_are_named_with_their_users(shell: Shell, dsn: str, postgres: Cluster) -> None:
    change(postgres, dsn, SWAP)
    found = wrong(shell, dsn)
    assert found.keys() == {"secrets"}
    assert "2 of 5 do not open" in found["secrets"]
    assert "of ana (" in found["secrets"]
    assert "of ben (" in found["secrets"]
    assert shell("doctor", "--store", dsn).code == 1


def test_a_store_address_in_the_environment_is_used(shell: Shell, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECCONSOLE_STORE", dsn)
    assert shell("doctor").code == 0


def test_an_interrupted_check_continues_in_the_same_database_only(
    shell: Shell, dsn: str, postgres: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(postgres, dsn, SWAP)
    monkeypatch.setattr(secrets, "PORTION", 2)
    seen: list[int] = []

    def break_off(count: int) -> None:
        seen.append(count)
        if count == 4:
            raise KeyboardInterrupt

    async def look(url: str) -> str:
        found = await examine(progress=break_off, place=parse_store(url))
        return next(f.detail for f in found if f.name == "secrets")

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(look(dsn))
    with postgres.database(postgres.name_of(dsn)) as copy:
        kept = (shell.home / secrets.PROGRESS_FILE).read_text()
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(look(copy))  # the same key, and still another store: from its beginning
        assert seen == [2, 4, 2, 4]
    (shell.home / secrets.PROGRESS_FILE).write_text(kept)
    seen.append(0)
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(look(dsn))
    assert seen[5:] == [4]  # 2 were noted before
    monkeypatch.undo()
    monkeypatch.setenv("SECCONSOLE_HOME", str(shell.home))
    assert "2 of 5 do not open" in wrong(shell, dsn)["secrets"]
    assert not (shell.home / secrets.PROGRESS_FILE).exists()


def test_secrets_are_read_in_batches_with_a_transaction_each(
    shell: Shell, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "PORTION", 2)
    read, pages = PostgresStore.read, []

    def counted(store: PostgresStore, body: object) -> object:
        future = read(store, body)  # type: ignore[arg-type, var-annotated]
        if getattr(body, "func", None) is secrets._page:
            pages.append(len(future.result()))
        return future

    monkeypatch.setattr(PostgresStore, "read", counted)
    assert doctor(shell, dsn)["secrets"]["ok"]
    assert pages == [2, 2, 1, 0, 0, 0, 0, 0]


def test_rows_from_a_clock_ahead_are_found_and_repaired(shell: Shell, dsn: str, postgres: Cluster) -> None:
    change(postgres, dsn, "UPDATE factors SET last_step = last_step + 370 * 2880 WHERE pk = 1")
    found = wrong(shell, dsn)
    assert found.keys() == {"clock"}
    assert "correct codes of 1 factor are refused" in found["clock"]
    assert "the database server's clock" in found["clock"]
    assert f"secconsole doctor --mend-clock --store '{dsn}'" in found["clock"]
    mend = ("doctor", "--mend-clock", "--store", dsn)
    assert shell.json(*mend, "--dry-run")["factors"] == 1
    refused = shell(*mend)  # no time service confirms the clock
    assert (refused.code, "--yes" in refused.err) == (2, True)
    assert wrong(shell, dsn).keys() == {"clock"}
    assert shell.json(*mend, "--yes")["done"]
    assert wrong(shell, dsn) == {}
    assert int(postgres.sql("SELECT count(*) FROM audit WHERE action = 'clock.mended'", postgres.name_of(dsn))) == 1


def test_a_clock_that_differs_from_the_database_is_a_problem(shell: Shell, dsn: str) -> None:
    ahead = (datetime.now(UTC) + timedelta(hours=2)).timestamp()
    found = {f.name: f for f in asyncio.run(examine(clock=lambda: ahead, place=parse_store(dsn)))}
    assert "behind this machine's" in found["database clock"].detail
    assert "clock" not in found  # codes go by the database's


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("ALTER TABLE factors DISABLE TRIGGER ALL", "of factors is off"),
        (
            "ALTER TABLE factors DROP CONSTRAINT fk_factors_user_pk",
            "the foreign key on factors.user_pk is missing",
        ),
        ("DROP INDEX ix_users_name", "the index ix_users_name of users is missing"),
        ("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_users_name'::regclass", "is not valid"),
        ("DROP TRIGGER users_counted_on_insert ON users", "the trigger users_counted_on_insert is missing"),
    ],
)
def test_missing_constraints_and_triggers_are_found(
    shell: Shell, dsn: str, postgres: Cluster, statement: str, words: str
) -> None:
    change(postgres, dsn, statement)
    assert words in wrong(shell, dsn)["integrity"]


def test_a_damaged_page_is_found(shell: Shell) -> None:
    cluster = Cluster()
    try:
        dsn = cluster.fresh_database()
        shutil.rmtree(shell.home)
        assert shell("store", "migrate", "--store", dsn).code == 0
        assert wrong(shell, dsn) == {}
        cluster.sql("INSERT INTO tenants (id, name, name_key) VALUES ('t', 't', 't')", cluster.name_of(dsn))
        cluster.sql(
            "INSERT INTO users (id, tenant_pk, login, login_key) VALUES ('u', 1, 'u', 'u')", cluster.name_of(dsn)
        )
        cluster.sql(
            "INSERT INTO factors (id, tenant_pk, user_pk, kind, state) VALUES ('f', 1, 1, 'totp', 'active')",
            cluster.name_of(dsn),
        )
        file = cluster.data / cluster.sql("SELECT pg_relation_filepath('factors')", cluster.name_of(dsn))
        cluster.stop()
        file.write_bytes(b"\x5a" * file.stat().st_size)
        cluster.start()
        assert "the database found damage" in wrong(shell, dsn)["integrity"]
    finally:
        cluster.remove()


def test_an_outdated_or_empty_database_says_what_to_do(shell: Shell, dsn: str, postgres: Cluster) -> None:
    change(postgres, dsn, "UPDATE alembic_version SET version_num = '0001'")
    assert f"secconsole store migrate --store '{dsn}'" in wrong(shell, dsn)["schema"]
    change(postgres, dsn, "UPDATE alembic_version SET version_num = '9999'")
    assert wrong(shell, dsn)["schema"].endswith("Update secconsole.")
    with postgres.database() as empty:
        assert "none, this program's is" in wrong(shell, empty)["schema"]


def test_a_missing_or_foreign_key(shell: Shell, dsn: str) -> None:
    key = shell.home / "master.key"
    key.unlink()
    assert "is missing" in wrong(shell, dsn)["key"]
    assert shell("doctor", "--store", dsn).code == 1


def test_a_database_that_is_not_utf_8_is_a_problem(shell: Shell, postgres: Cluster) -> None:
    postgres.sql("CREATE DATABASE latin ENCODING LATIN1 TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    try:
        assert "LATIN1" in wrong(shell, postgres.dsn("latin"))["database"]
    finally:
        postgres.drop_database(postgres.dsn("latin"))


def test_an_unreachable_database_is_one_line_and_exit_6(shell: Shell, postgres: Cluster) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    gone = f"postgresql://app@127.0.0.1:{port}/app"
    for dsn in (gone, postgres.dsn("there_is_none")):
        for line in (("doctor",), ("doctor", "--format", "json"), ("doctor", "--mend-clock", "--yes")):
            answer = shell(*line, "--store", dsn)
            assert (answer.code, answer.out, answer.err.count("\n")) == (6, "", 1), answer.err


def test_a_password_in_the_address_is_not_shown(shell: Shell) -> None:
    answer = shell("doctor", "--store", "postgresql://app:hunter2@db.example/mfa")
    assert (answer.code, "hunter2" in answer.err) == (2, False)


def test_a_store_elsewhere_is_checked_with_the_key_beside_it(shell: Shell, nowhere: Shell) -> None:
    elsewhere = shell.home.with_name("elsewhere")
    shell.home.rename(elsewhere)
    database = elsewhere / "console.db"
    found = doctor(shell, f"sqlite:///{database}")
    assert [name for name, f in found.items() if not f["ok"]] == []
    assert str(database) in str(found["store file"]["detail"])
    assert shell.json("doctor", "--mend-clock", "--dry-run", "--store", f"sqlite:///{database}")["factors"] == 0
    database.chmod(0o644)
    assert "chmod" in wrong(shell, f"sqlite:///{database}")["store file"]


def test_mend_clock_refuses_two_stores(shell: Shell, dsn: str) -> None:
    answer = shell("doctor", "--mend-clock", "--store", dsn, "--backend", "unix:/nowhere")
    assert (answer.code, "cannot be combined" in answer.err) == (2, True)
