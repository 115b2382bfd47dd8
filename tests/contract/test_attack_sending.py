"""Sent codes, keys and notices: attempts of an attacker who has part of what is required."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import pytest_asyncio

from secconsole.domain.errors import Conflict, Invalid, NotAllowed, NotSignedIn, StepUpNeeded
from secconsole.domain.messages.delivery import MessageState, Purpose, Tls
from secconsole.domain.model import FactorKind, PolicyMode, SignInStatus
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.domain.throttling.throttle import MOST_IN_SESSION
from secconsole.operations.account import SetContact
from secconsole.operations.caller import Nobody
from secconsole.operations.delivery import SetSmtp, ShowDelivery, TryDelivery
from secconsole.operations.factors import ConfirmFactor, EnrollFactor, MailKey
from secconsole.operations.policy import SetPolicy
from secconsole.operations.recovery import CreateRecoveryCodes
from secconsole.operations.signin import ConfirmBinding, StartBinding
from secconsole.operations.step_up import SendStepUpCode, StepUp
from secconsole.operations.unbinding import Unbind
from secconsole.operations.user_changes import RequireMfa
from secconsole.operations.user_import import ImportUsers, NewUser
from tests.delivery.post import NUMBER, Post, post_for
from tests.organisation import TENANT, Organisation, seed_of

MAIL = "ana@acme.example"


@pytest_asyncio.fixture
async def post(organisation: Organisation) -> AsyncIterator[Post]:
    async with post_for(organisation) as post:
        await post.set_up()
        await organisation.add("ana", email=MAIL)
        yield post


async def test_a_password_alone_does_not_mail_a_pending_key(post: Post) -> None:
    """While Ana replaces her phone, an attacker with only her password must not have the new key mailed to them."""
    organisation = post.organisation
    await organisation.bind("ana")
    ana = await organisation.sign_in("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OFF))
    thief = await organisation.sign_in("ana")
    started = await organisation.perform(EnrollFactor(tenant=TENANT, user="ana"), ana)
    mail = MailKey(tenant=TENANT, enrollment=started.enrollment, address="thief@evil.example")
    with pytest.raises(StepUpNeeded):
        await organisation.perform(mail, thief)
    assert (await organisation.perform(mail, ana)).sent


async def test_notices_of_one_account_do_not_use_the_cap_of_another(post: Post) -> None:
    organisation = post.organisation
    await organisation.bind("ana")
    await organisation.add("mallory", email="mallory@acme.example")
    await organisation.bind("mallory")
    mallory = await organisation.sign_in("mallory")
    await organisation.perform(SetContact(email=MAIL), mallory)
    for _ in range(25):
        mallory = await organisation.prove(mallory, organisation.code("mallory"))
        organisation.clock.forward(seconds=30)
        await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="mallory"), mallory)
    await post.wait_idle()
    post.mailbox.notices.clear()
    await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="lost phone"))
    await post.wait_idle()
    assert [str(mail["To"]) for mail in post.mailbox.notices] == [MAIL]


async def test_codes_of_one_user_do_not_use_the_cap_of_another_users_number(post: Post) -> None:
    organisation = post.organisation
    factor = await post.bind("ana", FactorKind.SMS, NUMBER)
    organisation.clock.forward(days=2)
    await organisation.add("mallory")
    mallory = await organisation.sign_in("mallory")
    for _ in range(5):
        enroll = EnrollFactor(tenant=TENANT, user="mallory", kind=FactorKind.SMS, address=NUMBER)
        assert (await organisation.perform(enroll, mallory)).sent
        organisation.clock.forward(seconds=41)
    assert not (await organisation.perform(enroll, mallory)).sent
    challenge, _ = await post.asked("ana")
    sent = await post.send(challenge, factor)
    assert sent.sent, sent.message
    done = await post.verify(challenge, factor, await post.texted())
    assert done.status is SignInStatus.COMPLETE


@pytest.mark.parametrize("host", ["0.0.0.0", "127.1", "2130706433", "::ffff:127.0.0.1"])
async def test_no_tenant_reaches_this_machine_by_another_name(post: Post, host: str) -> None:
    organisation = post.organisation
    await organisation.add("tina", Role.TENANT_ADMIN)
    tina = await organisation.sign_in("tina")
    settings = SetSmtp(tenant=TENANT, host=host, port=post.mailbox.port, sender="mfa@acme.example", tls=Tls.NONE)
    before = len(post.mailbox.mails)
    with suppress(NotAllowed, Invalid):
        await organisation.perform(settings, tina)
        await organisation.perform(TryDelivery(tenant=TENANT, kind=FactorKind.EMAIL, to="tina@evil.example"), tina)
        await post.wait_idle()
    assert len(post.mailbox.mails) == before


async def test_replacing_addresses_by_import_requires_step_up(post: Post) -> None:
    organisation = post.organisation
    await organisation.add("tina", Role.TENANT_ADMIN)
    tina = await organisation.sign_in("tina")
    organisation.clock.forward(minutes=10)
    other = ImportUsers(tenant=TENANT, users=(NewUser(2, "ana", email="tina@evil.example"),))
    with pytest.raises(StepUpNeeded):
        await organisation.perform(other, tina)
    assert (await organisation.perform(other, await organisation.prove(tina))).updated == 1


async def test_a_pending_binding_does_not_bypass_a_number_entered_meanwhile(post: Post) -> None:
    """An attacker with the password began to bind a phone before the administrator entered the user's."""
    organisation = post.organisation
    await organisation.perform(RequireMfa(tenant=TENANT, user="ana"))
    begun = await organisation.start("ana")
    assert begun.status is SignInStatus.ENROLL
    assert begun.challenge is not None
    started = await organisation.perform(StartBinding(challenge=begun.challenge), Nobody())
    organisation.seeds["ana"] = seed_of(started.key)
    await organisation.perform(EnrollFactor(tenant=TENANT, user="ana", kind=FactorKind.SMS, address=NUMBER))
    confirm = ConfirmBinding(challenge=begun.challenge, enrollment=started.enrollment, code=organisation.code("ana"))
    assert (await organisation.perform(confirm, Nobody())).status is SignInStatus.REFUSED
    with pytest.raises(Conflict):
        await organisation.perform(StartBinding(challenge=begun.challenge), Nobody())
    assert (await organisation.start("ana")).status is SignInStatus.SECOND_FACTOR


