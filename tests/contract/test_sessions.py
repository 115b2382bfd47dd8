"""Sessions: listed, ended one by one or all, and after a change of password."""

from __future__ import annotations

import pytest

from secconsole.domain.errors import Invalid, NotAllowed, NotFound, NotSignedIn, StepUpNeeded, Unfit
from secconsole.domain.model import PolicyMode, SignInStatus
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.account import ChangePassword
from secconsole.operations.audit import ListAudit
from secconsole.operations.caller import Bearer, Nobody, Source
from secconsole.operations.policy import SetPolicy
from secconsole.operations.sessions import EndOtherSessions, EndSession, ListSessions, SessionRow
from secconsole.operations.signin import SignIn, VerifySignIn, WhoAmI
from secconsole.operations.step_up import StepUp
from secconsole.operations.tenants import CreateTenant
from secconsole.operations.users import ShowUser
from tests.organisation import PASSWORD, TENANT, Organisation

ANOTHER = Secret("seven other quite long words")
MINE = ListSessions(tenant=TENANT, user="ana")
OTHERS = EndOtherSessions(tenant=TENANT, user="ana")


async def sessions(organisation: Organisation, who: Bearer | None = None) -> tuple[SessionRow, ...]:
    return (await organisation.perform(MINE, who)).items


def ended(id: str) -> EndSession:
    return EndSession(tenant=TENANT, user="ana", session=id)


async def works(organisation: Organisation, who: Bearer) -> bool:
    try:
        await organisation.perform(WhoAmI(), who)
    except NotSignedIn:
        return False
    return True


async def test_own_sessions_are_listed_newest_first_with_the_current_one_marked(organisation: Organisation) -> None:
    await organisation.add("ana")
    first = await organisation.sign_in("ana")
    organisation.clock.forward(minutes=10)
    second = await organisation.sign_in("ana")
    newer, older = await sessions(organisation, first)
    assert (newer.current, older.current) == (False, True)
    assert (newer.created - older.created).total_seconds() == 600
    assert (older.expires - older.created).total_seconds() == 12 * 3600
    assert newer.channel == ("api" if organisation.over_http else "command")
    assert [s.current for s in await sessions(organisation, second)] == [True, False]
    assert [s.current for s in await sessions(organisation)] == [False, False]  # the owner's is neither
    shown = str(await organisation.perform(MINE, first))
    assert first.token.reveal() not in shown
    assert second.token.reveal() not in shown


async def test_a_session_shows_its_origin(organisation: Organisation) -> None:
    await organisation.add("ana")
    there = Source("api", "2001:db8::7")
    await organisation.backend.perform_as(SignIn(tenant=TENANT, login="ana", password=PASSWORD), Nobody(), there)
    found = await sessions(organisation, await organisation.sign_in("ana"))
    (only,) = [session for session in found if not session.current]
    assert (only.channel, only.address) == ("api", "2001:db8::7")


async def test_last_seen_is_updated_and_ended_sessions_are_not_listed(organisation: Organisation) -> None:
    await organisation.add("ana")
    used = await organisation.sign_in("ana")
    await organisation.sign_in("ana")
    for _ in range(2):
        organisation.clock.forward(minutes=40)
        await organisation.perform(WhoAmI(), used)
    (only,) = await sessions(organisation)  # the other was not used for an hour
    assert only.last_seen > only.created
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).sessions == 1
    for _ in range(11):
        organisation.clock.forward(minutes=55)
        await organisation.perform(WhoAmI(), used)
    organisation.clock.forward(minutes=40)
    assert await sessions(organisation) == ()


async def test_ending_one_session_keeps_the_others(organisation: Organisation) -> None:
    await organisation.add("ana")
    lost, own = await organisation.sign_in("ana"), await organisation.sign_in("ana")
    (gone,) = [s.id for s in await sessions(organisation, own) if not s.current]
    assert (await organisation.perform(ended(gone), own)).ended == 1
    assert (await works(organisation, lost), await works(organisation, own)) == (False, True)
    with pytest.raises(NotFound):
        await organisation.perform(ended(gone), own)
    (entry,) = (await organisation.perform(ListAudit(tenant=TENANT, action="session.ended"))).items
    assert (entry.actor, entry.target) == ("ana", "ana")
    assert entry.details == {"session": gone, "sessions_ended": 1}


@pytest.mark.alike
async def test_ending_the_current_session_signs_out(organisation: Organisation) -> None:
    await organisation.add("ana")
    own = await organisation.sign_in("ana")
    (only,) = await sessions(organisation, own)
    await organisation.perform(ended(only.id), own)
    assert not await works(organisation, own)


async def test_all_other_sessions_are_ended(organisation: Organisation) -> None:
    await organisation.add("ana")
    others = [await organisation.sign_in("ana") for _ in range(3)]
    own = await organisation.sign_in("ana")
    organisation.clock.forward(minutes=30)  # measures of self-protection need no step-up
    assert (await organisation.perform(OTHERS, own)).ended == 3
    assert [await works(organisation, other) for other in others] == [False] * 3
    assert await works(organisation, own)
    assert (await organisation.perform(OTHERS, own)).ended == 0


