"""`store migrate`, `store copy`, and `init` on PostgreSQL."""

from __future__ import annotations

import asyncio
import shlex
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from secconsole.backends.owner import owner_here
from secconsole.backends.stores import open_store, parse_store
from secconsole.domain.errors import Unavailable
from secconsole.domain.secret import Secret
from secconsole.operations.audit import VerifyAudit
from secconsole.operations.base import Operation
from secconsole.operations.factors import VerifyCode
from secconsole.operations.users import CountUsers, CreateUser, ListUsers
from secconsole.store.copies import copy
from secconsole.store.schema import users
from secconsole.store.sealing.keys import KeyRing
from tests.cli.conftest import PASSWORD, Shell, code
from tests.postgres import Cluster


@pytest.fixture
def dsn(postgres: Cluster) -> Iterator[str]:
    with postgres.database() as made:
        yield made


def perform(url: str, *operations: Operation[Any]) -> list[Any]:
    """Do some operations as the owner of a store."""

    async def run() -> list[Any]:
        backend = await open_store(parse_store(url), owner_here(), "command")
        try:
            return [await backend.perform(operation) for operation in operations]
        finally:
            await backend.close()

    return asyncio.run(run())


def sqlite_url(shell: Shell) -> str:
    return f"sqlite:///{shell.home / 'console.db'}"


def in_database(postgres: Cluster, dsn: str, statement: str) -> str:
    return postgres.sql(statement, dsn.removeprefix("postgresql://postgres@/").partition("?")[0])


def test_tables_are_created_on_request_only(nowhere: Shell, dsn: str) -> None:
    with pytest.raises(Unavailable, match="key file"):
        perform(dsn)
    made = nowhere.json("store", "migrate", "--store", dsn)
    assert (made["before"], made["key"]) == ("", str(nowhere.home / "master.key"))
    assert (nowhere.home / "master.key").stat().st_mode & 0o777 == 0o600
    again = nowhere.json("store", "migrate", "--store", dsn)
    assert (again["before"], again["key"]) == (made["after"], "")
    assert not (nowhere.home / "console.db").exists()


def test_an_empty_database_is_refused_with_instructions(shell: Shell, dsn: str) -> None:
    answer = shell("serve", "--check", "--listen", "127.0.0.1:0", "--store", dsn)
    assert answer.code == 6
    shown = shlex.split(answer.err.partition("run: ")[2])  # as a shell reads what is copied from there
    assert shown == ["secconsole", "store", "migrate", "--store", dsn]


def test_a_newer_schema_is_refused(nowhere: Shell, dsn: str, postgres: Cluster) -> None:
    nowhere("store", "migrate", "--store", dsn)
    in_database(postgres, dsn, "UPDATE alembic_version SET version_num = '9999'")
    for arguments in (("store", "migrate"), ("serve", "--check", "--listen", "127.0.0.1:0")):
        answer = nowhere(*arguments, "--store", dsn)
        assert (answer.code, "newer secconsole" in answer.err) == (6, True)


def test_a_key_of_another_store_is_refused(nowhere: Shell, dsn: str) -> None:
    nowhere("store", "migrate", "--store", dsn)
    (nowhere.home / "master.key").unlink()
    assert "missing" in nowhere("store", "migrate", "--store", dsn).err
    assert not (nowhere.home / "master.key").exists()  # never a new key over an old store
    nowhere("init", "--tenant", "beta", "--admin", "root", "--password-stdin", input=f"{PASSWORD}\n")
    answer = nowhere("store", "migrate", "--store", dsn)
    assert (answer.code, "does not belong to this store" in answer.err) == (6, True)


