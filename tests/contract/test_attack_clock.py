"""Times that a wrong clock left in the store neither extend nor shorten any limit."""

from __future__ import annotations

import pytest

from secconsole.domain.errors import Conflict, NotSignedIn, ReplyGone, StepUpNeeded
from secconsole.domain.model import FactorKind, PolicyMode, SignInStatus
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.approvals import ListApprovals, RequestApproval
from secconsole.operations.audit import ListAudit
from secconsole.operations.bypass import IssueBypass
from secconsole.operations.caller import Bearer, IdempotencyKey, Nobody, Source
from secconsole.operations.caller_check import ShowCallerCheck, StartCallerCheck
from secconsole.operations.clock import MendClock
from secconsole.operations.factors import ConfirmFactor, EnrollFactor
from secconsole.operations.policy import SetPolicy
from secconsole.operations.secret_keys import RotateSecretKey
from secconsole.operations.signin import SignIn, WhoAmI
from secconsole.operations.tokens import CreateToken
from secconsole.operations.unbinding import Unbind, UndoUnbind
from secconsole.operations.user_changes import ResetPassword
from secconsole.operations.users import ShowUser
from tests.organisation import PASSWORD, TENANT, Organisation, seed_of

WRONG = Secret("wrong, and not known to anybody")


@pytest.mark.alike
async def test_a_proof_from_a_clock_ahead_is_not_fresh(organisation: Organisation) -> None:
    await organisation.add("tom", Role.TENANT_ADMIN)
    await organisation.add("ana")
    tom = await organisation.sign_in("tom")
    organisation.clock.forward(minutes=50)
    tom = await organisation.prove(tom)
    organisation.clock.forward(minutes=-50)
    organisation.clock.forward(minutes=6)
    with pytest.raises((StepUpNeeded, NotSignedIn)):
        await organisation.perform(ResetPassword(tenant=TENANT, user="ana"), tom)


async def test_activity_under_a_clock_ahead_does_not_keep_a_session_open(organisation: Organisation) -> None:
    await organisation.add("ana")
    ana = await organisation.sign_in("ana")
    for _ in range(10):
        organisation.clock.forward(minutes=59)
        await organisation.perform(WhoAmI(), ana)
    organisation.clock.forward(minutes=-590)
    organisation.clock.forward(minutes=61)
    with pytest.raises(NotSignedIn):
        await organisation.perform(WhoAmI(), ana)


@pytest.mark.alike
async def test_an_unbinding_under_a_clock_ahead_cannot_be_undone_for_long(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    organisation.clock.forward(days=370)
    event = (await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="lost"))).event
    organisation.clock.forward(days=-370)
    organisation.clock.forward(minutes=11)
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).undo is None
    with pytest.raises(Conflict):
        await organisation.perform(UndoUnbind(tenant=TENANT, event=event))


async def test_a_clock_ahead_does_not_extend_the_grace_period(organisation: Organisation) -> None:
    await organisation.add("ana")
    organisation.clock.forward(days=370)
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, grace_days=1))
    await organisation.add("ben")
    organisation.clock.forward(days=-370)
    organisation.clock.forward(days=2)
    assert (await organisation.start("ana")).status is SignInStatus.ENROLL
    assert (await organisation.start("ben")).status is SignInStatus.ENROLL


async def test_a_network_is_recorded_although_others_are_from_a_clock_ahead(organisation: Organisation) -> None:
    await organisation.add("ana")

    async def start(address: str, password: Secret[str] = PASSWORD) -> SignInStatus:
        operation = SignIn(tenant=TENANT, login="ana", password=password)
        answer = await organisation.backend.perform_as(operation, Nobody(), Source(address=address))
        return answer.status

    organisation.clock.forward(days=370)
    for number in range(40):
        assert await start(f"10.1.{number}.1") is SignInStatus.COMPLETE
    organisation.clock.forward(days=-370)
    assert await start("198.51.100.1") is SignInStatus.COMPLETE
    for _ in range(7):
        await start("203.0.113.9", WRONG)
    assert await start("198.51.100.2") is SignInStatus.COMPLETE
    assert await start("10.9.9.9") is SignInStatus.REFUSED


async def test_a_network_from_a_clock_ahead_is_forgotten_after_ninety_days(organisation: Organisation) -> None:
    await organisation.add("ana")
    organisation.clock.forward(days=370)
    await organisation.sign_in("ana")
    organisation.clock.forward(days=-370)
    await organisation.perform(MendClock())
    organisation.clock.forward(days=100)
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).known_networks == 0


