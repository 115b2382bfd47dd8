"""Kept replies: in the transaction of the change, for one caller, for a day, and cheap."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
import sqlalchemy as sa

from secconsole.domain.errors import Conflict, ReplyGone, StillRunning, Unavailable
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.operations.caller import Credential, IdempotencyKey, Nobody, Source
from secconsole.operations.factors import VerifyCode
from secconsole.operations.signin import SignIn
from secconsole.operations.user_changes import DisableUser, ResetPassword
from secconsole.operations.users import CreateUser
from secconsole.service.idempotency import RUNNING
from secconsole.store.engine.idempotency import MOST_CLEARED
from tests.organisation import PASSWORD, TENANT, Organisation
from tests.store.looking import column, database, differing, tables

CREATE = CreateUser(tenant=TENANT, login="ben")
WRONG = Secret("not the password, sorry")


async def perform(
    organisation: Organisation, operation: Operation[Any], who: Credential | None = None, key: str = "a-key"
) -> tuple[Any, bool]:
    """The reply, and whether it was one given before."""
    given = IdempotencyKey(key)
    credential = who or organisation.backend.credential
    reply = await organisation.backend.perform_as(operation, credential, Source("api", key=given))
    return reply, given.replayed


def on_the_side(organisation: Organisation, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(database(organisation.home))) as connection:
        connection.execute(statement, values)
        connection.commit()


@pytest.mark.parametrize("event", ["UPDATE ON idempotency", "INSERT ON idempotency", "INSERT ON audit"])
async def test_a_change_and_its_reply_are_stored_atomically(organisation: Organisation, event: str) -> None:
    before = tables(organisation.home)
    on_the_side(organisation, f"CREATE TRIGGER never BEFORE {event} BEGIN SELECT RAISE(ABORT, 'no'); END")
    with pytest.raises(Unavailable):
        await perform(organisation, CREATE)
    assert differing(before, tables(organisation.home)) == set()
    on_the_side(organisation, "DROP TRIGGER never")
    first, replayed = await perform(organisation, CREATE)
    assert not replayed
    assert await perform(organisation, CREATE) == (first, True)
    assert differing(before, tables(organisation.home)) >= {"users", "audit", "idempotency"}


@pytest.mark.parametrize(
    "operation, who", [(CREATE, None), (SignIn(tenant=TENANT, login="root", password=WRONG), Nobody())]
)
async def test_a_lost_commit_reply_is_found_by_its_key(
    organisation: Organisation, operation: Operation[Any], who: Credential | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """COMMIT was done, and the word of it did not come back."""
    write = organisation.backend.store.write
    left = 1 if who is None else 2  # a sign-in is counted in a transaction before its own

    def lost(body: Callable[[sa.Connection], Any], *args: Any, **more: Any) -> Any:
        nonlocal left
        left -= 1
        future = write(body, *args, **more)
        if left == 0:
            future.result()
            raise Unavailable("The database was lost at the moment of writing.")
        return future

    with monkeypatch.context() as patched:
        patched.setattr(organisation.backend.store, "write", lost)
        with pytest.raises(Unavailable):
            await perform(organisation, operation, who)
    after = tables(organisation.home)
    reply, replayed = await perform(organisation, operation, who)
    assert replayed
    assert reply.user.login == "ben" if who is None else reply.status == "refused"
    assert differing(after, tables(organisation.home)) == set()


async def test_a_key_expires_after_a_day(organisation: Organisation) -> None:
    first, _ = await perform(organisation, CREATE)
    for _ in range(23):
        organisation.clock.forward(minutes=60)
        assert await perform(organisation, CREATE) == (first, True)
    organisation.clock.forward(minutes=61)
    with pytest.raises(Conflict, match="already") as refused:
        await perform(organisation, CREATE)
    assert type(refused.value) is Conflict
    assert (await perform(organisation, DisableUser(tenant=TENANT, user="ben")))[1] is False
    assert len(column(organisation.home, "idempotency", "name")) == 1


async def test_expired_keys_are_deleted_in_batches(organisation: Organisation) -> None:
    many = 2 * MOST_CLEARED + 10
    with closing(sqlite3.connect(database(organisation.home))) as connection:
        values = "VALUES (randomblob(32), x'01', ?, ?, ?)"
        now = int(organisation.clock.now * 1000)
        insert = f"INSERT INTO idempotency (name, request, sealed, due, expires) {values}"
        connection.executemany(insert, [(b"old", now - 5, now - 5)] * many)
        connection.executemany(insert, [(b"secret", now - 5, now + 90_000_000)] * 3)
        connection.executemany(insert, [(b"kept", now + 90_000_000, now + 90_000_000)] * 3)
        connection.commit()
    sealed = column(organisation.home, "idempotency", "sealed")
    assert (len(sealed), sealed.count(b"secret")) == (many + 6, 3)
    for login, left in (("c1", MOST_CLEARED + 10), ("c2", 10), ("c3", 0)):
        organisation.clock.forward(seconds=2)
        await organisation.perform(CreateUser(tenant=TENANT, login=login))
        sealed = column(organisation.home, "idempotency", "sealed")
        assert sealed.count(b"old") == left
    assert (sealed.count(b"secret"), sealed.count(b""), sealed.count(b"kept")) == (0, 3, 3)


async def test_expired_keys_are_found_by_an_index(organisation: Organisation) -> None:
    with closing(sqlite3.connect(database(organisation.home))) as connection:
        plan = connection.execute(
            "EXPLAIN QUERY PLAN DELETE FROM idempotency WHERE name IN (SELECT name FROM idempotency "
            "WHERE due <= 1 AND expires <= 1 ORDER BY due LIMIT 200)"
        ).fetchall()
    assert "ix_idempotency_due" in str(plan)
    assert "TEMP B-TREE" not in str(plan)


async def test_a_sealed_reply_opens_only_in_its_own_row(organisation: Organisation) -> None:
    await organisation.add("ana")
    await perform(organisation, ResetPassword(tenant=TENANT, user="ana"), key="one")
    await perform(organisation, ResetPassword(tenant=TENANT, user="root"), key="two")
    (mine, _, my_reply, *_), (others, _, others_reply, *_) = tables(organisation.home)["idempotency"]
    for name, reply in ((mine, others_reply), (others, my_reply)):
        on_the_side(organisation, "UPDATE idempotency SET sealed = ? WHERE name = ?", reply, name)
    for key, user in (("one", "ana"), ("two", "root")):
        with pytest.raises(ReplyGone, match="Check the current state"):
            await perform(organisation, ResetPassword(tenant=TENANT, user=user), key=key)


async def test_a_key_that_expires_during_the_request_runs_nothing(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reply was known when the request arrived, so its password was not checked, and expired before its turn."""
    await organisation.add("ana")
    request = SignIn(tenant=TENANT, login="ana", password=PASSWORD)
    await perform(organisation, request, Nobody())
    write, turns = organisation.backend.store.write, 0

    def late(body: Callable[[sa.Connection], Any], *args: Any, **more: Any) -> Any:
        nonlocal turns
        turns += 1
        if turns == 2:
            organisation.clock.forward(days=1, minutes=1)
        return write(body, *args, **more)

    before = tables(organisation.home)
    with monkeypatch.context() as patched:
        patched.setattr(organisation.backend.store, "write", late)
        with pytest.raises(Unavailable, match="expired"):
            await perform(organisation, request, Nobody())
    assert differing(before, tables(organisation.home)) == set()
    assert (await perform(organisation, request, Nobody()))[0].status == "complete"


