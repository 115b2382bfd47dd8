"""A14: a tenant learns nothing of another, by any request."""

from __future__ import annotations

import pytest
import pytest_asyncio

from secconsole.domain.errors import Invalid, NotFound, SecconsoleError
from secconsole.domain.roles import Permission, Role
from secconsole.domain.secret import Secret
from secconsole.operations.base import OPERATIONS, Operation
from secconsole.operations.caller import Bearer, Nobody
from secconsole.operations.factors import EnrollFactor
from secconsole.operations.signin import SignIn
from secconsole.operations.tenants import CreateTenant, ListTenants
from secconsole.operations.unbinding import Unbind, UndoUnbind
from secconsole.operations.users import CreateUser, ListUsers, ShowUser
from secconsole.operations.whitelist import AddToWhitelist
from tests.examples import example_of
from tests.organisation import PASSWORD, TENANT, Organisation

OTHER = "globex"


@pytest_asyncio.fixture
async def spy(organisation: Organisation) -> Bearer:
    """A tenant administrator of acme, beside a second tenant with a user, a factor and an unbinding."""
    await organisation.add("tom", Role.TENANT_ADMIN)
    await organisation.perform(CreateTenant(name=OTHER))
    await organisation.perform(CreateUser(tenant=OTHER, login="victor", password=PASSWORD))
    return await organisation.sign_in("tom")


@pytest.mark.alike
async def test_a14_another_tenant_looks_nonexistent(organisation: Organisation, spy: Bearer) -> None:
    """Every operation of a tenant, one after the other: none of them gets as far as to change anything."""
    in_tenants = [name for name, kind in OPERATIONS.items() if "{tenant}" in kind.spec.path]
    closed = [name for name in in_tenants if OPERATIONS[name].spec.permission is not Permission.NOBODY]
    assert len(closed) > 40
    for name in closed:
        answers = []
        for tenant in (OTHER, "no-such-tenant"):
            with pytest.raises(NotFound) as caught:
                await organisation.perform(example_of(name, tenant=tenant), spy)
            answers.append((type(caught.value), caught.value.message))
        assert answers[0] == answers[1], name


async def test_a14_ids_of_another_tenant_look_nonexistent(organisation: Organisation, spy: Bearer) -> None:
    victor = (await organisation.perform(ShowUser(tenant=OTHER, user="victor"))).user.id
    started = await organisation.perform(EnrollFactor(tenant=OTHER, user="victor"))
    done = await organisation.perform(Unbind(tenant=OTHER, users=("victor",), reason="lost"))
    made_up = victor[:-4] + "0000"

    async def answer_to(operation: Operation[object]) -> str:
        try:
            return str(await organisation.perform(operation, spy))
        except SecconsoleError as error:
            return f"{type(error).__name__}: {error.message}"

    for field, real in (
        ("user", victor),
        ("factor", started.enrollment),
        ("enrollment", started.enrollment),
        ("event", done.event),
    ):
        for name, kind in OPERATIONS.items():
            if "{tenant}" in kind.spec.path and field in kind.__dataclass_fields__:  # type: ignore[attr-defined]
                answers = [await answer_to(example_of(name, tenant=TENANT, **{field: id})) for id in (real, made_up)]
                assert answers[0].replace(real, made_up) == answers[1], name
    bulk = await organisation.perform(Unbind(tenant=TENANT, users=(victor,), reason="lost"), spy)
    assert bulk.unbound == ()
    listed = await organisation.perform(AddToWhitelist(tenant=TENANT, users=(victor,), reason="x"), spy)
    assert listed.changed == ()
    with pytest.raises(NotFound):
        await organisation.perform(UndoUnbind(tenant=TENANT, event=done.event), spy)


async def test_a14_lists_contain_only_the_callers_tenant(organisation: Organisation, spy: Bearer) -> None:
    assert [t.name for t in (await organisation.perform(ListTenants(), spy)).items] == [TENANT]
    logins = [u.login for u in (await organisation.perform(ListUsers(tenant=TENANT), spy)).items]
    assert "victor" not in logins
    assert {t.name for t in (await organisation.perform(ListTenants())).items} == {TENANT, OTHER}


async def test_signing_in_to_an_unknown_tenant_is_refused_like_any_other(organisation: Organisation) -> None:
    wrong = Secret("not the password at all")
    there = await organisation.perform(SignIn(tenant=TENANT, login="root", password=wrong), Nobody())
    nowhere = await organisation.perform(SignIn(tenant="nowhere", login="root", password=wrong), Nobody())
    assert there == nowhere


async def test_the_same_login_in_two_tenants_is_two_accounts(organisation: Organisation, spy: Bearer) -> None:
    await organisation.add("victor")
    ids = {(await organisation.perform(ShowUser(tenant=t, user="victor"))).user.id for t in (TENANT, OTHER)}
    assert len(ids) == 2


async def test_a_tenants_first_administrator_manages_that_tenant_only(organisation: Organisation) -> None:
    root = await organisation.sign_in("root")
    for who in (None, root):  # the owner of the store too
        name = "third" if who else "fourth"
        await organisation.perform(CreateTenant(name=name, admin="bea", password=PASSWORD), who)
        assert (await organisation.perform(ShowUser(tenant=name, user="bea"))).user.role is Role.TENANT_ADMIN
    asked = CreateTenant(name="fifth", admin="bea", password=PASSWORD, role=Role.PLATFORM_ADMIN)
    await organisation.perform(asked, root)
    assert (await organisation.perform(ShowUser(tenant="fifth", user="bea"))).user.role is Role.PLATFORM_ADMIN
    for role in (Role.USER, Role.AUDITOR, Role.HELPDESK):
        with pytest.raises(Invalid):
            await organisation.perform(CreateTenant(name="sixth", admin="bea", role=role), root)