async def test_ending_all_sessions_ends_pending_sign_ins(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    own = await organisation.sign_in("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    answer = await organisation.start("ana")
    await organisation.perform(OTHERS, own)
    assert answer.challenge is not None
    verify = VerifySignIn(challenge=answer.challenge, factor="", code=organisation.code("ana"))
    assert (await organisation.perform(verify, Nobody())).status is SignInStatus.REFUSED


@pytest.mark.alike
async def test_sessions_of_others_require_permission(organisation: Organisation) -> None:
    await organisation.add("ana")
    ana = await organisation.sign_in("ana")
    (only,) = await sessions(organisation, ana)
    await organisation.add("ben")
    await organisation.add("alan", Role.AUDITOR)
    await organisation.add("hana", Role.HELPDESK)
    await organisation.add("tom", Role.TENANT_ADMIN)
    with pytest.raises(NotAllowed):
        await sessions(organisation, await organisation.sign_in("ben"))
    for login in ("alan", "hana"):
        looker = await organisation.sign_in(login)
        assert [s.id for s in await sessions(organisation, looker)] == [only.id]
        for operation in (ended(only.id), OTHERS):
            with pytest.raises(NotAllowed):
                await organisation.perform(operation, looker)
    tom = await organisation.sign_in("tom")
    with pytest.raises(NotAllowed):
        await organisation.perform(EndOtherSessions(tenant=TENANT, user="root"), tom)
    organisation.clock.forward(minutes=6)
    for operation in (ended(only.id), OTHERS):
        with pytest.raises(StepUpNeeded):
            await organisation.perform(operation, tom)
    assert await works(organisation, ana)
    tom = await organisation.prove(tom)
    assert (await organisation.perform(OTHERS, tom)).ended == 1
    assert (await works(organisation, ana), await works(organisation, tom)) == (False, True)


@pytest.mark.alike
async def test_a14_a_session_of_another_user_does_not_exist(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.add("ben")
    ana, ben = await organisation.sign_in("ana"), await organisation.sign_in("ben")
    (theirs,) = (await organisation.perform(ListSessions(tenant=TENANT, user="ben"), ben)).items
    shown = []
    for id in (theirs.id, "01ARZ3NDEKTSV4RRFFQ69G5FAV", "x"):
        with pytest.raises(NotFound) as refused:
            await organisation.perform(ended(id), ana)
        shown.append(refused.value.message)
    assert len(set(shown)) == 1
    assert await works(organisation, ben)
    await organisation.perform(CreateTenant(name="beta"))
    with pytest.raises(NotFound):
        await organisation.perform(ListSessions(tenant="beta", user="ana"), ana)


async def test_sessions_are_paged(organisation: Organisation) -> None:
    await organisation.add("ana")
    for _ in range(5):
        await organisation.sign_in("ana")
        organisation.clock.forward(seconds=1)
    whole = [s.id for s in await sessions(organisation)]
    found: list[str] = []
    cursor: str | None = None
    for _ in range(3):
        page = await organisation.perform(ListSessions(tenant=TENANT, user="ana", limit=2, cursor=cursor))
        found += [s.id for s in page.items]
        cursor = page.next
    assert (found, cursor, len(whole)) == (whole, None, 5)
    with pytest.raises(Unfit):
        await organisation.perform(ListSessions(tenant=TENANT, user="ana", cursor="nonsense"))
    with pytest.raises(Invalid):
        await organisation.perform(ListSessions(tenant=TENANT, user="ana", limit=0))


@pytest.mark.alike
async def test_changing_the_password_requires_the_current_one_and_ends_other_sessions(
    organisation: Organisation,
) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    stolen, own = await organisation.sign_in("ana"), await organisation.sign_in("ana")
    organisation.clock.forward(minutes=6)
    for password, code in ((Secret("wrong"), organisation.code("ana")), (PASSWORD, Secret("000000"))):
        assert not (await organisation.perform(StepUp(password=password, code=code), own)).accepted
        with pytest.raises(StepUpNeeded):
            await organisation.perform(ChangePassword(password=ANOTHER), own)
    own = await organisation.prove(own, organisation.code("ana"))
    for bad in ("short", "password12345678", "anaanaana"):
        with pytest.raises(Invalid):
            await organisation.perform(ChangePassword(password=Secret(bad)), own)
    assert (await organisation.perform(ChangePassword(password=ANOTHER), own)).sessions_ended == 1
    assert (await works(organisation, stolen), await works(organisation, own)) == (False, True)
    assert (await organisation.start("ana")).status is SignInStatus.REFUSED
    assert (await organisation.start("ana", ANOTHER)).status is SignInStatus.SECOND_FACTOR