def test_a_first_tenant_is_created_on_postgres(nowhere: Shell, dsn: str) -> None:
    arguments = ("init", "--tenant", "acme", "--admin", "root", "--password-stdin", "--store", dsn)
    made = nowhere(*arguments, input=f"{PASSWORD}\n")
    assert (made.code, dsn in made.out) == (0, True)
    assert f"secconsole serve --store {shlex.quote(dsn)}\n" in made.err  # to be pasted, with & and ? in it
    again = nowhere(*arguments, input=f"{PASSWORD}\n")
    assert (again.code, "already" in again.err) == (5, True)
    (page,) = perform(dsn, ListUsers(tenant="acme"))
    assert [user.login for user in page.items] == ["root"]


def test_an_unreachable_database_is_reported(shell: Shell, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal is immediate and has a reason, because the address was just typed."""
    monkeypatch.setattr("secconsole.store.postgres.writer.RETRY_SECONDS", 1_000_000.0)
    answer = shell("store", "migrate", "--store", "postgresql://nobody@127.0.0.1:1/none")
    assert (answer.code, "127.0.0.1:1/none cannot be reached: Connection refused" in answer.err) == (6, True)
    answer = shell("store", "migrate", "--store", dsn.replace("/fresh_", "/no_such_"))
    assert (answer.code, "does not exist" in answer.err) == (6, True)


def filled(shell: Shell) -> Secret[bytes]:
    shell.create("ana", "bo", "cy")
    shell.create("hal", role="helpdesk")
    seed = shell.bind("ana")
    shell.bind("bo")
    assert shell("unbind", "bo", "--reason", "lost", "--yes").code == 0
    assert shell("whitelist", "add", "cy", "--reason", "robot").code == 0
    return seed


def test_an_organisation_is_copied_completely(shell: Shell, dsn: str) -> None:
    seed = filled(shell)
    answer = shell("store", "copy", sqlite_url(shell), dsn, "--format", "json")
    tables = {table["name"]: table["rows"] for table in answer.json["items"]}
    assert (tables["users"], tables["tenants"], tables["exemptions"]) == (5, 1, 1)
    everything = (ListUsers(tenant="acme"), CountUsers(tenant="acme"), VerifyAudit(tenant="acme"))
    assert perform(dsn, *everything) == perform(sqlite_url(shell), *everything)
    assert perform(dsn, VerifyAudit(tenant="acme"))[0].whole
    (verdict, _) = perform(
        dsn,
        VerifyCode(tenant="acme", user="ana", code=Secret(code(seed, 1).strip())),
        CreateUser(tenant="acme", login="newcomer"),  # numbered after those that came over
    )
    assert verdict.accepted


def test_rows_with_composite_keys_are_copied_in_pages(
    shell: Shell, dsn: str, monkeypatch: pytest.MonkeyPatch, postgres: Cluster
) -> None:
    """Refused sign-ins are counted by tenant, account and origin."""
    with sqlite3.connect(shell.home / "console.db") as database:
        database.executemany(
            "INSERT INTO refused_sign_ins (tenant_pk, user_id, origin, since, due) VALUES (1, ?, ?, 1, 2)",
            [(user, origin) for user in ("", "Zoe", "ana") for origin in ("192.0.2.7", "2001:db8::", "local")],
        )
    monkeypatch.setattr(copy, "PAGE", 2)
    assert shell("store", "copy", sqlite_url(shell), dsn).code == 0
    assert in_database(postgres, dsn, "SELECT count(*) FROM refused_sign_ins") == "9"


def test_an_organisation_is_copied_back_to_a_file(shell: Shell, dsn: str, tmp_path: Path) -> None:
    filled(shell)
    assert shell("store", "copy", sqlite_url(shell), dsn).code == 0
    back = tmp_path / "back" / "console.db"
    assert shell("store", "copy", dsn, f"sqlite:///{back}").code == 0
    assert back.stat().st_mode & 0o777 == 0o600
    assert (back.parent / "master.key").read_bytes() == (shell.home / "master.key").read_bytes()
    with sqlite3.connect(back) as there, sqlite3.connect(shell.home / "console.db") as here:
        for table in (t.name for t in copy.TABLES):
            query = f"SELECT * FROM {table} ORDER BY 1"
            assert there.execute(query).fetchall() == here.execute(query).fetchall()


def test_an_interrupted_copy_cannot_be_opened_and_continues(
    shell: Shell, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(shell)
    monkeypatch.setattr(copy, "PAGE", 2)
    added: list[str] = []
    add = copy.add

    def interrupted(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
        if len(added) == 5:
            raise Unavailable("The network went away.")
        added.extend(table.name for _ in rows[:1])
        add(connection, table, rows)

    with monkeypatch.context() as patched:
        patched.setattr(copy, "add", interrupted)
        assert shell("store", "copy", sqlite_url(shell), dsn).code == 6
    refused = shell("serve", "--check", "--listen", "127.0.0.1:0", "--store", dsn)
    assert (refused.code, "not finished" in refused.err) == (6, True)

    def counted(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
        again.append(table.name)
        add(connection, table, rows)

    again: list[str] = []
    monkeypatch.setattr(copy, "add", counted)
    assert shell("store", "copy", sqlite_url(shell), dsn).code == 0
    assert not set(again) & set(added[:-1]) - {added[-1]}  # what was there is not sent again
    assert perform(dsn, CountUsers(tenant="acme")) == perform(sqlite_url(shell), CountUsers(tenant="acme"))


def test_a_source_that_changes_during_the_copy_is_noticed(
    shell: Shell, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(shell)
    checksum = copy.checksum

    def changed_first(connection: sa.Connection, table: sa.Table) -> tuple[int, str]:
        if table.name == "users" and connection.dialect.name == "postgresql":
            with sqlite3.connect(shell.home / "console.db") as origin:
                origin.execute("UPDATE users SET version = version + 1 WHERE login = 'ana'")
        return checksum(connection, table)

    with monkeypatch.context() as patched:
        patched.setattr(copy, "checksum", changed_first)
        patched.setattr(copy, "COMPARED", (users, users))  # the second look at the origin sees the change for certain
        answer = shell("store", "copy", sqlite_url(shell), dsn)
    assert (answer.code, "differs between the stores" in answer.err) == (5, True)
    assert shell("serve", "--check", "--listen", "127.0.0.1:0", "--store", dsn).code == 6
    assert shell("store", "copy", sqlite_url(shell), dsn, "--restart").code == 0
    assert perform(dsn, CountUsers(tenant="acme")) == perform(sqlite_url(shell), CountUsers(tenant="acme"))


def test_a_store_with_data_is_not_overwritten(shell: Shell, dsn: str) -> None:
    assert shell("store", "copy", sqlite_url(shell), dsn).code == 0
    answer = shell("store", "copy", sqlite_url(shell), dsn)
    assert (answer.code, "already" in answer.err) == (5, True)
    assert shell("store", "copy", dsn, dsn).code == 2


def test_no_key_is_written_if_the_copy_is_refused(shell: Shell, tmp_path: Path) -> None:
    target = tmp_path / "there" / "console.db"
    assert shell("store", "copy", sqlite_url(shell), f"sqlite:///{target}").code == 0
    key = target.with_name("master.key")
    key.unlink()
    assert shell("store", "copy", sqlite_url(shell), f"sqlite:///{target}").code == 5
    assert not key.exists()


def test_a_copy_is_opened_by_its_own_key_only(shell: Shell, dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def stranger(_ring: KeyRing, _sealed: bytes) -> None:
        raise Unavailable("The master.key here does not belong to this store.")

    monkeypatch.setattr(KeyRing, "open_inner", stranger)
    assert shell("store", "copy", sqlite_url(shell), dsn).code == 6


def test_a_password_in_the_address_is_refused(shell: Shell) -> None:
    answer = shell("store", "migrate", "--store", "postgresql://app:hunter2@db.example/mfa")
    assert (answer.code, "hunter2" in answer.err) == (2, False)
