"""Writes on rows that were read ahead, on PostgreSQL: in two round trips, or again under the lock of their tenant."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest_asyncio
import sqlalchemy as sa

from secconsole.domain.errors import NotFound
from secconsole.operations.audit import VerifyAudit
from secconsole.store import tenants, users
from secconsole.store.audit_log import audit
from secconsole.store.engine.ahead import RowsAhead
from secconsole.store.engine.compiled import Prepared
from secconsole.store.engine.tenant_lock import TenantLock
from secconsole.store.schema import facts
from secconsole.store.schema import users as user_table
from secconsole.store.sign_in.read_ahead import verify_ahead
from tests.organisation import ROOT, TENANT, Organisation, open_store, organisation_in
from tests.postgres import Cluster

PATIENCE = 30.0
ACME = TenantLock(tenant=TENANT)
PEOPLE = ("ann", "ben", "eva")
Body = Callable[[sa.Connection], Any]
NOBODY = Prepared(sa.update(user_table).where(user_table.c.pk == sa.bindparam("this")), ["reminded"])


@pytest_asyncio.fixture
async def organisation(home: Path, postgres: Cluster) -> AsyncIterator[Organisation]:
    async with organisation_in(home, postgres=postgres) as made:
        for login in PEOPLE:
            await made.add(login)
        yield made


class Asked:
    """Write about one person with an entry in the audit. `ran` records what each of its runs had for a connection."""

    def __init__(self, organisation: Organisation, login: str = ROOT, then: Body = lambda connection: None) -> None:
        self.ran: list[str] = []
        self._keys, self._login, self._then = organisation.backend.keys, login, then
        self._store = organisation.backend.store
        self.future: Future[Any] = self._store.write(self._body, ACME, ahead=verify_ahead(TENANT, login, None))

    def _body(self, connection: sa.Connection) -> Any:
        self.ran.append("ahead" if isinstance(connection, RowsAhead) else "locked")
        tenant = tenants.tenant_by_name(connection, TENANT)
        assert tenant is not None
        user = users.user_by_name(connection, tenant.pk, self._login)
        assert user is not None
        reply = self._then(connection)
        self.note(connection)
        return reply

    def note(self, connection: sa.Connection) -> None:
        """Write an entry."""
        tenant = tenants.tenant_by_name(connection, TENANT)
        assert tenant is not None
        names = (column.name for column in audit.audit.c if isinstance(column.type, sa.Text))
        entry = dict.fromkeys(names, "") | {"id": f"{id(self)} {len(self.ran)}", "at": 1, "target": self._login}
        audit.append(connection, self._keys, tenant.pk, [{**entry, "details": "{}", "bulk": None}])


async def done(asked: Asked) -> Any:
    return await asyncio.wait_for(asyncio.wrap_future(asked.future), PATIENCE)


async def targets(organisation: Organisation) -> list[str]:
    """Return whom the entries of these tests are about, and check that the chain is intact."""
    assert (await organisation.perform(VerifyAudit(tenant=TENANT))).whole
    query = sa.select(audit.audit.c.target).where(audit.audit.c.at == 1).order_by(audit.audit.c.seq)
    store = organisation.backend.store
    return list(await asyncio.wrap_future(store.read(lambda connection: connection.execute(query).scalars().all())))


class Together:
    """Keeps the writer at work with a first write, so that what is asked for meanwhile is done together."""

    def __init__(self, organisation: Organisation) -> None:
        began, self._go_on = threading.Event(), threading.Event()

        def wait(connection: sa.Connection) -> None:
            began.set()
            assert self._go_on.wait(PATIENCE)

        self.first = Asked(organisation, then=wait)
        assert began.wait(PATIENCE)

    async def release(self, *asked: Asked) -> list[Any]:
        """Return the reply of each, or its error."""
        self._go_on.set()
        await done(self.first)
        return await asyncio.gather(*map(done, asked), return_exceptions=True)


async def test_a_write_on_rows_read_ahead_runs_once(organisation: Organisation) -> None:
    asked = Asked(organisation, then=lambda connection: "done")
    assert await done(asked) == "done"
    assert asked.ran == ["ahead"]
    assert await targets(organisation) == [ROOT]


async def test_a_write_that_needs_another_row_runs_under_the_lock(organisation: Organisation) -> None:
    asked = Asked(organisation, then=lambda connection: connection.execute(sa.select(facts.c.name)).all())
    assert len(await done(asked)) > 0
    assert asked.ran == ["ahead", "locked"]
    assert await targets(organisation) == [ROOT]


async def test_a_write_whose_tenant_was_locked_meanwhile_runs_again(organisation: Organisation) -> None:
    """Whether or not that left an entry in the audit."""
    other = await open_store(organisation.clock, organisation.place)
    locked: list[None] = []

    def between(connection: sa.Connection) -> None:
        if not locked:
            locked.append(other.store.write(lambda connection: None, ACME).result(PATIENCE))

    try:
        asked = Asked(organisation, then=between)
        await done(asked)
    finally:
        await other.close()
    assert asked.ran == ["ahead", "locked"]
    assert await targets(organisation) == [ROOT]


async def test_waiting_writes_are_done_together_in_their_order(organisation: Organisation) -> None:
    together = Together(organisation)
    asked = [Asked(organisation, login) for login in PEOPLE]
    assert await together.release(*asked) == [None] * 3
    assert [each.ran for each in asked] == [["ahead"]] * 3
    assert await targets(organisation) == [ROOT, *PEOPLE]


async def test_a_loser_changes_nothing_for_the_others(organisation: Organisation) -> None:
    """All run again, each under the lock, where the loser learns that its change found no row."""
    together = Together(organisation)
    lose: Body = lambda connection: NOBODY.change_one(connection, this=-1, reminded=1)  # noqa: E731
    asked = [Asked(organisation, "ann"), Asked(organisation, "ben", lose), Asked(organisation, "eva")]
    assert await together.release(*asked) == [None, False, None]
    assert asked[1].ran == ["ahead", "locked"]
    assert sorted(await targets(organisation)) == sorted([ROOT, *PEOPLE])


async def test_a_refused_write_leaves_nothing_and_the_others_go_on(organisation: Organisation) -> None:
    def refuse(connection: sa.Connection) -> None:
        asked[1].note(connection)
        raise NotFound("There is no such thing.")

    together = Together(organisation)
    asked = [Asked(organisation, "ann"), Asked(organisation, "ben", refuse), Asked(organisation, "eva")]
    first, refused, last = await together.release(*asked)
    assert first is last is None
    assert isinstance(refused, NotFound)
    assert [each.ran for each in asked] == [["ahead"]] * 3
    assert await targets(organisation) == [ROOT, "ann", "eva"]


async def test_two_writes_about_one_person_do_not_run_on_the_same_rows(organisation: Organisation) -> None:
    together = Together(organisation)
    asked = [Asked(organisation, "ann"), Asked(organisation, "ann"), Asked(organisation, "ben")]
    assert await together.release(*asked) == [None] * 3
    assert [each.ran for each in asked] == [["ahead"], ["locked"], ["ahead"]]
    assert sorted(await targets(organisation)) == sorted([ROOT, "ann", "ann", "ben"])


async def test_rows_of_a_table_that_was_changed_are_not_used_again(organisation: Organisation) -> None:
    def change_and_read(connection: sa.Connection) -> int:
        tenant = tenants.tenant_by_name(connection, TENANT)
        assert tenant is not None
        user = users.user_by_name(connection, tenant.pk, ROOT)
        assert user is not None
        users.note_sign_in(connection, user.pk, 77)
        again = users.user_by_name(connection, tenant.pk, ROOT)
        assert again is not None
        return again.last_sign_in

    asked = Asked(organisation, then=change_and_read)
    assert await done(asked) == 77
    assert asked.ran == ["ahead", "locked"]
