"""A12: operations that destroy or weaken something require password and factor within five minutes."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from secconsole.domain.errors import Conflict, Invalid, NotFound, NotSignedIn, StepUpNeeded
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.audit import ListAudit
from secconsole.operations.base import OPERATIONS, Operation
from secconsole.operations.caller import Bearer
from secconsole.operations.policy import SetPolicy
from secconsole.operations.sessions import EndOtherSessions, EndSession, ListSessions
from secconsole.operations.signin import WhoAmI
from secconsole.operations.step_up import StepUp
from secconsole.operations.tenants import CreateTenant
from secconsole.operations.tokens import CreateToken, RevokeToken
from secconsole.operations.user_import import ImportUsers, NewUser
from secconsole.operations.users import CreateUser
from tests.organisation import PASSWORD, TENANT, Organisation
from tests.store.examples import EXAMPLES

WRITING = {name: operation.spec for name, operation in OPERATIONS.items() if operation.spec.writes}
ALWAYS = sorted(name for name, spec in WRITING.items() if spec.step_up == "always")
NEVER = sorted(name for name, spec in WRITING.items() if spec.step_up == "never")


def test_a12_every_write_declares_its_step_up() -> None:
    undecided = [name for name, spec in WRITING.items() if spec.step_up != "always" and not spec.why]
    assert undecided == [], 'declare step_up="always", or why it is needed only sometimes or never'
    assert [name for name in NEVER if WRITING[name].dangerous] == []
    assert {"unbind", "policy.set", "user.role", "whitelist.add", "token.create", "tenant.create"} <= set(ALWAYS)
    reading = [operation.spec for operation in OPERATIONS.values() if not operation.spec.writes]
    assert [spec.name for spec in reading if spec.step_up != "never"] == []


@pytest.mark.alike
@pytest.mark.parametrize("name", ALWAYS)
async def test_a12_a_step_up_expires_after_five_minutes(organisation: Organisation, name: str) -> None:
    asked = await EXAMPLES[OPERATIONS[name]](organisation)
    if asked.who is None:
        await organisation.add("tess", Role.PLATFORM_ADMIN)
    who = asked.who or await organisation.sign_in("tess")
    organisation.clock.forward(minutes=5, seconds=61)  # a sign-in may have been a step ago
    with pytest.raises(StepUpNeeded):
        await organisation.perform(asked.operation, who)


@pytest.mark.alike
@pytest.mark.parametrize("name", NEVER)
async def test_a12_operations_without_step_up_never_ask(organisation: Organisation, name: str) -> None:
    asked = await EXAMPLES[OPERATIONS[name]](organisation)
    if asked.who is None:
        await organisation.add("tess", Role.PLATFORM_ADMIN)
    who = asked.who or await organisation.sign_in("tess")
    organisation.clock.forward(minutes=5, seconds=1)
    with suppress(NotFound, Conflict, NotSignedIn):  # what it is about may have ended meanwhile
        await organisation.perform(asked.operation, who)


async def test_a12_harm_to_others_requires_step_up_and_self_protection_does_not(
    organisation: Organisation,
) -> None:
    await organisation.add("ana")
    await organisation.add("tess", Role.PLATFORM_ADMIN)
    ana, tess = await organisation.sign_in("ana"), await organisation.sign_in("tess")
    token = (await organisation.perform(CreateToken(name="ci"), ana)).id
    spare = await organisation.sign_in("ana")
    (session,) = [
        s for s in (await organisation.perform(ListSessions(tenant=TENANT, user="ana"), spare)).items if s.current
    ]
    organisation.clock.forward(minutes=5, seconds=1)
    operations: list[Operation[Any]] = [
        RevokeToken(tenant=TENANT, token=token),
        EndSession(tenant=TENANT, user="ana", session=session.id),
        EndOtherSessions(tenant=TENANT, user="ana"),
    ]
    for operation in operations:
        with pytest.raises(StepUpNeeded):
            await organisation.perform(operation, tess)
    for operation in operations:
        await organisation.perform(operation, ana)


async def test_a12_new_users_need_no_step_up_but_roles_and_addresses_do(organisation: Organisation) -> None:
    await organisation.add("ana", email="ana@acme.example")
    await organisation.perform(CreateUser(tenant=TENANT, login="newt"))
    await organisation.add("tess", Role.PLATFORM_ADMIN)
    tess = await organisation.sign_in("tess")
    organisation.clock.forward(minutes=5, seconds=1)
    plain: list[Operation[Any]] = [
        CreateUser(tenant=TENANT, login="bob", password=PASSWORD),
        ImportUsers(tenant=TENANT, users=(NewUser(2, "carl"), NewUser(3, "ana", name="Ana"))),
    ]
    for operation in plain:
        await organisation.perform(operation, tess)
    guarded: list[Operation[Any]] = [
        CreateUser(tenant=TENANT, login="dora", role=Role.HELPDESK),
        ImportUsers(tenant=TENANT, users=(NewUser(2, "dora", role=Role.HELPDESK),)),
        ImportUsers(tenant=TENANT, users=(NewUser(2, "ana", email="eve@elsewhere.example"),)),
        ImportUsers(tenant=TENANT, users=(NewUser(2, "ana", phone="+420601234567"),)),
        ImportUsers(tenant=TENANT, users=(NewUser(2, "newt", password=PASSWORD),)),
    ]
    for operation in guarded:
        with pytest.raises(StepUpNeeded):
            await organisation.perform(operation, tess)


async def test_a_code_alone_is_a_step_up_and_nothing_else_is(organisation: Organisation) -> None:
    await organisation.add("tess", Role.PLATFORM_ADMIN)
    await organisation.bind("tess")
    tess = await organisation.sign_in("tess")
    organisation.clock.forward(minutes=10)
    wrong = StepUp(password=Secret("wrong"), code=organisation.code("tess"))
    for given in (StepUp(), StepUp(code=Secret("000000")), wrong):
        assert not (await organisation.perform(given, tess)).accepted
    organisation.clock.forward(minutes=1)
    proof = await organisation.perform(StepUp(code=organisation.code("tess")), tess)
    assert proof.accepted
    assert proof.token is not None
    created = CreateUser(tenant=TENANT, login="eve", role=Role.AUDITOR)
    assert (await organisation.perform(created, Bearer(proof.token))).user.login == "eve"


async def test_without_a_factor_the_password_is_needed(organisation: Organisation) -> None:
    await organisation.add("ana")
    ana = await organisation.sign_in("ana")
    refused = await organisation.perform(StepUp(), ana)
    assert (refused.accepted, refused.wrong) == (False, "password")
    assert (await organisation.perform(StepUp(password=PASSWORD), ana)).accepted


async def test_five_wrong_codes_without_a_password_end_the_session(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    ana = await organisation.sign_in("ana")
    left = [(await organisation.perform(StepUp(code=Secret("000000")), ana)).left for _ in range(5)]
    assert left == [4, 3, 2, 1, 0]
    with pytest.raises(NotSignedIn):
        await organisation.perform(StepUp(code=organisation.code("ana")), ana)


async def test_a_step_up_counts_as_long_as_the_tenant_says(organisation: Organisation) -> None:
    await organisation.add("tess", Role.PLATFORM_ADMIN)
    await organisation.bind("tess")
    await organisation.perform(SetPolicy(tenant=TENANT, step_up_minutes=1))
    tess = await organisation.sign_in("tess")
    assert (await organisation.perform(WhoAmI(), tess)).step_up_minutes == 1
    await organisation.perform(CreateUser(tenant=TENANT, login="adam", role=Role.AUDITOR), tess)
    organisation.clock.forward(seconds=61)
    with pytest.raises(StepUpNeeded):
        await organisation.perform(CreateUser(tenant=TENANT, login="eve", role=Role.AUDITOR), tess)
    with pytest.raises(Invalid):
        await organisation.perform(SetPolicy(tenant=TENANT, step_up_minutes=16))
    await organisation.perform(SetPolicy(tenant=TENANT, step_up_minutes=15))
    organisation.clock.forward(minutes=12)  # a sign-in may have been a step ago
    await organisation.perform(CreateUser(tenant=TENANT, login="eve", role=Role.AUDITOR), tess)
    weaker = (await organisation.perform(ListAudit(tenant=TENANT, action="policy.weakened"))).items[0]
    assert "step-up counts 15 min" in weaker.details["after"]


async def test_in_another_tenant_the_shorter_time_counts(organisation: Organisation) -> None:
    await organisation.add("tess", Role.PLATFORM_ADMIN)
    await organisation.perform(CreateTenant(name="globex"))
    await organisation.perform(SetPolicy(tenant="globex", step_up_minutes=2))
    tess = await organisation.sign_in("tess")
    organisation.clock.forward(minutes=3)
    await organisation.perform(CreateUser(tenant=TENANT, login="eve", role=Role.AUDITOR), tess)
    with pytest.raises(StepUpNeeded):
        await organisation.perform(CreateUser(tenant="globex", login="eve", role=Role.AUDITOR), tess)