async def test_a_slow_sign_in_and_its_retry_open_one_session(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    await organisation.add("ana")
    request = SignIn(tenant=TENANT, login="ana", password=PASSWORD)
    check, slow, go_on = organisation.backend.passwords.check, asyncio.Event(), asyncio.Event()

    async def checked(*given: Any) -> bool:
        if not slow.is_set():
            slow.set()
            await go_on.wait()
        return await check(*given)

    monkeypatch.setattr(organisation.backend.passwords, "check", checked)
    first = asyncio.create_task(perform(organisation, request, Nobody()))
    await slow.wait()
    with pytest.raises(StillRunning):
        await perform(organisation, request, Nobody())
    organisation.clock.forward(seconds=RUNNING / 1000)
    reply, replayed = await perform(organisation, request, Nobody())
    assert (reply.status, replayed) == ("complete", False)
    go_on.set()
    with pytest.raises(StillRunning):  # its place was taken: nothing of what it did stays
        await first
    assert await perform(organisation, request, Nobody()) == (reply, True)
    assert len(column(organisation.home, "sessions", "pk")) == 1


async def statements(organisation: Organisation, key: str | None) -> list[str]:
    """Return the statements of one verify."""
    verify = VerifyCode(tenant=TENANT, user="ana", code=organisation.code("ana"))
    organisation.clock.forward(seconds=30)
    seen: list[str] = []

    def traced(connection: sa.Connection) -> None:
        driver: Any = connection.connection.driver_connection
        driver.set_trace_callback(lambda text: seen.append(" ".join(text.split()[:3])))

    def untraced(connection: sa.Connection) -> None:
        driver: Any = connection.connection.driver_connection
        driver.set_trace_callback(None)

    store, owner = organisation.backend.store, organisation.backend.credential
    await asyncio.wrap_future(store.write(traced))
    source = Source("api", key=IdempotencyKey(key) if key else None)
    assert (await organisation.backend.perform_as(verify, owner, source)).accepted
    await asyncio.wrap_future(store.write(untraced))
    return seen


async def test_a_key_costs_two_statements(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await statements(organisation, None)
    without, keyed = await statements(organisation, None), await statements(organisation, "a-key")
    ours = [text for text in keyed if "idempotency" in text]
    assert ours == ["INSERT INTO idempotency", "UPDATE idempotency SET"]
    assert [text for text in keyed if text not in ours] == without
