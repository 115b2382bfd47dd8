"""Attempts to bypass the second factor with only a password, a session or a moment of access."""

from __future__ import annotations

import pytest

from secconsole.domain.errors import NotSignedIn, StepUpNeeded
from secconsole.domain.model import PolicyMode, SignInStatus
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.domain.throttling.throttle import MOST_FAILURES
from secconsole.operations.account import KeepFactor
from secconsole.operations.caller import Bearer, Nobody
from secconsole.operations.factors import ConfirmFactor, EnrollFactor, ListFactors, RemoveFactor
from secconsole.operations.policy import SetPolicy
from secconsole.operations.signin import ChoosePassword, ConfirmBinding, SignIn, StartBinding, WhoAmI
from secconsole.operations.unbinding import Unbind, UndoUnbind
from secconsole.operations.user_changes import ResetPassword
from secconsole.operations.whitelist import AddToWhitelist
from tests.organisation import TENANT, Organisation, seed_of


async def refuses_to_touch_factors(organisation: Organisation, login: str, session: Bearer) -> None:
    with pytest.raises(StepUpNeeded):
        await organisation.perform(EnrollFactor(tenant=TENANT, user=login), session)
    (factor,) = (await organisation.perform(ListFactors(tenant=TENANT, user=login))).items
    with pytest.raises(StepUpNeeded):
        await organisation.perform(RemoveFactor(tenant=TENANT, factor=factor.id), session)


@pytest.mark.alike
async def test_a_password_alone_does_not_replace_a_phone_while_the_policy_is_off(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OFF))
    session = await organisation.sign_in("ana")
    me = await organisation.perform(WhoAmI(), session)
    assert (me.proved_at, me.step_up_until) == (None, None)
    await refuses_to_touch_factors(organisation, "ana", session)
    session = await organisation.prove(session, organisation.code("ana"))
    await organisation.perform(EnrollFactor(tenant=TENANT, user="ana"), session)


@pytest.mark.alike
async def test_a_whitelisted_administrator_needs_more_than_a_password_for_dangerous_operations(
    organisation: Organisation,
) -> None:
    await organisation.add("eve", Role.TENANT_ADMIN)
    await organisation.add("ana")
    await organisation.bind("eve")
    await organisation.bind("ana")
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=("eve",), reason="a journey"))
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    session = await organisation.sign_in("eve")
    with pytest.raises(StepUpNeeded):
        await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="none"), session)
    await refuses_to_touch_factors(organisation, "eve", session)


@pytest.mark.alike
async def test_a_user_without_a_factor_steps_up_by_password(organisation: Organisation) -> None:
    await organisation.add("ana")
    session = await organisation.sign_in("ana")
    assert (await organisation.perform(WhoAmI(), session)).proved_at is not None
    await organisation.perform(EnrollFactor(tenant=TENANT, user="ana"), session)


@pytest.mark.alike
async def test_a_password_step_up_ends_when_a_factor_is_bound(organisation: Organisation) -> None:
    await organisation.add("ana")
    stolen = await organisation.sign_in("ana")
    own = await organisation.sign_in("ana")
    started = await organisation.perform(EnrollFactor(tenant=TENANT, user="ana"), own)
    organisation.seeds["ana"] = seed_of(started.key)
    confirm = ConfirmFactor(tenant=TENANT, enrollment=started.enrollment, code=organisation.code("ana"))
    assert (await organisation.perform(confirm, own)).accepted
    await refuses_to_touch_factors(organisation, "ana", stolen)
    assert (await organisation.perform(WhoAmI(), own)).proved_at is not None  # that one has just shown the phone


async def test_a_password_step_up_ends_when_another_session_binds_a_factor(organisation: Organisation) -> None:
    await organisation.add("ana")
    stolen = await organisation.sign_in("ana")
    await organisation.bind("ana")
    await refuses_to_touch_factors(organisation, "ana", stolen)


@pytest.mark.alike
async def test_a_password_step_up_ends_when_a_factor_is_bound_at_sign_in(organisation: Organisation) -> None:
    await organisation.add("ana")
    stolen = await organisation.sign_in("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, keep_sessions=True))
    answer = await organisation.start("ana")
    assert answer.status is SignInStatus.ENROLL
    assert answer.challenge is not None
    started = await organisation.perform(StartBinding(challenge=answer.challenge), Nobody())
    organisation.seeds["ana"] = seed_of(started.key)
    confirm = ConfirmBinding(challenge=answer.challenge, enrollment=started.enrollment, code=organisation.code("ana"))
    assert (await organisation.perform(confirm, Nobody())).status is SignInStatus.COMPLETE
    await refuses_to_touch_factors(organisation, "ana", stolen)


@pytest.mark.alike
async def test_a_password_step_up_ends_when_an_unbinding_is_undone(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    event = (await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="lost"))).event
    stolen = await organisation.sign_in("ana")
    await organisation.perform(UndoUnbind(tenant=TENANT, event=event))
    with pytest.raises(NotSignedIn):
        await organisation.perform(WhoAmI(), stolen)


@pytest.mark.alike
async def test_keep_factor_is_not_turned_off_without_step_up(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    session = await organisation.sign_in("ana")
    organisation.clock.forward(minutes=10)
    with pytest.raises(StepUpNeeded):
        await organisation.perform(KeepFactor(keep=False), session)


async def locked(organisation: Organisation, login: str) -> None:
    for _ in range(MOST_FAILURES):
        await organisation.perform(SignIn(tenant=TENANT, login=login, password=Secret("wrong")), Nobody())
        organisation.clock.forward(seconds=1)
        while not await _is_locked_or_free(organisation, login):
            organisation.clock.forward(minutes=10)


async def _is_locked_or_free(organisation: Organisation, login: str) -> bool:
    from secconsole.operations.users import ShowUser

    detail = await organisation.perform(ShowUser(tenant=TENANT, user=login))
    return not detail.locked or detail.locked_until is None


@pytest.mark.alike
async def test_a_locked_account_cannot_set_a_new_password_to_sign_in(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secconsole.service.factors.challenges.BINDING_LASTS", 40 * 24 * 3_600_000)
    await organisation.add("ana")
    reset = await organisation.perform(ResetPassword(tenant=TENANT, user="ana"))
    answer = await organisation.start("ana", reset.password)
    assert answer.status is SignInStatus.NEW_PASSWORD
    assert answer.challenge is not None
    await locked(organisation, "ana")
    choose = ChoosePassword(challenge=answer.challenge, password=Secret("some quite other words"))
    assert (await organisation.perform(choose, Nobody())).status is SignInStatus.REFUSED
