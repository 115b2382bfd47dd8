"""A send that the provider refuses is reported to the waiting user and does not count (A21)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from secconsole.domain.errors import Conflict, NotAllowed, NotFound, NotSignedIn
from secconsole.domain.messages.delivery import MessageState, SettingsState
from secconsole.domain.model import FactorKind, PolicyMode, SignInStatus
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.operations.caller import Bearer, Credential, Nobody
from secconsole.operations.delivery import ConfirmDelivery, SetSmtp, ShowDelivery, TryDelivery
from secconsole.operations.factors import ConfirmFactor, EnrollFactor, MailKey, ShowEnrollmentSending
from secconsole.operations.policy import SetPolicy
from secconsole.operations.signin import SendStatus, ShowSignInSending, StartBinding
from secconsole.operations.step_up import SendStepUpCode, ShowStepUpSending
from secconsole.operations.user_changes import RequireMfa
from tests.delivery.post import ALL_KINDS, NUMBER, Post, post_for
from tests.organisation import TENANT, Organisation

MAIL = "ana@acme.example"
REFUSED = "550 5.1.1 No such user here"
STOPPED = (400, 21610, 0)  # the owner of the number answered STOP


@pytest_asyncio.fixture
async def post(organisation: Organisation) -> AsyncIterator[Post]:
    """Set up, with ana in the tenant."""
    async with post_for(organisation) as made:
        await made.set_up()
        await organisation.add("ana", email=MAIL)
        yield made


async def settled(post: Post, look: Operation[SendStatus], who: Credential) -> SendStatus:
    """Return the results once all due messages were tried."""
    await post.wait_idle()
    return await post.organisation.perform(look, who)


async def test_d17_a_refused_send_is_reported_at_sign_in(post: Post) -> None:
    factor = await post.bind("ana", FactorKind.SMS, NUMBER)
    challenge, _ = await post.asked("ana")
    look = ShowSignInSending(challenge=challenge)
    assert (await settled(post, look, Nobody())).state is None
    post.twilio.answers = [STOPPED]
    assert (await post.send(challenge, factor)).sent
    refused = await settled(post, look, Nobody())
    assert (refused.state, refused.final) == (MessageState.FAILED, True)
    assert "STOP" in refused.message
    assert "21610" in refused.message
    assert NUMBER not in refused.message
    assert (await post.send(challenge, factor)).sent, "another may be asked for at once"
    sent = await settled(post, look, Nobody())
    assert (sent.state, sent.message, sent.final) == (MessageState.SENT, "", True)
    assert (await post.verify(challenge, factor, await post.texted())).status is SignInStatus.COMPLETE
    for over in (look, ShowSignInSending(challenge=Secret("no-such-challenge"))):
        with pytest.raises(Conflict):
            await post.organisation.perform(over, Nobody())


async def test_d17_a_delayed_send_is_reported_as_such(post: Post) -> None:
    factor = await post.bind("ana", FactorKind.EMAIL, MAIL)
    challenge, _ = await post.asked("ana")
    look = ShowSignInSending(challenge=challenge)
    post.mailbox.at_rcpt = ["451 4.7.1 Greylisted"]
    await post.send(challenge, factor)
    waiting = await settled(post, look, Nobody())
    assert (waiting.state, waiting.final) == (MessageState.WAITING, False)
    assert "451 4.7.1" in waiting.message
    assert waiting.message.endswith("Delivery will be retried.")
    post.organisation.clock.forward(seconds=5)
    assert (await settled(post, look, Nobody())).state is MessageState.SENT


async def test_d17_a_refused_send_at_sign_in_is_reported_to_that_user_only(post: Post) -> None:
    organisation = post.organisation
    await organisation.add("bob", email="bob@acme.example")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, kinds=ALL_KINDS))
    ana, bob = await organisation.start("ana"), await organisation.start("bob")
    assert ana.challenge is not None
    assert bob.challenge is not None
    post.mailbox.at_rcpt = [REFUSED]
    started = await organisation.perform(StartBinding(challenge=ana.challenge, kind=FactorKind.EMAIL), Nobody())
    look = ShowSignInSending(challenge=ana.challenge, enrollment=started.enrollment)
    refused = await settled(post, look, Nobody())
    assert (refused.state, "550 5.1.1" in refused.message) == (MessageState.FAILED, True)
    others = ShowSignInSending(challenge=bob.challenge, enrollment=started.enrollment)
    with pytest.raises(NotFound):
        await organisation.perform(others, Nobody())


async def test_d17_a_refused_send_is_reported_when_binding_in_the_account(post: Post) -> None:
    organisation = post.organisation
    await organisation.add("bob")
    ana, bob = await organisation.sign_in("ana"), await organisation.sign_in("bob")
    post.twilio.answers = [STOPPED]
    enroll = EnrollFactor(tenant=TENANT, user="ana", kind=FactorKind.SMS, address=NUMBER)
    started = await organisation.perform(enroll, ana)
    look = ShowEnrollmentSending(tenant=TENANT, enrollment=started.enrollment)
    assert (await settled(post, look, ana)).state is MessageState.FAILED
    with pytest.raises((NotFound, NotAllowed)):
        await organisation.perform(look, bob)
    with pytest.raises(NotSignedIn):
        await organisation.perform(look, Nobody())
    app = await organisation.perform(EnrollFactor(tenant=TENANT, user="ana"), ana)
    post.mailbox.at_rcpt = [REFUSED]
    assert (await organisation.perform(MailKey(tenant=TENANT, enrollment=app.enrollment), ana)).sent
    key = ShowEnrollmentSending(tenant=TENANT, enrollment=app.enrollment)
    assert (await settled(post, key, ana)).state is MessageState.FAILED


async def test_d17_a_refused_send_is_reported_at_step_up(post: Post) -> None:
    factor = await post.bind("ana", FactorKind.SMS, NUMBER)
    challenge, _ = await post.asked("ana")
    await post.send(challenge, factor)
    session = Bearer((await post.verify(challenge, factor, await post.texted())).token or Secret(""))
    post.organisation.clock.forward(minutes=6)
    assert (await settled(post, ShowStepUpSending(), session)).state is None
    post.twilio.answers = [STOPPED]
    await post.organisation.perform(SendStepUpCode(factor=factor), session)
    assert (await settled(post, ShowStepUpSending(), session)).state is MessageState.FAILED
    assert (await post.organisation.perform(ShowStepUpSending())).state is None, "of the store's owner"


async def test_a21_d17_refused_sends_do_not_count_hourly_and_have_a_separate_cap(post: Post) -> None:
    factor = await post.bind("ana", FactorKind.SMS, NUMBER)
    post.organisation.clock.forward(days=1)
    challenge, _ = await post.asked("ana")
    for _ in range(6):
        post.twilio.answers = [STOPPED]
        assert (await post.send(challenge, factor)).sent
        await post.wait_idle()
    assert not (await post.send(challenge, factor)).sent, "no provider is asked without end"
    assert post.twilio.refused == 6
    for _ in range(5):
        post.organisation.clock.forward(minutes=1)
        challenge, _ = await post.asked("ana")
        sent = await post.send(challenge, factor)
        assert sent.sent, sent.message
        await post.wait_idle()
    post.organisation.clock.forward(minutes=1)
    challenge, _ = await post.asked("ana")
    assert not (await post.send(challenge, factor)).sent, "five that left are an hour's"


async def test_d17_unsent_messages_do_not_count_hourly(post: Post) -> None:
    factor = await post.bind("ana", FactorKind.EMAIL, MAIL)
    post.organisation.clock.forward(days=1)
    for _ in range(4):
        for minutes in (1, 11):  # replaced by a newer one; too late to be tried again
            challenge, _ = await post.asked("ana")
            post.mailbox.at_rcpt = ["451 4.7.1 later"]
            sent = await post.send(challenge, factor)
            assert sent.sent, sent.message
            await post.wait_idle()
            post.organisation.clock.forward(minutes=minutes)


async def test_d17_entering_a_number_for_a_user_sends_and_counts_nothing(post: Post) -> None:
    perform = post.organisation.perform
    await perform(RequireMfa(tenant=TENANT, user="ana"))
    texts, mails = len(post.twilio.messages), len(post.mailbox.mails)
    for _ in range(7):
        for kind, address in ((FactorKind.SMS, NUMBER), (FactorKind.EMAIL, MAIL)):
            entered = await perform(EnrollFactor(tenant=TENANT, user="ana", kind=kind, address=address))
            assert (entered.sent, entered.waits, entered.prefix) == (False, True, "")
            assert "signs in" in entered.message
            confirm = ConfirmFactor(tenant=TENANT, enrollment=entered.enrollment, code=Secret("123456"))
            assert not (await perform(confirm)).accepted
    await post.wait_idle()
    assert (len(post.twilio.messages), len(post.mailbox.mails)) == (texts, mails)
    challenge, answer = await post.asked("ana")
    number = next(factor for factor in answer.factors if factor.kind == FactorKind.SMS)
    assert (await post.send(challenge, number.id)).sent
    assert (await post.verify(challenge, number.id, await post.texted())).status is SignInStatus.COMPLETE


async def test_d17_a_test_code_is_valid_for_the_tested_settings_only(post: Post) -> None:
    """After a test other settings were entered, so a code typed back late says nothing about them."""
    perform = post.organisation.perform
    post.organisation.clock.forward(minutes=1)
    test = TryDelivery(tenant=TENANT, kind=FactorKind.EMAIL, to="admin@acme.example")
    await perform(test)
    old = await post.mailed()
    other = SetSmtp(tenant=TENANT, host="127.0.0.1", port=post.mailbox.port, sender="other@acme.example")
    await perform(other)
    assert not (await perform(ConfirmDelivery(tenant=TENANT, code=old))).accepted
    post.organisation.clock.forward(minutes=1)
    await perform(test)
    new = await post.mailed()
    assert not (await perform(ConfirmDelivery(tenant=TENANT, code=old))).accepted
    assert (await perform(ConfirmDelivery(tenant=TENANT, code=new))).accepted
    shown = await perform(ShowDelivery(tenant=TENANT))
    assert [(one.state, one.sender) for one in shown.smtp] == [(SettingsState.ACTIVE, "other@acme.example")]


async def test_d17_a_code_of_another_test_is_not_a_failure(post: Post) -> None:
    perform = post.organisation.perform
    post.organisation.clock.forward(minutes=1)
    await perform(TryDelivery(tenant=TENANT, kind=FactorKind.SMS, to="+15005550001"))
    text = await post.texted()
    for _ in range(6):
        post.organisation.clock.forward(seconds=30)
        await perform(TryDelivery(tenant=TENANT, kind=FactorKind.EMAIL, to="admin@acme.example"))
        assert (await perform(ConfirmDelivery(tenant=TENANT, code=await post.mailed()))).kind is FactorKind.EMAIL
    assert (await perform(ConfirmDelivery(tenant=TENANT, code=text))).kind is FactorKind.SMS
