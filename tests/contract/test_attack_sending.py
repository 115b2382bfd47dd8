"""Codes, keys and notices that are sent: what somebody with a part of what it takes would try with them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import pytest_asyncio

from secconsole.domain.delivery import MessageState, Purpose, Tls
from secconsole.domain.errors import Conflict, NotAllowed, StepUpNeeded
from secconsole.domain.model import FactorKind, PolicyMode, SignInStatus
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.domain.throttle import FREE_TRIES
from secconsole.operations.account import SetContact
from secconsole.operations.caller import Nobody
from secconsole.operations.delivery import SetSmtp, ShowDelivery, TryDelivery
from secconsole.operations.factors import ConfirmFactor, EnrollFactor, MailKey
from secconsole.operations.policy import SetPolicy
from secconsole.operations.recovery import CreateRecoveryCodes
from secconsole.operations.signin import ConfirmBinding, SendStepUpCode, StartBinding, StepUp
from secconsole.operations.unbinding import Unbind
from secconsole.operations.users import ImportUsers, NewUser, RequireMfa
from tests.delivery.post import NUMBER, Post, post_for
from tests.organisation import TENANT, Organisation, seed_of

MAIL = "ana@acme.example"


@pytest_asyncio.fixture
async def post(organisation: Organisation) -> AsyncIterator[Post]:
    async with post_for(organisation) as post:
        await post.set_up()
        await organisation.add("ana", email=MAIL)
        yield post


async def test_a_password_alone_has_no_key_mailed_that_its_owner_is_about_to_bind(post: Post) -> None:
    """ana replaces her phone; whoever has her password alone must not get the new key mailed to them meanwhile."""
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


async def test_nobody_uses_up_what_another_account_may_be_told(post: Post) -> None:
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
    await post.rest()
    post.mailbox.notices.clear()
    await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="lost phone"))
    await post.rest()
    assert [str(mail["To"]) for mail in post.mailbox.notices] == [MAIL]


async def test_nobody_uses_up_the_codes_of_a_number_that_is_somebody_elses(post: Post) -> None:
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
async def test_no_tenant_talks_to_this_machine_under_another_name(post: Post, host: str) -> None:
    organisation = post.organisation
    await organisation.add("tina", Role.TENANT_ADMIN)
    tina = await organisation.sign_in("tina")
    settings = SetSmtp(tenant=TENANT, host=host, port=post.mailbox.port, sender="mfa@acme.example", tls=Tls.NONE)
    before = len(post.mailbox.mails)
    with suppress(NotAllowed):
        await organisation.perform(settings, tina)
        await organisation.perform(TryDelivery(tenant=TENANT, kind=FactorKind.EMAIL, to="tina@evil.example"), tina)
        await post.rest()
    assert len(post.mailbox.mails) == before


async def test_an_import_takes_nobodys_address_away_without_a_proof(post: Post) -> None:
    organisation = post.organisation
    await organisation.add("tina", Role.TENANT_ADMIN)
    tina = await organisation.sign_in("tina")
    organisation.clock.forward(minutes=10)
    other = ImportUsers(tenant=TENANT, users=(NewUser(2, "ana", email="tina@evil.example"),))
    with pytest.raises(StepUpNeeded):
        await organisation.perform(other, tina)
    assert (await organisation.perform(other, await organisation.prove(tina))).updated == 1


async def test_a_binding_under_way_does_not_pass_by_a_number_that_was_entered_meanwhile(post: Post) -> None:
    """Whoever knows the password began to bind a phone of their own before the administrator said which one it is."""
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


async def test_a_key_that_is_bound_by_now_is_not_mailed_any_more(post: Post) -> None:
    """The mail server asked to be tried again later; until then the app was bound by the QR code."""
    organisation = post.organisation
    started = await organisation.perform(EnrollFactor(tenant=TENANT, user="ana"))
    organisation.seeds["ana"] = seed_of(started.key)
    post.mailbox.at_rcpt = ["451 4.7.1 greylisted"]
    assert (await organisation.perform(MailKey(tenant=TENANT, enrollment=started.enrollment))).sent
    await post.rest()
    confirm = ConfirmFactor(tenant=TENANT, enrollment=started.enrollment, code=organisation.code("ana"))
    assert (await organisation.perform(confirm)).accepted
    organisation.clock.forward(minutes=5)
    await post.rest()
    assert not [mail for mail in post.mailbox.mails if "key" in str(mail["Subject"])]
    newest = (await organisation.perform(ShowDelivery(tenant=TENANT))).recent
    assert [row.state for row in newest if row.purpose is Purpose.KEY] == [MessageState.VOID]


async def test_an_address_that_only_folds_to_the_one_before_hides_no_change_from_it(post: Post) -> None:
    organisation = post.organisation
    await organisation.add("strauss", email="strauss@acme.example")
    strauss = await organisation.sign_in("strauss")
    await organisation.perform(SetContact(email="strauß@acme.example"), strauss)
    await post.rest()
    assert {str(mail["To"]) for mail in post.mailbox.notices} == {"strauss@acme.example", "strauß@acme.example"}


async def test_a_session_alone_has_nothing_sent_that_could_not_be_used(post: Post) -> None:
    organisation = post.organisation
    factor = await post.bind("ana", FactorKind.SMS, NUMBER)
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OFF))
    thief = await organisation.sign_in("ana")
    for _ in range(FREE_TRIES + 1):
        assert not (await organisation.perform(StepUp(password=Secret("a guess")), thief)).accepted
    await post.rest()
    before = len(post.twilio.messages)
    sent = await organisation.perform(SendStepUpCode(factor=factor), thief)
    await post.rest()
    assert (sent.sent, len(post.twilio.messages)) == (False, before)
    assert "Too many wrong entries" in sent.message
