"""D18 and A03: codes are accepted as people type them, by every operation and backend, and work once.

Text that cannot be a code, or has the letters of another message, is not compared and does not count as a failure.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from secconsole.domain.model import FactorKind, PolicyMode, SignInStatus
from secconsole.domain.secret import Secret
from secconsole.operations.caller import Nobody
from secconsole.operations.delivery import ConfirmDelivery, SetSmtp, TryDelivery
from secconsole.operations.factors import ConfirmFactor, EnrollFactor, VerifyCode
from secconsole.operations.policy import SetPolicy
from secconsole.operations.recovery import CreateRecoveryCodes
from secconsole.operations.signin import VerifySignIn
from secconsole.operations.step_up import StepUp
from secconsole.operations.users import ShowUser
from tests.delivery.post import post_for
from tests.organisation import PASSWORD, TENANT, Organisation, seed_of

Write = Callable[[str], str]
SPELLINGS: dict[str, Write] = {
    "space": lambda code: f"{code[:3]} {code[3:]}",
    "dash": lambda code: f"{code[:3]}-{code[3:]}",
    "no-break space": lambda code: f"{code[:3]}\u00a0{code[3:]}",
    "line end": lambda code: f" {code}\r\n",
}
ODD = ("", "12345", "+123456", "123_456", "١٢٣٤٥٦", "１２３４５６", "hello", "\0")
spelt = pytest.mark.parametrize("write", SPELLINGS.values(), ids=SPELLINGS)


def typed(organisation: Organisation, login: str, write: Write) -> Secret[str]:
    return Secret(write(organisation.code(login).reveal()))


async def required(organisation: Organisation) -> None:
    """Add a user who is required to have a factor."""
    await organisation.add("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))


async def failures(organisation: Organisation, login: str = "ana") -> int:
    return (await organisation.perform(ShowUser(tenant=TENANT, user=login))).failures


@spelt
async def test_verify_accepts_a_code_once_in_any_spelling(organisation: Organisation, write: Write) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    first = await organisation.perform(VerifyCode(tenant=TENANT, user="ana", code=typed(organisation, "ana", write)))
    assert first.accepted
    for again in (organisation.code("ana"), typed(organisation, "ana", write)):
        assert not (await organisation.perform(VerifyCode(tenant=TENANT, user="ana", code=again))).accepted
    assert await failures(organisation) == 2, "a code that was used is a wrong one"


@spelt
async def test_sign_in_and_step_up_accept_any_spelling(organisation: Organisation, write: Write) -> None:
    await required(organisation)
    await organisation.bind("ana")
    answer = await organisation.start("ana")
    assert answer.challenge is not None
    verify = VerifySignIn(challenge=answer.challenge, factor="", code=typed(organisation, "ana", write))
    assert (await organisation.perform(verify, Nobody())).status is SignInStatus.COMPLETE
    organisation.clock.forward(seconds=30)
    who = await organisation.sign_in("ana")
    proof = await organisation.perform(StepUp(password=PASSWORD, code=typed(organisation, "ana", write)), who)
    assert proof.accepted


@spelt
async def test_binding_accepts_any_spelling(organisation: Organisation, write: Write) -> None:
    await organisation.add("ana")
    started = await organisation.perform(EnrollFactor(tenant=TENANT, user="ana"))
    organisation.seeds["ana"] = seed_of(started.key)
    confirm = ConfirmFactor(tenant=TENANT, enrollment=started.enrollment, code=typed(organisation, "ana", write))
    assert (await organisation.perform(confirm)).accepted


async def test_malformed_input_is_not_counted_as_a_failure(organisation: Organisation) -> None:
    await required(organisation)
    await organisation.bind("ana")
    who = await organisation.sign_in("ana")
    answer = await organisation.start("ana")
    assert answer.challenge is not None
    for odd in (*ODD, "XYWD-581883"):
        code = Secret(odd)
        verdict = await organisation.perform(VerifyCode(tenant=TENANT, user="ana", code=code))
        assert (verdict.accepted, verdict.counted) == (False, False)
        assert "not counted" in verdict.message
        step = await organisation.perform(VerifySignIn(challenge=answer.challenge, factor="", code=code), Nobody())
        assert step.status is SignInStatus.SECOND_FACTOR
        assert "not counted" in step.message
        proof = await organisation.perform(StepUp(password=PASSWORD, code=code), who)
        assert (proof.accepted, proof.wrong) == (False, "code")
    assert await failures(organisation) == 0
    verify = VerifySignIn(challenge=answer.challenge, factor="", code=organisation.code("ana"))
    assert (await organisation.perform(verify, Nobody())).status is SignInStatus.COMPLETE


async def test_malformed_input_does_not_end_a_binding(organisation: Organisation) -> None:
    await organisation.add("ana")
    started = await organisation.perform(EnrollFactor(tenant=TENANT, user="ana"))
    organisation.seeds["ana"] = seed_of(started.key)
    for odd in ODD:
        confirm = ConfirmFactor(tenant=TENANT, enrollment=started.enrollment, code=Secret(odd))
        verdict = await organisation.perform(confirm)
        assert (verdict.accepted, verdict.counted) == (False, False)
    confirm = ConfirmFactor(tenant=TENANT, enrollment=started.enrollment, code=organisation.code("ana"))
    assert (await organisation.perform(confirm)).accepted


@pytest.mark.parametrize(
    "write", [str.lower, lambda c: c.replace("-", " "), lambda c: f"{c}\n", lambda c: c.replace("0", "o")]
)
async def test_recovery_codes_are_accepted_in_any_spelling(organisation: Organisation, write: Write) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    made = await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="ana"))
    code = made.codes[0]
    ask = VerifyCode(tenant=TENANT, user="ana", code=Secret(write(code.reveal())))
    assert (await organisation.perform(ask)).accepted
    assert not (await organisation.perform(VerifyCode(tenant=TENANT, user="ana", code=code))).accepted


# ---- codes that were sent ------------------------------------------------------------------------------------------


async def test_a_sent_code_is_accepted_with_or_without_its_prefix(organisation: Organisation) -> None:
    async with post_for(organisation) as post:
        await post.set_up()
        await organisation.add("ana", email="ana@acme.example")
        who = await organisation.sign_in("ana")
        enroll = EnrollFactor(tenant=TENANT, user="ana", kind=FactorKind.EMAIL)
        started = await organisation.perform(enroll, who)
        digits = (await post.mailed()).reveal()
        code = Secret(f"{started.prefix}-{digits}")
        confirm = ConfirmFactor(tenant=TENANT, enrollment=started.enrollment, code=code)
        assert (await organisation.perform(confirm, who)).accepted
        for write in ("{}-{}", "{} {}", "{}{}"):
            organisation.clock.forward(minutes=2)
            challenge, answer = await post.asked("ana")
            sent = await post.send(challenge, answer.factors[0].id)
            digits = (await post.mailed()).reveal()
            code = Secret(write.format((sent.prefix or "").lower(), digits))
            assert (await post.verify(challenge, "", code)).status is SignInStatus.COMPLETE


async def test_a_code_of_another_message_is_reported_and_not_counted(organisation: Organisation) -> None:
    async with post_for(organisation) as post:
        await post.set_up()
        await organisation.add("ana", email="ana@acme.example")
        await post.bind("ana", FactorKind.EMAIL, "ana@acme.example")
        challenge, answer = await post.asked("ana")
        early = await post.verify(challenge, "", Secret("XYWD-123456"))
        assert "sent for something else" in early.message
        sent = await post.send(challenge, answer.factors[0].id)
        digits = (await post.mailed()).reveal()
        wrong = "BBBB" if sent.prefix != "BBBB" else "CCCC"
        for _ in range(6):
            shown = await post.verify(challenge, "", Secret(f"{wrong}-{digits}"))
            assert shown.status is SignInStatus.SECOND_FACTOR
            assert f"begins with {sent.prefix}" in shown.message
        assert await failures(organisation) == 0
        assert (await post.verify(challenge, "", Secret(digits))).status is SignInStatus.COMPLETE


async def test_a_delivery_test_accepts_any_spelling(organisation: Organisation) -> None:
    async with post_for(organisation) as post:
        await organisation.perform(
            SetSmtp(tenant=TENANT, host="127.0.0.1", port=post.mailbox.port, sender="mfa@acme.example")
        )
        test = TryDelivery(tenant=TENANT, kind=FactorKind.EMAIL, to="admin@acme.example")
        started = await organisation.perform(test)
        digits = (await post.mailed()).reveal()
        for odd in (*ODD, f"{'BBBB' if started.prefix != 'BBBB' else 'CCCC'}-{digits}"):
            result = await organisation.perform(ConfirmDelivery(tenant=TENANT, code=Secret(odd)))
            assert not result.accepted
            assert "not counted" in result.message
        code = Secret(f"{started.prefix.lower()} {digits[:3]} {digits[3:]}")
        assert (await organisation.perform(ConfirmDelivery(tenant=TENANT, code=code))).accepted
