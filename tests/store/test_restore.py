"""A49: a restore brings back a state without what must not come back with it."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from secconsole.backends.maintenance.after import after_restore
from secconsole.backends.maintenance.backup import back_up
from secconsole.backends.maintenance.restore import Restored, restoring
from secconsole.backends.maintenance.rotation import rotate
from secconsole.backends.new_store import create_store
from secconsole.backends.stores import parse_store
from secconsole.domain.errors import Conflict, Invalid, NotSignedIn, Unavailable
from secconsole.domain.factors.otpauth import key_text
from secconsole.domain.factors.totp import code_for_step
from secconsole.domain.secret import Secret
from secconsole.operations.audit import ListAudit, VerifyAudit
from secconsole.operations.caller import Bearer
from secconsole.operations.factor_import import ImportFactors, NewFactor
from secconsole.operations.factors import VerifyCode
from secconsole.operations.recovery import CreateRecoveryCodes
from secconsole.operations.secret_keys import RotateSecretKey
from secconsole.operations.signin import WhoAmI
from secconsole.operations.tenants import CreateTenant
from secconsole.operations.tokens import CreateToken, RevokeToken
from secconsole.operations.unbinding import Unbind
from secconsole.operations.user_changes import DisableUser
from secconsole.store.engine import migrate as migrations
from secconsole.store.schema import metadata
from secconsole.store.sealing.keys import create_key_file
from tests.organisation import PASSWORD, TENANT, Organisation, cheap_passwords, organisation_in
from tests.postgres import Cluster
from tests.store.looking import broken_chains, database
from tests.store.test_schema import NEXT, NEXT_MIGRATION, SHIPPED


def saved(organisation: Organisation, file: Path) -> Path:
    back_up(parse_store(""), file, clock=organisation.clock)
    return file


def restored(organisation: Organisation, file: Path, **options: Any) -> Restored:
    with restoring(parse_store(""), file, clock=organisation.clock, **options) as ready:
        return ready.carry_out()


async def verified(organisation: Organisation, login: str, code: Secret[str]) -> bool:
    return (await organisation.perform(VerifyCode(tenant=TENANT, user=login, code=code))).accepted


def column(home: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(database(home))) as connection:
        return [value for (value,) in connection.execute(query)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "b.db"


async def test_a49_programs_that_have_the_store_open_go_on_with_the_restored_one(
    organisation: Organisation, file: Path
) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    saved(organisation, file)
    await organisation.add("ben")
    await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="lost"))
    restored(organisation, file)
    assert column(organisation.home, "SELECT login FROM users ORDER BY login") == ["ana", "root"]
    organisation.clock.forward(seconds=90)
    assert await verified(organisation, "ana", organisation.code("ana"))
    await organisation.add("cid")
    assert (await organisation.perform(VerifyAudit(tenant=TENANT))).whole
    assert broken_chains(organisation.home) == []


async def test_a49_everyone_signs_in_again(organisation: Organisation, file: Path) -> None:
    await organisation.add("ana")
    session = await organisation.sign_in("ana")
    await organisation.bind("ana")
    await organisation.start("ana")
    saved(organisation, file)
    done = restored(organisation, file)
    assert (done.sessions_ended, done.sign_ins_ended) == (1, 1)
    with pytest.raises(NotSignedIn):
        await organisation.perform(WhoAmI(), session)


async def test_a49_no_code_used_before_the_restore_is_accepted_again(organisation: Organisation, file: Path) -> None:
    """Neither one of the present step nor one of a phone that runs ahead."""
    await organisation.add("ana")
    await organisation.bind("ana")
    saved(organisation, file)
    organisation.clock.forward(seconds=30)
    for steps in (0, 1):
        assert await verified(organisation, "ana", organisation.code("ana", steps))
    restored(organisation, file)
    for steps in (-1, 0, 1):
        assert not await verified(organisation, "ana", organisation.code("ana", steps))
    organisation.clock.forward(seconds=60)
    assert await verified(organisation, "ana", organisation.code("ana"))


async def test_a_token_that_counts_goes_on_after_a_restore(organisation: Organisation, file: Path) -> None:
    await organisation.add("ana")
    seed = Secret(b"12345678901234567890")
    line = NewFactor(1, "ana", Secret(key_text(seed)), kind="hotp")
    await organisation.perform(ImportFactors(tenant=TENANT, factors=(line,)))
    saved(organisation, file)
    assert await verified(organisation, "ana", Secret(code_for_step(seed, 0)))
    restored(organisation, file)
    assert not await verified(organisation, "ana", Secret(code_for_step(seed, 0)))
    assert await verified(organisation, "ana", Secret(code_for_step(seed, 1)))


async def test_a49_without_the_present_store_codes_are_refused_as_well(organisation: Organisation, file: Path) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    saved(organisation, file)
    assert await verified(organisation, "ana", organisation.code("ana", 1))
    await organisation.backend.close()
    for path in organisation.home.glob("console.db*"):
        path.unlink()
    done = restored(organisation, file)
    assert (done.kept, done.lost) == ("", 0)
    await organisation.reopen()
    for steps in (-1, 0, 1):
        assert not await verified(organisation, "ana", organisation.code("ana", steps))
    assert database(organisation.home).stat().st_mode & 0o777 == 0o600
    assert broken_chains(organisation.home) == []


async def test_a49_revocations_since_the_backup_stay_in_effect(organisation: Organisation, file: Path) -> None:
    for login in ("ana", "ben"):
        await organisation.add(login)
        await organisation.bind(login)
    token = await organisation.perform(CreateToken(tenant=TENANT, name="ci", scopes=("read",), days=30))
    codes = await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="ana"))
    saved(organisation, file)
    await organisation.perform(RevokeToken(tenant=TENANT, token=token.id))
    assert await verified(organisation, "ana", codes.codes[0])
    await organisation.perform(DisableUser(tenant=TENANT, user="ben"))
    done = restored(organisation, file)
    assert (done.kept_tokens_ended, done.kept_recovery_codes_used, done.kept_users_disabled) == (1, 1, 1)
    with pytest.raises(NotSignedIn):
        await organisation.perform(VerifyAudit(tenant=TENANT), Bearer(token.token))
    assert not await verified(organisation, "ana", codes.codes[0])
    assert await verified(organisation, "ana", codes.codes[1])
    assert column(organisation.home, "SELECT disabled FROM users WHERE login = 'ben'") == [1]


async def test_a49_a_secret_key_that_was_rotated_since_the_backup_keeps_its_end(
    organisation: Organisation, file: Path
) -> None:
    old = await organisation.perform(RotateSecretKey(tenant=TENANT))
    saved(organisation, file)
    await organisation.perform(RotateSecretKey(tenant=TENANT, overlap_hours=1))
    restored(organisation, file)
    ends = int((organisation.clock.now + 3_600) * 1000)
    assert column(organisation.home, f"SELECT expires FROM tokens WHERE id = '{old.id}'") == [ends]
    organisation.clock.forward(seconds=3_601)
    with pytest.raises(NotSignedIn):
        await organisation.perform(VerifyAudit(tenant=TENANT), Bearer(old.key))


async def test_a49_one_time_passwords_that_were_used_since_the_backup_do_not_work_again(
    organisation: Organisation, file: Path
) -> None:
    for login in ("ana", "ben", "eva"):
        await organisation.add(login)
    change = organisation.backend.store.write
    invite = "UPDATE users SET must_reset = 1, password_until = 9999999999999 WHERE login = 'ana'"
    for statement in (invite, "UPDATE users SET must_reset = 1 WHERE login IN ('ben', 'eva')"):
        change(lambda c, one=statement: c.exec_driver_sql(one).close()).result()  # type: ignore[misc]
    saved(organisation, file)
    used = "UPDATE users SET must_reset = 0, password_hash = 'another' WHERE login = 'ben'"
    change(lambda c: c.exec_driver_sql(used).close()).result()
    restored(organisation, file)
    found = "SELECT login FROM users WHERE password_hash IS NULL AND NOT must_reset AND NOT password_until"
    assert column(organisation.home, f"{found} ORDER BY login") == ["ana", "ben"]
    assert column(organisation.home, "SELECT must_reset FROM users WHERE login = 'eva'") == [1]


async def test_a_log_that_others_left_beside_a_backup_is_refused(
    organisation: Organisation, file: Path, tmp_path: Path
) -> None:
    await organisation.add("ana")
    saved(organisation, file)
    twin = tmp_path / "twin.db"
    shutil.copy(file, twin)
    with closing(sqlite3.connect(twin, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        shutil.copy(twin, file)
        connection.execute("UPDATE users SET role = 'platform-admin' WHERE login = 'ana'")
        shutil.copy(f"{twin}-wal", f"{file}-wal")
    Path(f"{file}-wal").chmod(0o644)
    with pytest.raises(Unavailable, match=r"b\.db-wal"):
        restored(organisation, file)
    assert column(organisation.home, "SELECT role FROM users WHERE login = 'ana'") == ["user"]


async def test_a49_all_tokens_end_on_request(organisation: Organisation, file: Path) -> None:
    token = await organisation.perform(CreateToken(tenant=TENANT, name="ci", scopes=("read",), days=30))
    saved(organisation, file)
    with restoring(parse_store(""), file, clock=organisation.clock) as ready:
        assert ready.carry_out(end_tokens=True).tokens_ended >= 1
    with pytest.raises(NotSignedIn):
        await organisation.perform(VerifyAudit(tenant=TENANT), Bearer(token.token))


async def test_a49_waiting_messages_are_not_sent_again(organisation: Organisation, file: Path) -> None:
    store = organisation.backend.store
    add = (
        "INSERT INTO outbox (id, tenant_pk, kind, purpose, address, sealed, state, due, created, expires) "
        "VALUES ('m', 1, 'email', 'notice', x'00', x'01', 'waiting', 1, 1, 9999999999999)"
    )
    store.write(lambda connection: connection.exec_driver_sql(add).close()).result()
    saved(organisation, file)
    assert restored(organisation, file).messages_void == 1
    assert column(organisation.home, "SELECT state FROM outbox") == ["void"]
    assert column(organisation.home, "SELECT sealed FROM outbox") == [None]


async def test_a49_single_use_codes_and_checks_of_the_backup_do_not_work_again(
    organisation: Organisation, file: Path
) -> None:
    add = (
        "INSERT INTO bypass_codes (id, tenant_pk, user_pk, digest, starts, expires) "
        "VALUES ('b', 1, 1, x'00', 1, 9999999999999)",
        "INSERT INTO caller_checks (id, tenant_pk, user_pk, confirmed, expires) VALUES ('c', 1, 1, 1, 9999999999999)",
        "INSERT INTO approvals (id, tenant_pk, user_pk, expires) VALUES ('a', 1, 1, 9999999999999)",
        "INSERT INTO passcodes (attempt, tenant_pk, digest, expires) VALUES ('p', 1, x'00', 9999999999999)",
    )
    for statement in add:
        one = statement
        organisation.backend.store.write(lambda c, one=one: c.exec_driver_sql(one).close()).result()  # type: ignore[misc]
    saved(organisation, file)
    restored(organisation, file)
    now = int(organisation.clock.now * 1000)
    assert column(organisation.home, "SELECT revoked FROM bypass_codes") == [now]
    assert column(organisation.home, "SELECT used FROM caller_checks") == [now]
    assert column(organisation.home, "SELECT used FROM approvals") == [now]
    assert column(organisation.home, "SELECT used FROM passcodes") == [now]


def test_each_table_was_considered_for_a_restore() -> None:
    """A new table with anything that works once, or opens something, is ended in `store/copies/restore.py`."""
    ended = {
        "sessions",
        "challenges",
        "passcodes",
        "outbox",
        "tokens",
        "factors",
        "caller_checks",
        "bypass_codes",
        "approvals",
        "audit_streams",
        "recovery_codes",
        "users",
    }
    as_in_the_backup = {
        "tenants",
        "user_counts",
        "audit",
        "audit_heads",
        "delivery_settings",
        "networks",
        "refused_sign_ins",
        "unbindings",
        "exemptions",
        "known_networks",
        "throttles",
        "unknown_logins",
        "idempotency",
        "facts",
        "jobs",
        "job_items",
        "alerts",
        "alert_events",
        "alert_signals",
        "alert_rules",
        "alert_positions",
        "audit_positions",
        "audit_checkpoints",
        "audit_retention",
        "adoption_days",
        "upkeep",
        "resets",
    }
    assert {table.name for table in metadata.sorted_tables} == ended | as_in_the_backup


async def test_a49_the_audit_records_the_restore_and_what_was_lost(organisation: Organisation, file: Path) -> None:
    saved(organisation, file)
    for login in ("ana", "ben"):
        await organisation.add(login)
    await organisation.perform(DisableUser(tenant=TENANT, user="ana"))
    kept = column(organisation.home, "SELECT hex(mac) FROM audit_heads")
    done = restored(organisation, file)
    (entry,) = (await organisation.perform(ListAudit(tenant=TENANT, action="store.restored"))).items
    assert entry.details["lost"] == 3
    assert entry.details["lost_actions"] == "user.created 2, user.disabled 1"
    assert str(entry.details["before_mac"]).upper() == kept[0]
    assert "3 entries of the audit" in entry.reason
    assert [(one.lost, one.lost_actions) for one in done.tenants] == [(3, {"user.created": 2, "user.disabled": 1})]
    assert column(Path(done.kept).parent, "SELECT count(*) FROM users") == [1]
    with closing(sqlite3.connect(done.kept)) as before:
        assert before.execute("SELECT count(*) FROM users").fetchone() == (3,)


async def test_a_backup_without_later_changes_loses_nothing(organisation: Organisation, file: Path) -> None:
    saved(organisation, file)
    with restoring(parse_store(""), file, clock=organisation.clock) as ready:
        assert (ready.preview().lost, ready.preview().done) == (0, False)
    restored(organisation, file)
    (entry,) = (await organisation.perform(ListAudit(tenant=TENANT, action="store.restored"))).items
    assert entry.reason == "The store was restored. No entry of the audit was lost."


async def test_histories_that_differ_are_compared_up_to_their_last_common_entry(
    organisation: Organisation, file: Path
) -> None:
    saved(organisation, file)
    await organisation.add("ana")
    later = saved(organisation, file.with_name("later.db"))
    restored(organisation, file)
    await organisation.add("ben")
    with restoring(parse_store(""), later, clock=organisation.clock) as ready:
        (found,) = ready.preview().tenants
    assert found.lost_actions == {"store.restored": 1, "user.created": 1}


async def test_a_tenant_that_the_backup_lacks_is_shown(organisation: Organisation, file: Path) -> None:
    saved(organisation, file)
    await organisation.perform(CreateTenant(name="beta"))
    with restoring(parse_store(""), file, clock=organisation.clock) as ready:
        (found,) = [one for one in ready.preview().tenants if one.tenant == "beta"]
    assert (found.entry, found.lost) == (0, found.before)
    restored(organisation, file)
    assert column(organisation.home, "SELECT name FROM tenants") == [TENANT]


async def test_a_backup_from_before_a_rotation_is_sealed_with_the_present_key(
    organisation: Organisation, file: Path
) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    saved(organisation, file)
    new = rotate(parse_store(""), clock=organisation.clock).after
    done = restored(organisation, file)
    assert done.key == "k1"
    head = b"\x01" + bytes([len(new)]) + new.encode()
    assert all(value.startswith(head) for value in column(organisation.home, "SELECT sealed FROM factors"))
    (organisation.home / "master.key.k1").unlink()
    await organisation.reopen()
    organisation.clock.forward(seconds=90)
    assert await verified(organisation, "ana", organisation.code("ana"))


async def test_the_key_of_an_old_backup_can_be_in_another_place(organisation: Organisation, file: Path) -> None:
    saved(organisation, file)
    rotate(parse_store(""), clock=organisation.clock)
    elsewhere = file.with_name("old.key")
    shutil.move(organisation.home / "master.key.k1", elsewhere)
    with pytest.raises(Unavailable, match="sealed with the key k1, which is not here"):
        restored(organisation, file)
    create_key_file(organisation.home / "master.key.k1")  # of another store: the file that was named comes first
    assert restored(organisation, file, key_file=elsewhere).done


async def test_a_backup_of_another_store_is_refused(
    organisation: Organisation, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    monkeypatch.setenv("SECCONSOLE_HOME", str(other))
    await create_store(tenant="other", admin="root", password=PASSWORD, passwords=cheap_passwords())
    back_up(parse_store(""), file)
    monkeypatch.setenv("SECCONSOLE_HOME", str(organisation.home))
    with pytest.raises(Conflict, match="another store"):
        restored(organisation, file)
    shutil.copy(other / "master.key", tmp_path / "their.key")
    content = json.loads((tmp_path / "their.key").read_text())
    (tmp_path / "their.key").write_text(json.dumps({"current": "k7", "keys": {"k7": content["keys"]["k1"]}}))
    with pytest.raises(Conflict, match="another store"):
        restored(organisation, file, key_file=tmp_path / "their.key")
    assert column(organisation.home, "SELECT name FROM tenants") == [TENANT]


async def test_a48_a_newer_backup_is_refused_and_an_older_one_is_migrated(
    organisation: Organisation, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(organisation, file)
    newer = file.with_name("newer.db")
    shutil.copy(file, newer)
    with closing(sqlite3.connect(newer)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Unavailable, match="newer secconsole"):
        restored(organisation, newer)
    scripts, current = file.with_name("migrations"), migrations.CURRENT
    shutil.copytree(SHIPPED, scripts / "versions", ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "versions" / f"{NEXT}_next.py").write_text(NEXT_MIGRATION)
    monkeypatch.setattr(migrations, "SCRIPTS", str(scripts))
    monkeypatch.setattr(migrations, "CURRENT", NEXT)
    await organisation.reopen()
    done = restored(organisation, file)
    assert done.schema == current
    assert column(organisation.home, "SELECT version_num FROM alembic_version") == [NEXT]
    assert broken_chains(organisation.home) == []


@pytest.mark.parametrize("content", ["nothing", "no database", "foreign", "damaged", "shared"])
async def test_a_file_that_is_no_backup_is_refused(organisation: Organisation, file: Path, content: str) -> None:
    saved(organisation, file)
    match content:
        case "nothing":
            file.write_bytes(b"")
        case "no database":
            file.write_text("These are not the pages of a database, however long they are.\n" * 100)
        case "foreign":
            file.unlink()
            with closing(sqlite3.connect(file)) as connection:
                connection.execute("CREATE TABLE things (x)")
            file.chmod(0o600)
        case "damaged":
            pages = file.read_bytes()
            file.write_bytes(pages[: len(pages) // 2 // 4096 * 4096] + b"\x55" * 4096 * 8)
        case _:
            file.chmod(0o644)
    with pytest.raises(Unavailable):
        restored(organisation, file)
    assert [path.name for path in organisation.home.iterdir() if path.name.startswith((".restore", "before"))] == []
    assert (await organisation.perform(VerifyAudit(tenant=TENANT))).whole


async def test_the_store_itself_is_no_backup_and_a_missing_file_is_named(
    organisation: Organisation, file: Path
) -> None:
    with pytest.raises(Invalid, match="the store itself"):
        restored(organisation, database(organisation.home))
    with pytest.raises(Unavailable, match="There is no backup at"):
        restored(organisation, file)


async def test_a30_a_damaged_store_is_moved_away_by_a_person(organisation: Organisation, file: Path) -> None:
    saved(organisation, file)
    await organisation.backend.close()
    for path in organisation.home.glob("console.db-*"):
        path.unlink()
    database(organisation.home).write_bytes(b"damaged" * 1000)
    with pytest.raises(Unavailable, match=r"move console\.db\* to another folder"):
        restored(organisation, file)
    database(organisation.home).rename(file.with_name("moved.db"))
    (organisation.home / "console.db-wal").write_bytes(b"a log of the lost store")
    assert restored(organisation, file).done
    await organisation.reopen()
    assert broken_chains(organisation.home) == []


async def test_a49_on_postgresql_the_work_after_a_restore_is_done_by_request(home: Path, postgres: Cluster) -> None:
    async with organisation_in(home, postgres=postgres) as organisation:
        place = organisation.place
        assert place is not None
        await organisation.add("ana")
        session = await organisation.sign_in("ana")
        await organisation.bind("ana")
        token = await organisation.perform(CreateToken(tenant=TENANT, name="ci", scopes=("read",), days=30))
        done = await asyncio.to_thread(after_restore, place, end_tokens=True)
        assert (done.sessions_ended, done.tokens_ended) == (1, 1)
        with pytest.raises(NotSignedIn):
            await organisation.perform(WhoAmI(), session)
        with pytest.raises(NotSignedIn):
            await organisation.perform(VerifyAudit(tenant=TENANT), Bearer(token.token))
        (entry,) = (await organisation.perform(ListAudit(tenant=TENANT, action="store.restored"))).items
        assert "not known" in entry.reason
        assert (await organisation.perform(VerifyAudit(tenant=TENANT))).whole
        with pytest.raises(Invalid, match="pg_restore"), restoring(place, home / "x.db"):
            pass
