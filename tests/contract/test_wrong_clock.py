"""A clock that was wrong locks out no user once it is right, allows no code twice, and is noticed."""

from __future__ import annotations

import pytest

from secconsole.domain.clock import NOTICED
from secconsole.domain.errors import NotSignedIn
from secconsole.domain.model import Flag, PolicyMode, SignInStatus
from secconsole.domain.secret import Secret
from secconsole.domain.users.search import UserFilter
from secconsole.operations.audit import AuditEntry, ListAudit
from secconsole.operations.caller import Nobody
from secconsole.operations.clock import MendClock
from secconsole.operations.factors import VerifyCode
from secconsole.operations.policy import SetPolicy
from secconsole.operations.signin import VerifySignIn, WhoAmI
from secconsole.operations.tenants import CreateTenant, ShowAdoption
from secconsole.operations.users import ListUsers
from tests.organisation import TENANT, Organisation


async def entries(organisation: Organisation, action: str, tenant: str = TENANT) -> list[AuditEntry]:
    page = await organisation.perform(ListAudit(tenant=tenant, limit=100))
    return [entry for entry in page.items if entry.action == action]


async def verify(organisation: Organisation, login: str) -> bool:
    code = organisation.code(login)
    return (await organisation.perform(VerifyCode(tenant=TENANT, user=login, code=code))).accepted


async def test_after_mend_clock_valid_codes_are_accepted_again_and_none_twice(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    assert await verify(organisation, "ana")  # used at the present step
    used = organisation.code("ana")
    organisation.clock.forward(days=370)
    assert await verify(organisation, "ana")
    organisation.clock.forward(days=-370)
    organisation.clock.forward(seconds=30)
    assert not await verify(organisation, "ana")  # right, and refused: a later step was used
    organisation.clock.forward(seconds=60)
    found = await organisation.perform(MendClock(check_only=True))
    assert (found.factors, found.done) == (1, False)
    assert not await verify(organisation, "ana")
    organisation.clock.forward(seconds=60)
    before = organisation.code("ana")
    mended = await organisation.perform(MendClock())
    assert (mended.factors, mended.done) == (1, True)
    for code in (before, used):  # what could have been used by now counts as used
        assert not (await organisation.perform(VerifyCode(tenant=TENANT, user="ana", code=code))).accepted
    organisation.clock.forward(seconds=30)
    assert await verify(organisation, "ana")
    assert not await verify(organisation, "ana")
    assert [entry.details["factors"] for entry in await entries(organisation, "clock.mended")] == [1]
    assert not (await organisation.perform(MendClock())).done  # nothing is left to mend


async def test_no_wait_exceeds_the_longest_delay(organisation: Organisation) -> None:
    await organisation.add("ana")
    organisation.clock.forward(days=370)
    for _ in range(7):
        await organisation.start("ana", Secret("wrong, and not known to anybody"))
        organisation.clock.forward(minutes=30)
    organisation.clock.forward(days=-370)
    organisation.clock.forward(minutes=61)
    assert (await organisation.start("ana")).status is not SignInStatus.REFUSED


async def test_state_from_a_clock_ahead_expires(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.add("ben")
    await organisation.bind("ben")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL))
    organisation.clock.forward(days=370)
    session = await organisation.sign_in("ana")
    answer = await organisation.start("ben")
    assert answer.challenge is not None
    await organisation.perform(WhoAmI(), session)
    organisation.clock.forward(days=-370)
    with pytest.raises(NotSignedIn):
        await organisation.perform(WhoAmI(), session)
    verify = VerifySignIn(challenge=answer.challenge, factor="", code=organisation.code("ben"))
    assert (await organisation.perform(verify, Nobody())).status is SignInStatus.REFUSED


async def test_a_clock_jump_is_reported_to_every_tenant(organisation: Organisation) -> None:
    await organisation.perform(CreateTenant(name="beta"))
    await organisation.add("ana")
    await organisation.bind("ana")
    assert (await organisation.perform(ShowAdoption(tenant=TENANT))).clock_jump is None
    organisation.clock.forward(days=370)
    assert await verify(organisation, "ana")
    organisation.clock.forward(minutes=2)
    await organisation.perform(ShowAdoption(tenant=TENANT))
    organisation.clock.forward(days=-370)
    await organisation.perform(ShowAdoption(tenant=TENANT))
    adoption = await organisation.perform(ShowAdoption(tenant="beta"))
    assert adoption.clock_jump is not None
    assert adoption.clock_jump.seconds < -NOTICED / 1000
    assert adoption.refused_by_clock == 0, "ana is a user of another tenant"
    assert (await organisation.perform(ShowAdoption(tenant=TENANT))).refused_by_clock == 1
    refused = await organisation.perform(ListUsers(tenant=TENANT, filter=UserFilter(flag=Flag.CODES_REFUSED)))
    assert [user.login for user in refused.items] == ["ana"]
    for tenant in (TENANT, "beta"):
        (entry,) = await entries(organisation, "clock.jumped", tenant)
        assert entry.actor == "secconsole"
        assert entry.details["seconds"] == adoption.clock_jump.seconds
    organisation.clock.forward(minutes=10)
    await organisation.perform(ShowAdoption(tenant=TENANT))
    assert len(await entries(organisation, "clock.jumped")) == 1
    organisation.clock.forward(days=8)
    assert (await organisation.perform(ShowAdoption(tenant=TENANT))).clock_jump is None