async def test_a_bound_key_is_no_longer_mailed(post: Post) -> None:
    """The mail server asked for a retry later, and the app was bound by QR code before it."""
    organisation = post.organisation
    started = await organisation.perform(EnrollFactor(tenant=TENANT, user="ana"))
    organisation.seeds["ana"] = seed_of(started.key)
    post.mailbox.at_rcpt = ["451 4.7.1 greylisted"]
    assert (await organisation.perform(MailKey(tenant=TENANT, enrollment=started.enrollment))).sent
    await post.wait_idle()
    confirm = ConfirmFactor(tenant=TENANT, enrollment=started.enrollment, code=organisation.code("ana"))
    assert (await organisation.perform(confirm)).accepted
    organisation.clock.forward(minutes=5)
    await post.wait_idle()
    assert not [mail for mail in post.mailbox.mails if "key" in str(mail["Subject"])]
    newest = (await organisation.perform(ShowDelivery(tenant=TENANT))).recent
    assert [row.state for row in newest if row.purpose is Purpose.KEY] == [MessageState.VOID]


async def test_a_change_between_addresses_that_fold_alike_is_still_notified(post: Post) -> None:
    organisation = post.organisation
    await organisation.add("strauss", email="strauss@acme.example")
    strauss = await organisation.sign_in("strauss")
    await organisation.perform(SetContact(email="strauß@acme.example"), strauss)
    await post.wait_idle()
    assert {str(mail["To"]) for mail in post.mailbox.notices} == {"strauss@acme.example", "strauß@acme.example"}


async def test_no_code_is_sent_in_an_ended_session(post: Post) -> None:
    organisation = post.organisation
    factor = await post.bind("ana", FactorKind.SMS, NUMBER)
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OFF))
    thief = await organisation.sign_in("ana")
    for _ in range(MOST_IN_SESSION):
        assert not (await organisation.perform(StepUp(password=Secret("a guess")), thief)).accepted
    await post.wait_idle()
    before = len(post.twilio.messages)
    with pytest.raises(NotSignedIn):
        await organisation.perform(SendStepUpCode(factor=factor), thief)
    await post.wait_idle()
    assert len(post.twilio.messages) == before
