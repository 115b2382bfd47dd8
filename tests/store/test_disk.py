"""A full disk, a disk that does not answer, unwritable files: clear errors, nothing half done, and recovery."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from secconsole.domain.errors import Unavailable
from secconsole.operations.user_import import ImportUsers, NewUser
from secconsole.operations.users import CreateUser, ListUsers
from secconsole.store.engine.metadata import set_fact
from tests.organisation import TENANT, Organisation
from tests.store.looking import broken_chains, column, database, tables
from tests.store.processes import worker
from tests.store.worker_disk import run_commands, write_past_a_limit


class Disk:
    """A limit on the pages of the store, so that SQLite itself reports a full disk."""

    def __init__(self, organisation: Organisation) -> None:
        self._store = organisation.backend.store
        self._most = 2**31
        sa.event.listen(self._store._engine, "connect", lambda raw, _: raw.execute(self._limit()))

    def fill(self) -> None:
        self._most = self._store.read(lambda c: int(c.exec_driver_sql("PRAGMA page_count").scalar_one())).result()
        self._set()

    def free(self) -> None:
        self._most = 2**31
        self._set()

    def _set(self) -> None:
        self._store.write(lambda c: c.exec_driver_sql(self._limit()).close()).result()

    def _limit(self) -> str:
        return f"PRAGMA max_page_count={self._most}"


@pytest.fixture
def disk(organisation: Organisation) -> Disk:
    return Disk(organisation)


def users(count: int) -> tuple[NewUser, ...]:
    return tuple(NewUser(i, f"user-with-a-very-long-login-{i}", name=f"Name {i}") for i in range(count))


async def test_a46_a_full_disk_is_reported_and_nothing_is_partial(organisation: Organisation, disk: Disk) -> None:
    before = tables(organisation.home)
    disk.fill()
    with pytest.raises(Unavailable, match=r"The disk is full\. Nothing was changed\. Free some") as refused:
        await organisation.perform(ImportUsers(tenant=TENANT, users=users(2000)))
    assert refused.value.exit_code == 6
    assert tables(organisation.home) == before
    assert broken_chains(organisation.home) == []
    assert len((await organisation.perform(ListUsers(tenant=TENANT))).items) == 1  # reading goes on
    disk.free()
    assert (await organisation.perform(ImportUsers(tenant=TENANT, users=users(2000)))).created == 2000
    assert broken_chains(organisation.home) == []


async def test_a46_every_caller_gets_a_reply_on_a_full_disk(organisation: Organisation, disk: Disk) -> None:
    """Of concurrent writes, acknowledged ones are in the store, and the others left nothing."""
    disk.fill()
    logins = [f"user-with-a-very-long-login-{i}" for i in range(200)]
    asked = (organisation.perform(CreateUser(tenant=TENANT, login=login)) for login in logins)
    answers = await asyncio.gather(*asked, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, BaseException)]
    words = "The disk is full. Nothing was changed. Free some space and try again."
    assert {str(error) for error in refused} == {words}
    done = {login for login, answer in zip(logins, answers, strict=True) if not isinstance(answer, BaseException)}
    assert set(column(organisation.home, "users", "login")) == {"root", *done}
    assert broken_chains(organisation.home) == []
    disk.free()
    await organisation.perform(CreateUser(tenant=TENANT, login=next(login for login in logins if login not in done)))


@pytest.mark.parametrize("big", [False, True])
async def test_a46_a_change_that_does_not_fit_fails_alone(organisation: Organisation, disk: Disk, big: bool) -> None:
    """In one commit with others, a change that fills the disk fails, and every other one is answered as it ended."""
    store = organisation.backend.store
    disk.fill()
    size = 10_000_000 if big else 0
    small = store.write(lambda c: c.exec_driver_sql("UPDATE tenants SET changed_by = 'small'").close())
    large = store.write(lambda c: set_fact(c, "large", b"x" * size))
    small_too = store.write(lambda c: c.exec_driver_sql("UPDATE tenants SET grace_days = 5").close())
    failures = [future.exception(30) for future in (small, large, small_too)]
    assert (failures[1] is None) == (not big)
    (tenant,) = tables(organisation.home)["tenants"]
    assert ("small" in tenant) == (failures[0] is None)
    assert (5 in tenant) == (failures[2] is None)
    assert all(isinstance(f, Unavailable) and "disk is full" in f.message for f in failures if f)


async def test_a46_a_disk_error_at_commit_is_reported(organisation: Organisation) -> None:
    """The log of changes may not grow: a real write that fails, at the moment when everything is to be kept."""
    await organisation.backend.close()
    logins = [f"u{i}" for i in range(40)]
    with worker(write_past_a_limit, organisation.home, logins, organisation.clock.now) as one:
        answers, total, again = one.hear(), one.hear(), one.hear()
        assert one.exit_code() == 0
    assert {answer.partition(":")[0] for answer in answers} == {"unavailable 6"}
    assert any("disk" in answer for answer in answers)
    assert total == 2
    assert again == ["created"] * 40
    assert set(column(organisation.home, "users", "login")) == {"root", "before", *logins}
    assert broken_chains(organisation.home) == []


COMMANDS = (("user", "list"), ("user", "create", "ana"), ("doctor",))


async def test_a46_a_read_only_folder_is_reported(organisation: Organisation) -> None:
    await organisation.backend.close()
    home = organisation.home
    before = database(home).read_bytes()
    for path in home.iterdir():
        path.chmod(0o400)
    home.chmod(0o500)
    try:
        with worker(run_commands, home, COMMANDS) as one:
            answers = [one.hear() for _ in COMMANDS]
    finally:
        home.chmod(0o700)
    for code, err in answers[:2]:
        assert code == 6
        assert "Nothing was changed" in err
        assert "Permission denied" in err or "read-only" in err
    assert answers[2][0] in (1, 6)
    assert database(home).read_bytes() == before


async def test_a46_a_read_only_store_can_be_read(organisation: Organisation) -> None:
    await organisation.backend.close()
    home = organisation.home
    before = tables(home)
    database(home).chmod(0o400)
    with worker(run_commands, home, COMMANDS) as one:
        answers = [one.hear() for _ in COMMANDS]
    assert answers[0] == (0, "")
    assert answers[1][0] == 6
    assert "read-only" in answers[1][1]
    assert tables(home) == before
