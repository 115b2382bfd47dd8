"""Attempts to exceed a role, and to do so unseen."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from secconsole.domain.errors import Invalid, NotAllowed, StepUpNeeded
from secconsole.domain.roles import Role
from secconsole.operations.audit import ListAudit, VerifyAudit
from secconsole.operations.factors import ListFactors
from secconsole.operations.unbinding import Unbind
from secconsole.operations.user_import import ImportUsers, NewUser
from secconsole.operations.users import CreateUser, ListUsers, ShowUser
from secconsole.store.schema import audit, audit_heads
from tests.organisation import PASSWORD, TENANT, Organisation


async def test_creating_an_administrator_requires_step_up(organisation: Organisation) -> None:
    await organisation.add("tom", Role.TENANT_ADMIN)
    await organisation.add("ana")
    tom = await organisation.sign_in("tom")
    organisation.clock.forward(minutes=10)
    evil = CreateUser(tenant=TENANT, login="evil", role=Role.TENANT_ADMIN, password=PASSWORD)
    lines = (
        NewUser(2, "evil", role="helpdesk", password=PASSWORD),
        NewUser(2, "ana", role="tenant-admin"),
        NewUser(2, "root", email="evil@example.org"),
    )
    with pytest.raises(StepUpNeeded):
        await organisation.perform(evil, tom)
    for line in lines[:2]:
        with pytest.raises(StepUpNeeded):
            await organisation.perform(ImportUsers(tenant=TENANT, users=(line,)), tom)
    await organisation.perform(ImportUsers(tenant=TENANT, users=lines, check_only=True), tom)
    refused = await organisation.perform(ImportUsers(tenant=TENANT, users=lines[2:]), tom)
    assert len(refused.rejected) == 1
    assert {u.login for u in (await organisation.perform(ListUsers(tenant=TENANT))).items} == {"root", "tom", "ana"}
    await organisation.perform(CreateUser(tenant=TENANT, login="bob"), tom)
    done = await organisation.perform(
        ImportUsers(tenant=TENANT, users=(NewUser(2, "cyd"), NewUser(3, "ana", name="Ana"))), tom
    )
    assert (done.created, done.updated) == (1, 1)


async def test_changing_an_administrator_requires_step_up(organisation: Organisation) -> None:
    await organisation.add("tom", Role.PLATFORM_ADMIN)
    await organisation.add("una", Role.TENANT_ADMIN)
    tom = await organisation.sign_in("tom")
    organisation.clock.forward(minutes=10)
    with pytest.raises(StepUpNeeded):
        await organisation.perform(ImportUsers(tenant=TENANT, users=(NewUser(2, "una", email="evil@x.org"),)), tom)


async def test_an_import_reports_new_administrators(organisation: Organisation) -> None:
    lines = (NewUser(2, "evil", role="tenant-admin", password=PASSWORD), NewUser(3, "ana"))
    await organisation.perform(ImportUsers(tenant=TENANT, users=lines))
    page = await organisation.perform(ListAudit(tenant=TENANT, action="user.created"))
    made = {entry.target: entry.details for entry in page.items}
    assert made["evil"] == {"role": "tenant-admin"}
    assert "ana" not in made


async def test_a_plain_user_cannot_find_other_users(organisation: Organisation) -> None:
    await organisation.add("ana")
    ana = await organisation.sign_in("ana")
    for operation in (ShowUser, ListFactors):
        answer = []
        for login in ("root", "nobody"):
            with pytest.raises(NotAllowed) as refused:
                await organisation.perform(operation(tenant=TENANT, user=login), ana)
            answer.append(refused.value.message)
        assert len(set(answer)) == 1


async def test_a_plain_user_sees_only_their_own_account(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.add("аna", name="Somebody Else")
    await organisation.bind("ana")
    await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="seems to be a spy", ticket="T-1"))
    detail = await organisation.perform(ShowUser(tenant=TENANT, user="ana"))
    assert detail.look_alikes
    assert detail.undo is not None
    mine = await organisation.perform(ShowUser(tenant=TENANT, user="ana"), await organisation.sign_in("ana"))
    assert mine.look_alikes == ()
    assert mine.undo is None


@pytest.mark.parametrize("login", ["local:root", "LOCAL:root", "local：root", "secconsole", "SecConsole"])
async def test_no_login_equals_a_system_actor_of_the_audit(organisation: Organisation, login: str) -> None:
    with pytest.raises(Invalid):
        await organisation.perform(CreateUser(tenant=TENANT, login=login))
    result = await organisation.perform(ImportUsers(tenant=TENANT, users=(NewUser(2, login),)))
    assert [r.line for r in result.rejected] == [2]


async def test_a41_a_wiped_audit_is_detected(organisation: Organisation) -> None:
    await organisation.add("ana")

    def wipe(connection: sa.Connection) -> None:
        connection.execute(sa.delete(audit))
        connection.execute(sa.delete(audit_heads))

    await asyncio.to_thread(organisation.backend.store.write(wipe).result)
    check = await organisation.perform(VerifyAudit(tenant=TENANT))
    assert (check.whole, check.entries) == (False, 0)
    assert "missing" in check.problem