@pytest.mark.alike
async def test_a_token_from_a_clock_ahead_ends(organisation: Organisation) -> None:
    await organisation.add("ana")
    organisation.clock.forward(days=370)
    ana = await organisation.sign_in("ana")
    token = Bearer((await organisation.perform(CreateToken(name="x", days=1), ana)).token)
    old = Bearer((await organisation.perform(RotateSecretKey(tenant=TENANT))).key)
    await organisation.perform(RotateSecretKey(tenant=TENANT, overlap_hours=1))
    organisation.clock.forward(days=-370)
    organisation.clock.forward(days=2)
    with pytest.raises(NotSignedIn):
        await organisation.perform(WhoAmI(), token)
    with pytest.raises(NotSignedIn):
        await organisation.perform(WhoAmI(), old)


@pytest.mark.alike
async def test_a_key_from_a_clock_ahead_is_not_confirmed(organisation: Organisation) -> None:
    await organisation.add("ana")
    organisation.clock.forward(days=370)
    started = await organisation.perform(EnrollFactor(tenant=TENANT, user="ana"))
    organisation.seeds["ana"] = seed_of(started.key)
    organisation.clock.forward(days=-370)
    organisation.clock.forward(minutes=61)
    with pytest.raises(Conflict):
        await organisation.perform(
            ConfirmFactor(tenant=TENANT, enrollment=started.enrollment, code=organisation.code("ana"))
        )


async def test_a_reply_from_a_clock_ahead_is_not_kept_for_long(organisation: Organisation) -> None:
    await organisation.add("ana")

    async def reset() -> str:
        source = Source(key=IdempotencyKey("one and the same key of a request"))
        operation = ResetPassword(tenant=TENANT, user="ana")
        answer = await organisation.backend.perform_as(operation, organisation.backend.credential, source)
        return answer.password.reveal()

    organisation.clock.forward(days=370)
    await reset()
    organisation.clock.forward(days=-370)
    organisation.clock.forward(minutes=12)
    with pytest.raises(ReplyGone):
        await reset()


async def test_credentials_ended_by_mend_clock_stay_ended(organisation: Organisation) -> None:
    """The day to which the clock was ahead comes at last."""
    await organisation.add("ana")
    first = Bearer((await organisation.perform(RotateSecretKey(tenant=TENANT))).key)
    organisation.clock.forward(days=370)
    ana = await organisation.sign_in("ana")
    token = Bearer((await organisation.perform(CreateToken(name="x", days=30), ana)).token)
    await organisation.perform(RotateSecretKey(tenant=TENANT, overlap_hours=2))
    organisation.clock.forward(days=-370)
    assert (await organisation.perform(MendClock())).done
    organisation.clock.forward(days=370)
    for bearer in (ana, token, first):
        with pytest.raises(NotSignedIn):
            await organisation.perform(WhoAmI(), bearer)


async def test_refusals_counted_by_a_clock_ahead_are_reported_at_once(organisation: Organisation) -> None:
    await organisation.add("ana")
    organisation.clock.forward(days=370)
    for _ in range(3):
        await organisation.start("ana", WRONG)
    organisation.clock.forward(days=-370)
    organisation.clock.forward(minutes=2)
    await organisation.add("ben")
    page = await organisation.perform(ListAudit(tenant=TENANT, action="sign-in"))
    assert [entry.details.get("attempts") for entry in page.items] == [2, None]


@pytest.mark.alike
async def test_codes_and_approvals_of_the_helpdesk_from_a_clock_ahead_do_not_work_later(
    organisation: Organisation,
) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    organisation.clock.forward(days=370)
    await organisation.perform(IssueBypass(tenant=TENANT, user="ana", reason="r"))
    await organisation.perform(StartCallerCheck(tenant=TENANT, user="ana", channel=FactorKind.TOTP))
    await organisation.perform(RequestApproval(tenant=TENANT, user="ana", reason="r"))
    organisation.clock.forward(days=-370)
    await organisation.perform(MendClock())
    organisation.clock.forward(days=370, minutes=1)
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).bypass is None
    assert (await organisation.perform(ShowCallerCheck(tenant=TENANT, user="ana"))).check is None
    assert (await organisation.perform(ListApprovals(tenant=TENANT))).items == ()
