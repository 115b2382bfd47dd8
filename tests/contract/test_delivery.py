"""Codes by e-mail and SMS: set up, sent, typed back, and all the misuse that must fail."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from secconsole.domain.errors import Conflict, Invalid, NotAllowed, NotFound, NotSignedIn, StepUpNeeded
from secconsole.domain.messages.delivery import MessageState, SettingsState, Tls
from secconsole.domain.model import BindingStatus, FactorKind, FactorState, Flag, PolicyMode, SignInStatus
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.domain.throttling.throttle import FREE_TRIES
from secconsole.domain.users.search import UserFilter
from secconsole.operations.audit import ListAudit
from secconsole.operations.caller import Bearer, Nobody
from secconsole.operations.delivery import ConfirmDelivery, SetSmtp, SetTwilio, ShowDelivery, TryDelivery
from secconsole.operations.factors import ConfirmFactor, EnrollFactor, ListFactors, RemoveFactor
from secconsole.operations.policy import ExplainSignIn, SetPolicy
from secconsole.operations.recovery import CreateRecoveryCodes
from secconsole.operations.signin import ConfirmBinding, StartBinding, WhoAmI
from secconsole.operations.step_up import SendStepUpCode, StepUp
from secconsole.operations.tenants import ShowAdoption
from secconsole.operations.tokens import CreateToken
from secconsole.operations.unbinding import PreviewUnbind, Unbind
from secconsole.operations.user_changes import RequireMfa
from secconsole.operations.users import CountUsers, ListUsers, ShowUser
from tests.delivery.post import ALL_KINDS, NUMBER, Post, digits_in, other, post_for, prefix_in
from tests.delivery.twilio_fake import SID, TOKEN
from tests.organisation import PASSWORD, TENANT, Organisation

MAIL = "ana@acme.example"


@pytest_asyncio.fixture
async def bare(organisation: Organisation) -> AsyncIterator[Post]:
    """Servers that would send, not set up yet."""
    async with post_for(organisation) as post:
        yield post


@pytest_asyncio.fixture
async def post(bare: Post) -> Post:
    """Set up, with ana in the tenant."""
    await bare.set_up()
    await bare.organisation.add("ana", email=MAIL)
    return bare


async def test_w2_w3_a_mailed_code_binds_and_then_signs_in(post: Post) -> None:
    perform = post.organisation.perform
    started = await post.enroll("ana", FactorKind.EMAIL)
    assert (started.uri.reveal(), started.key.reveal(), started.masked) == ("", "", "a•••@acme.example")
    code = await post.mailed()
    assert prefix_in(post.mailbox.text()) == started.prefix
    assert post.mailbox.mails[-1]["To"] == MAIL
    assert (await perform(ShowUser(tenant=TENANT, user="ana"))).user.status is BindingStatus.PENDING
    wrong = await perform(ConfirmFactor(tenant=TENANT, enrollment=started.enrollment, code=other(code)))
    assert (wrong.accepted, "newest" in wrong.message) == (False, True)
    assert (await perform(ConfirmFactor(tenant=TENANT, enrollment=started.enrollment, code=code))).accepted
    assert (await perform(ShowUser(tenant=TENANT, user="ana"))).user.status is BindingStatus.BOUND
    post.organisation.clock.forward(seconds=60)
    challenge, answer = await post.asked("ana")
    assert [(f.kind, f.masked) for f in answer.factors] == [(FactorKind.EMAIL, "a•••@acme.example")]
    assert (answer.prefix, answer.sent) == (None, False)
    sent = await post.send(challenge, answer.factors[0].id)
    assert (sent.status, sent.sent, sent.token) == (SignInStatus.SECOND_FACTOR, True, None)
    assert "a•••@acme.example" in sent.message
    code = await post.mailed()
    assert prefix_in(post.mailbox.text()) == sent.prefix
    done = await post.verify(challenge, answer.factors[0].id, code)
    assert done.status is SignInStatus.COMPLETE
    assert done.token is not None
    assert (await perform(WhoAmI(), Bearer(done.token))).bound


async def test_a4_a5_the_user_chooses_one_of_several_phones(post: Post) -> None:
    first = await post.bind("ana", FactorKind.SMS, NUMBER)
    second = await post.bind("ana", FactorKind.SMS, "+1 500 555 0010")
    challenge, answer = await post.asked("ana")
    assert [(f.id, f.masked) for f in answer.factors] == [(first, "••• 009"), (second, "••• 010")]
    sent = await post.send(challenge, second)
    code = await post.texted()
    assert post.twilio.messages[-1]["To"] == "+15005550010"
    assert prefix_in(post.twilio.text()) == sent.prefix
    assert (await post.verify(challenge, first, code)).status is SignInStatus.SECOND_FACTOR
    assert (await post.verify(challenge, second, code)).status is SignInStatus.COMPLETE


async def test_a3_a_number_entered_by_an_administrator_is_verified_at_the_next_sign_in(post: Post) -> None:
    perform = post.organisation.perform
    await perform(RequireMfa(tenant=TENANT, user="ana"))
    started = await perform(EnrollFactor(tenant=TENANT, user="ana", kind=FactorKind.SMS, address=NUMBER))
    post.organisation.clock.forward(days=3)
    (row,) = (await perform(ListFactors(tenant=TENANT, user="ana"))).items
    assert (row.state, row.masked) == (FactorState.PENDING, "••• 009")
    foretold = await perform(ExplainSignIn(tenant=TENANT, user="ana"))
    assert foretold.outcome is SignInStatus.SECOND_FACTOR
    assert "An administrator entered one for them" in foretold.because[-1]
    challenge, answer = await post.asked("ana")
    assert [f.id for f in answer.factors] == [started.enrollment]
    await post.send(challenge, started.enrollment)
    assert (await post.verify(challenge, "", await post.texted())).status is SignInStatus.COMPLETE
    (row,) = (await perform(ListFactors(tenant=TENANT, user="ana"))).items
    assert row.state is FactorState.ACTIVE
    entries = (await perform(ListAudit(tenant=TENANT, actions=("factor.confirmed",)))).items
    assert [(e.actor, e.target, e.outcome) for e in entries] == [("ana", "ana", "done")]


async def test_a3_a4_each_of_two_numbers_entered_by_an_administrator_is_verified_by_its_first_use(post: Post) -> None:
    perform = post.organisation.perform
    await perform(RequireMfa(tenant=TENANT, user="ana"))
    second = "+15005550010"
    for number in (NUMBER, second):
        await perform(EnrollFactor(tenant=TENANT, user="ana", kind=FactorKind.SMS, address=number))
    assert (await perform(ShowUser(tenant=TENANT, user="ana"))).user.status is BindingStatus.PENDING
    post.organisation.clock.forward(minutes=2)
    for used, left in ((0, FactorState.PENDING), (1, FactorState.ACTIVE)):
        challenge, answer = await post.asked("ana")
        assert {f.masked for f in answer.factors} == {"••• 009", "••• 010"}
        picked = next(f for f in answer.factors if f.masked == ("••• 009", "••• 010")[used])
        await post.send(challenge, picked.id)
        assert (await post.verify(challenge, picked.id, await post.texted())).status is SignInStatus.COMPLETE
        post.organisation.clock.forward(minutes=2)
        rows = {row.masked: row.state for row in (await perform(ListFactors(tenant=TENANT, user="ana"))).items}
        assert rows == {"••• 009": FactorState.ACTIVE, "••• 010": left}


async def test_a_number_enrolled_by_password_alone_is_not_accepted_at_sign_in(post: Post) -> None:
    """A mistyped address must not become the only option, and another person's must not satisfy a later binding."""
    organisation = post.organisation
    await organisation.perform(RequireMfa(tenant=TENANT, user="ana"))
    answer = await organisation.start("ana")
    assert (answer.status, answer.challenge is None) == (SignInStatus.ENROLL, False)
    begun = StartBinding(challenge=answer.challenge or Secret(""), kind=FactorKind.SMS, address="+15005550066")
    await organisation.perform(begun, Nobody())
    assert (await organisation.start("ana")).status is SignInStatus.ENROLL
    await organisation.perform(EnrollFactor(tenant=TENANT, user="ana", kind=FactorKind.SMS, address=NUMBER))
    _, answer = await post.asked("ana")
    assert [f.masked for f in answer.factors] == ["••• 009"]
    await organisation.perform(EnrollFactor(tenant=TENANT, user="ana", kind=FactorKind.SMS, address="+15005550066"))
    _, answer = await post.asked("ana")
    assert {f.masked for f in answer.factors} == {"••• 009", "••• 066"}


async def test_a_number_enrolled_by_its_user_replaces_only_a_mistyped_one(post: Post) -> None:
    perform = post.organisation.perform
    await perform(EnrollFactor(tenant=TENANT, user="ana", kind=FactorKind.SMS, address="+15005550066"))  # for her
    bound = await post.bind("ana", FactorKind.EMAIL, "ana@home.example")
    challenge, _ = await post.asked("ana")
    await post.send(challenge, bound)
    ana = Bearer((await post.verify(challenge, bound, await post.mailed())).token or Secret(""))
    for number in ("+15005550010", NUMBER):
        await perform(EnrollFactor(tenant=TENANT, user="ana", kind=FactorKind.SMS, address=number), ana)
    listed = (await perform(ListFactors(tenant=TENANT, user="ana"))).items
    assert {f.masked for f in listed if f.kind is FactorKind.SMS} == {"••• 066", "••• 009"}
    assert bound in {f.id for f in listed}
    assert (await perform(WhoAmI(), ana)).login == "ana"


async def test_removing_an_unverified_number_ends_no_sessions(post: Post) -> None:
    perform = post.organisation.perform
    bearer = await post.organisation.sign_in("ana")
    started = await perform(EnrollFactor(tenant=TENANT, user="ana", kind=FactorKind.SMS, address=NUMBER))
    await perform(RemoveFactor(tenant=TENANT, factor=started.enrollment))
    assert (await perform(WhoAmI(), bearer)).login == "ana"
    proved = await post.bind("ana", FactorKind.SMS, "+15005550010")
    await perform(RemoveFactor(tenant=TENANT, factor=proved))
    with pytest.raises(NotSignedIn):
        await perform(WhoAmI(), bearer)


async def test_the_unbind_preview_shows_what_ends_and_the_notified_addresses(bare: Post) -> None:
    organisation = bare.organisation
    perform, look = organisation.perform, PreviewUnbind(tenant=TENANT, users=("ana",))
    await organisation.add("ana")
    await organisation.bind("ana")
    await perform(CreateRecoveryCodes(tenant=TENANT, user="ana"))
    await perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL))
    bearer = await organisation.sign_in("ana")
    token = Bearer((await perform(CreateToken(name="ci"), bearer)).token)
    before = await perform(look)
    (target,) = before.targets
    assert (target.masked, target.states) == (("authenticator app",), (FactorState.ACTIVE,))
    assert (before.sessions, before.tokens, before.recovery_codes) == (1, 1, 10)
    assert (target.sessions, target.tokens, target.recovery_codes) == (1, 1, 10)
    assert (target.notified, before.not_notified, target.binds_again) == ((), 1, False)
    await bare.set_up()
    assert (await perform(look)).targets[0].notified == ()
    await bare.bind("ana", FactorKind.EMAIL, "ana@home.example")
    await perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    after = await perform(look)
    assert (after.targets[0].notified, after.not_notified) == (("a•••@home.example",), 0)
    assert after.targets[0].masked == ("authenticator app", "a•••@home.example")
    assert after.targets[0].binds_again
    await perform(Unbind(tenant=TENANT, users=("ana",), reason="lost phone"))
    for credential in (bearer, token):
        with pytest.raises(NotSignedIn):
            await perform(WhoAmI(), credential)
    detail = await perform(ShowUser(tenant=TENANT, user="ana"))
    assert (detail.sessions, detail.tokens, detail.recovery_left, detail.factors) == (0, 0, 0, ())


async def test_z3_an_address_is_bound_at_sign_in(post: Post) -> None:
    await post.organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    answer = await post.organisation.start("ana")
    assert answer.status is SignInStatus.ENROLL
    assert answer.challenge is not None
    started = await post.organisation.perform(StartBinding(challenge=answer.challenge, kind=FactorKind.EMAIL), Nobody())
    assert started.sent
    confirm = ConfirmBinding(challenge=answer.challenge, enrollment=started.enrollment, code=await post.mailed())
    assert (await post.organisation.perform(confirm, Nobody())).status is SignInStatus.COMPLETE


async def test_a_sign_in_that_requires_binding_lists_the_available_kinds(bare: Post) -> None:
    perform = bare.organisation.perform
    await bare.organisation.add("ana", email=MAIL)
    await perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, kinds=ALL_KINDS))
    assert (await bare.organisation.start("ana")).kinds == (FactorKind.TOTP,), "there is no way to send codes yet"
    await bare.set_up()
    await perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, kinds=(FactorKind.TOTP, FactorKind.EMAIL)))
    answer = await bare.organisation.start("ana")
    assert (answer.status, answer.kinds) == (SignInStatus.ENROLL, (FactorKind.TOTP, FactorKind.EMAIL))
    assert answer.challenge is not None
    started = await perform(StartBinding(challenge=answer.challenge, kind=FactorKind.EMAIL), Nobody())
    wrong = ConfirmBinding(challenge=answer.challenge, enrollment=started.enrollment, code=other(await bare.mailed()))
    assert (await perform(wrong, Nobody())).kinds == answer.kinds


async def test_kinds_are_unavailable_until_the_policy_allows_them(bare: Post) -> None:
    organisation = bare.organisation
    await organisation.add("ana", email=MAIL)
    ana = await organisation.sign_in("ana")
    for kind in (FactorKind.EMAIL, FactorKind.SMS):
        with pytest.raises(Conflict, match="policy"):
            await organisation.perform(EnrollFactor(tenant=TENANT, user="ana", kind=kind, address=NUMBER), ana)
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    answer = await organisation.start("ana")
    assert answer.challenge is not None
    with pytest.raises(Conflict, match="policy"):
        await organisation.perform(StartBinding(challenge=answer.challenge, kind=FactorKind.SMS, address=NUMBER))


async def test_disallowing_a_kind_keeps_bound_factors(post: Post) -> None:
    """The console announces that disallowing a kind prevents new factors, and existing ones stay."""
    number = await post.bind("ana", FactorKind.SMS, NUMBER)
    await post.organisation.perform(SetPolicy(tenant=TENANT, kinds=(FactorKind.TOTP,)))
    challenge, answer = await post.asked("ana")
    assert [factor.kind for factor in answer.factors] == [FactorKind.SMS]
    await post.send(challenge, number)
    done = await post.verify(challenge, number, await post.texted())
    assert done.token is not None
    with pytest.raises(Conflict, match="does not allow sms"):
        await post.organisation.perform(
            EnrollFactor(tenant=TENANT, user="ana", kind=FactorKind.SMS, address="+15005550010"), Bearer(done.token)
        )


async def test_a3_an_administrator_adds_a_number_although_users_may_not_bind_the_kind(post: Post) -> None:
    perform = post.organisation.perform
    await perform(SetPolicy(tenant=TENANT, kinds=(FactorKind.TOTP,)))
    started = await perform(EnrollFactor(tenant=TENANT, user="ana", kind=FactorKind.SMS, address=NUMBER))
    await perform(RequireMfa(tenant=TENANT, user="ana"))
    challenge, _ = await post.asked("ana")
    await post.send(challenge, started.enrollment)
    assert (await post.verify(challenge, "", await post.texted())).status is SignInStatus.COMPLETE


async def test_addresses_are_validated_before_they_are_stored(post: Post) -> None:
    perform = post.organisation.perform
    await post.organisation.add("bob")
    for kind, address in (
        (FactorKind.SMS, "5005550009"),
        (FactorKind.SMS, ""),
        (FactorKind.EMAIL, ""),
        (FactorKind.EMAIL, "bob"),
        (FactorKind.EMAIL, "bob@acme.example\nBcc: eve@evil.example"),
        (FactorKind.EMAIL, "b" * 300 + "@acme.example"),
        (FactorKind.TOTP, MAIL),
    ):
        with pytest.raises(Invalid):
            await perform(EnrollFactor(tenant=TENANT, user="bob", kind=kind, address=address))
    assert (await perform(ListFactors(tenant=TENANT, user="bob"))).items == ()
    await post.bind("bob", FactorKind.SMS, NUMBER)
    with pytest.raises(Conflict, match="bound already"):
        await perform(EnrollFactor(tenant=TENANT, user="bob", kind=FactorKind.SMS, address="+1 (500) 555-0009"))


async def test_a20_a_code_is_valid_for_its_own_request_once_and_for_ten_minutes(post: Post) -> None:
    await post.organisation.add("bob")
    ana = await post.bind("ana", FactorKind.EMAIL, MAIL)
    bob = await post.bind("bob", FactorKind.EMAIL, "bob@acme.example")
    challenge, _ = await post.asked("ana")
    await post.send(challenge, ana)
    code = await post.mailed()
    elsewhere, _ = await post.asked("ana")
    bobs, _ = await post.asked("bob")
    assert (await post.verify(elsewhere, ana, code)).status is SignInStatus.SECOND_FACTOR
    assert (await post.verify(bobs, bob, code)).status is SignInStatus.SECOND_FACTOR
    assert (await post.verify(challenge, bob, code)).status is SignInStatus.SECOND_FACTOR
    post.organisation.clock.forward(minutes=9, seconds=59)
    assert (await post.verify(challenge, ana, code)).status is SignInStatus.COMPLETE
    assert (await post.verify(challenge, ana, code)).status is SignInStatus.REFUSED


async def test_a20_a_code_expires(post: Post) -> None:
    started = await post.enroll("ana", FactorKind.EMAIL)
    code = await post.mailed()
    post.organisation.clock.forward(minutes=10)
    confirm = ConfirmFactor(tenant=TENANT, enrollment=started.enrollment, code=code)
    assert not (await post.organisation.perform(confirm)).accepted


async def test_a20_a_new_code_voids_the_previous_one_and_keeps_the_failures(post: Post) -> None:
    ana = await post.bind("ana", FactorKind.EMAIL, MAIL)
    phone = await post.bind("ana", FactorKind.SMS, NUMBER)
    challenge, _ = await post.asked("ana")
    await post.send(challenge, ana)
    first = await post.mailed()
    assert (await post.verify(challenge, ana, other(first))).left == 4
    post.organisation.clock.forward(seconds=40)
    again = await post.send(challenge, ana)
    second = await post.mailed()
    assert again.sent
    if first != second:
        assert (await post.verify(challenge, ana, first)).left == 3
    post.organisation.clock.forward(minutes=2)
    elsewhere = await post.send(challenge, phone)
    wrong = await post.verify(challenge, ana, second)
    assert (wrong.left, wrong.prefix) == (2, elsewhere.prefix)
    third = await post.texted()
    assert (await post.verify(challenge, phone, other(third))).left == 1
    over = await post.verify(challenge, phone, other(third))
    assert (over.status, over.left) == (SignInStatus.REFUSED, 0)
    assert (await post.verify(challenge, phone, third)).status is SignInStatus.REFUSED
    assert (await post.send(challenge, phone)).status is SignInStatus.REFUSED


async def test_a20_requesting_another_code_while_binding_keeps_the_failures(post: Post) -> None:
    perform = post.organisation.perform
    enrollment = (await post.enroll("ana", FactorKind.EMAIL)).enrollment
    for round in range(5):
        code = await post.mailed()
        wrong = ConfirmFactor(tenant=TENANT, enrollment=enrollment, code=other(code))
        assert "last try" in (await perform(wrong)).message or round < 4
        post.organisation.clock.forward(minutes=2)
        if round < 4:
            assert (await post.enroll("ana", FactorKind.EMAIL)).enrollment == enrollment
    with pytest.raises(NotFound):
        await perform(ConfirmFactor(tenant=TENANT, enrollment=enrollment, code=code))


async def test_a20_a_restart_and_another_factor_keep_the_failures(post: Post) -> None:
    """A06, A09: five wrong entries end a sign-in, in any process and for any code."""
    ana = await post.bind("ana", FactorKind.EMAIL, MAIL)
    phone = await post.bind("ana", FactorKind.SMS, NUMBER)
    challenge, _ = await post.asked("ana")
    await post.send(challenge, ana)
    mailed = await post.mailed()
    assert (await post.verify(challenge, ana, other(mailed))).left == 4
    await post.organisation.reopen()
    assert (await post.verify(challenge, ana, other(mailed))).left == 3
    post.organisation.clock.forward(minutes=2)
    await post.send(challenge, phone)
    texted = await post.texted()
    assert (await post.verify(challenge, phone, other(texted))).left == 2
    await post.organisation.reopen()
    assert (await post.verify(challenge, ana, mailed)).left == 1  # void since the other one was sent
    assert (await post.verify(challenge, phone, other(texted))).status is SignInStatus.REFUSED
    assert (await post.verify(challenge, phone, texted)).status is SignInStatus.REFUSED
    assert (await post.organisation.perform(ShowUser(tenant=TENANT, user="ana"))).failures >= 5


async def test_a09_wrong_codes_count_for_the_account_on_every_channel(post: Post) -> None:
    await post.organisation.bind("ana")
    phone = await post.bind("ana", FactorKind.SMS, NUMBER)
    before = (await post.organisation.perform(ShowUser(tenant=TENANT, user="ana"))).failures
    for round in range(FREE_TRIES):
        challenge, _ = await post.asked("ana")
        factor = phone if round % 2 else ""
        await post.verify(challenge, factor, Secret("000000"))
    detail = await post.organisation.perform(ShowUser(tenant=TENANT, user="ana"))
    assert (detail.failures - before, detail.locked) == (FREE_TRIES, True)
    assert (await post.organisation.start("ana")).status is SignInStatus.REFUSED


async def test_no_codes_are_sent_to_a_throttled_account(post: Post) -> None:
    ana = await post.bind("ana", FactorKind.EMAIL, MAIL)
    challenge, _ = await post.asked("ana")
    for _ in range(FREE_TRIES):
        await post.verify((await post.asked("ana"))[0], ana, Secret("000000"))
    held = await post.send(challenge, ana)
    assert (held.sent, held.prefix) == (False, None)
    assert held.retry_at is not None
    assert re.fullmatch(r"Too many wrong entries\. Wait \d+ s before the next one\.", held.message)


async def test_a21_sending_is_capped_and_reports_how_long_to_wait(post: Post) -> None:
    ana = await post.bind("ana", FactorKind.EMAIL, MAIL)
    challenge, _ = await post.asked("ana")
    first = await post.send(challenge, ana)
    assert first.retry_at is not None
    assert first.retry_at.timestamp() == post.organisation.clock.now + 40
    soon = await post.send(challenge, ana)
    assert (soon.sent, soon.message) == (False, "Wait 40 s before asking for another code.")
    assert (soon.prefix, soon.retry_at) == (first.prefix, first.retry_at)
    mails = len(post.mailbox.mails)
    sent = 0
    for _ in range(100):
        post.organisation.clock.forward(seconds=41)
        challenge, _ = await post.asked("ana")
        answer = await post.send(challenge, ana)
        sent += answer.sent
        if not answer.sent:
            assert answer.retry_at is not None
            assert answer.retry_at.timestamp() > post.organisation.clock.now
    await post.wait_idle()
    assert 3 <= sent <= 10
    assert len(post.mailbox.mails) - mails <= sent + 1
    reply = await post.organisation.perform(ListAudit(tenant=TENANT, actions=("code.sent",), outcome="refused"))
    assert reply.items, "an administrator can see that a user reached a cap"


async def test_a21_a_confirmed_code_lifts_the_wait_for_the_next(post: Post) -> None:
    started = await post.enroll("ana", FactorKind.EMAIL)
    confirm = ConfirmFactor(tenant=TENANT, enrollment=started.enrollment, code=await post.mailed())
    assert (await post.organisation.perform(confirm)).accepted
    challenge, _ = await post.asked("ana")
    assert (await post.send(challenge, started.enrollment)).sent
    challenge, _ = await post.asked("ana")
    assert not (await post.send(challenge, started.enrollment)).sent


async def test_a21_many_users_cannot_flood_one_number(post: Post) -> None:
    sent = []
    for number in range(8):
        await post.organisation.add(f"user{number}")
        started = await post.enroll(f"user{number}", FactorKind.SMS, NUMBER)
        sent.append(started.sent)
        post.organisation.clock.forward(seconds=40)
    assert sent == [True] * 5 + [False] * 3
    await post.wait_idle()
    assert [m["To"] for m in post.twilio.messages].count(NUMBER) == 5


async def test_a21_each_tenant_has_a_daily_cap(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("secconsole.domain.messages.sending", fromlist=["x"]).PER_DAY, FactorKind.SMS, 4)
    sent = []
    for number in range(5):
        await post.organisation.add(f"user{number}")
        sent.append((await post.enroll(f"user{number}", FactorKind.SMS, f"+1500555{1000 + number}")).sent)
    assert sent == [True] * 3 + [False] * 2  # the fourth of this day was the test
    post.organisation.clock.forward(days=1)
    assert (await post.enroll("user4", FactorKind.SMS, "+15005551004")).sent


async def test_the_fifth_wrong_code_ends_an_enrollment_despite_new_codes(post: Post) -> None:
    perform = post.organisation.perform
    started = await post.enroll("ana", FactorKind.EMAIL)
    for number in range(5):
        code = await post.mailed()
        verdict = await perform(ConfirmFactor(tenant=TENANT, enrollment=started.enrollment, code=other(code)))
        assert not verdict.accepted
        if number == 2:
            post.organisation.clock.forward(minutes=1)
            assert (await post.enroll("ana", FactorKind.EMAIL)).enrollment == started.enrollment
    with pytest.raises(NotFound):
        await perform(ConfirmFactor(tenant=TENANT, enrollment=started.enrollment, code=code))


async def test_a03_only_the_exact_digits_are_a_code(post: Post) -> None:
    started = await post.enroll("ana", FactorKind.EMAIL)
    code = (await post.mailed()).reveal()
    wide = "".join(chr(ord("０") + int(digit)) for digit in code)
    for spelling in (f"+{code}", f"{code[:3]}_{code[3:]}", wide, f"{started.prefix}x-{code}"):
        confirm = ConfirmFactor(tenant=TENANT, enrollment=started.enrollment, code=Secret(spelling))
        assert not (await post.organisation.perform(confirm)).accepted
    confirm = ConfirmFactor(tenant=TENANT, enrollment=started.enrollment, code=Secret(code))
    assert (await post.organisation.perform(confirm)).accepted


async def test_another_users_factor_cannot_be_sent_to(post: Post) -> None:
    await post.organisation.add("bob")
    await post.bind("ana", FactorKind.EMAIL, MAIL)
    bobs = await post.bind("bob", FactorKind.EMAIL, "bob@acme.example")
    challenge, _ = await post.asked("ana")
    for factor in (bobs, "01ARZ3NDEKTSV4RRFFQ69G5FAV", ""):
        with pytest.raises(NotFound):
            await post.send(challenge, factor)
    assert (await post.send(Secret("no-such-challenge"), bobs)).status is SignInStatus.REFUSED


async def test_the_reply_does_not_reveal_if_a_code_can_be_sent(post: Post) -> None:
    """The result of a send is reported once known, to those who ask for it."""
    ana = await post.bind("ana", FactorKind.EMAIL, MAIL)
    answers = []
    for broken in (False, True):
        if broken:
            post.mailbox.at_rcpt = ["550 5.1.1 no"]
        challenge, _ = await post.asked("ana")
        answer = await post.send(challenge, ana)
        await post.wait_idle()
        wrong = await post.verify(challenge, ana, Secret("not a code"))
        answers.append((answer.status, answer.message, answer.sent, answer.left, wrong.message, wrong.left))
        post.organisation.clock.forward(minutes=2)
    assert answers[0] == answers[1]
    shown = await post.organisation.perform(ShowDelivery(tenant=TENANT))
    assert (shown.recent[0].state, shown.recent[0].login) == (MessageState.FAILED, "ana")
    assert "550" in shown.recent[0].problem


async def test_a07_a12_step_up_accepts_a_code_sent_for_it(post: Post) -> None:
    ana = await post.bind("ana", FactorKind.EMAIL, MAIL)
    challenge, _ = await post.asked("ana")
    await post.send(challenge, ana)
    signing_in = await post.mailed()
    done = await post.verify(challenge, ana, signing_in)
    assert done.token is not None
    session = Bearer(done.token)
    post.organisation.clock.forward(minutes=6)
    remove = RemoveFactor(tenant=TENANT, factor=ana)
    with pytest.raises(StepUpNeeded):
        await post.organisation.perform(remove, session)
    sent = await post.organisation.perform(SendStepUpCode(factor=ana), session)
    assert (sent.sent, sent.masked) == (True, "a•••@acme.example")
    code = await post.mailed()
    wrong = await post.organisation.perform(StepUp(password=PASSWORD, code=other(code)), session)
    assert not wrong.accepted
    session = await post.organisation.prove(session, code)
    assert not (await post.organisation.perform(StepUp(password=PASSWORD, code=code), session)).accepted
    await post.organisation.perform(remove, session)


async def test_a1_settings_take_effect_once_their_code_is_confirmed(bare: Post) -> None:
    perform = bare.organisation.perform
    smtp = SetSmtp(tenant=TENANT, host="127.0.0.1", port=bare.mailbox.port, sender="mfa@acme.example")
    with pytest.raises(Conflict, match="Set it up first"):
        await perform(TryDelivery(tenant=TENANT, kind=FactorKind.EMAIL, to="admin@acme.example"))
    assert (await perform(smtp)).state is SettingsState.PENDING
    await bare.organisation.add("ana", email=MAIL)
    await perform(SetPolicy(tenant=TENANT, kinds=ALL_KINDS))
    await perform(EnrollFactor(tenant=TENANT, user="ana", kind=FactorKind.EMAIL))
    await bare.wait_idle()
    assert bare.mailbox.mails == [], "settings that were not tested send nobody's codes"
    started = await perform(TryDelivery(tenant=TENANT, kind=FactorKind.EMAIL, to="admin@acme.example"))
    assert (started.sent, started.masked) == (True, "a•••@acme.example")
    code = await bare.mailed()
    assert prefix_in(bare.mailbox.text()) == started.prefix
    wrong = await perform(ConfirmDelivery(tenant=TENANT, code=other(code)))
    assert not wrong.accepted
    done = await perform(ConfirmDelivery(tenant=TENANT, code=code))
    assert (done.accepted, done.message, done.kind) == (True, "Test completed successfully", FactorKind.EMAIL)
    shown = await perform(ShowDelivery(tenant=TENANT))
    assert [(s.state, s.host, s.sender) for s in shown.smtp] == [
        (SettingsState.ACTIVE, "127.0.0.1", "mfa@acme.example")
    ]
    assert not (await perform(ConfirmDelivery(tenant=TENANT, code=code))).accepted


async def test_a1_current_settings_stay_in_effect_until_new_ones_are_tested(post: Post) -> None:
    perform = post.organisation.perform
    await perform(SetSmtp(tenant=TENANT, host="127.0.0.1", port=1, sender="other@acme.example"))
    shown = await perform(ShowDelivery(tenant=TENANT))
    assert [s.state for s in shown.smtp] == [SettingsState.ACTIVE, SettingsState.PENDING]
    await post.bind("ana", FactorKind.EMAIL, MAIL)
    assert post.mailbox.mails[-1]["From"] == "mfa@acme.example"
    post.organisation.clock.forward(minutes=1)
    started = await perform(TryDelivery(tenant=TENANT, kind=FactorKind.EMAIL, to="admin@acme.example"))
    await post.wait_idle()
    failed = (await perform(ShowDelivery(tenant=TENANT))).recent[0]
    assert (failed.id, failed.state) == (started.id, MessageState.WAITING)
    assert "The mail server cannot be reached" in failed.problem


async def test_a_code_of_earlier_settings_does_not_activate_later_ones(bare: Post) -> None:
    perform = bare.organisation.perform
    smtp = SetSmtp(tenant=TENANT, host="127.0.0.1", port=bare.mailbox.port, sender="mfa@acme.example")
    await perform(smtp)
    await perform(TryDelivery(tenant=TENANT, kind=FactorKind.EMAIL, to="admin@acme.example"))
    code = await bare.mailed()
    await perform(SetSmtp(tenant=TENANT, host="mail.evil.example", sender="mfa@acme.example"))
    assert not (await perform(ConfirmDelivery(tenant=TENANT, code=code))).accepted


async def test_five_wrong_entries_end_a_test(bare: Post) -> None:
    perform = bare.organisation.perform
    await perform(SetSmtp(tenant=TENANT, host="127.0.0.1", port=bare.mailbox.port, sender="mfa@acme.example"))
    await perform(TryDelivery(tenant=TENANT, kind=FactorKind.EMAIL, to="admin@acme.example"))
    code = await bare.mailed()
    for _ in range(5):
        assert not (await perform(ConfirmDelivery(tenant=TENANT, code=other(code)))).accepted
    assert not (await perform(ConfirmDelivery(tenant=TENANT, code=code))).accepted


async def test_settings_that_would_leak_a_secret_are_refused(organisation: Organisation) -> None:
    def smtp(**values: object) -> SetSmtp:
        given = {"host": "mail.acme.example", "port": 587, "sender": "mfa@acme.example"} | values
        return SetSmtp(tenant=TENANT, **given)  # type: ignore[arg-type]

    def twilio(**values: object) -> SetTwilio:
        given = {"account_sid": SID, "auth_token": Secret(TOKEN), "sender": "+15005550006"} | values
        return SetTwilio(tenant=TENANT, **given)  # type: ignore[arg-type]

    for wrong in (
        smtp(tls=Tls.NONE, username="mfa", password=Secret("p")),
        smtp(username="mfa"),
        smtp(password=Secret("p")),
        smtp(host="127.0.0.1:2525"),
        smtp(host="::1:99999"),
        smtp(host="mail.acme.example:25"),
        smtp(host="a b"),
        smtp(host=""),
        smtp(host="mail\r\nQUIT"),
        smtp(port=0),
        smtp(port=70_000),
        smtp(sender="mfa"),
        smtp(sender="mfa@acme.example\r\nBcc: x@y.z"),
        smtp(sender="žofie@a.b"),
        twilio(base_url="http://api.example"),
        twilio(base_url="ftp://x"),
        twilio(base_url="https://u:p@x.example"),
        twilio(base_url="http://127.0.0.1.evil.example"),
        twilio(service="MG1"),
        twilio(sender=""),
        twilio(account_sid="AC/../x"),
        twilio(account_sid=""),
        twilio(auth_token=Secret("a b")),
        twilio(sender="", service="XX1"),
        twilio(sender="5005550006000000000"),
    ):
        with pytest.raises(Invalid):
            await organisation.perform(wrong)
    assert (await organisation.perform(ShowDelivery(tenant=TENANT))).smtp == ()
    kept = await organisation.perform(smtp())
    assert (kept.tls, kept.port) == ("starttls", 587)
    assert (await organisation.perform(smtp(port=465))).tls == "tls"


async def test_delivery_settings_require_the_right_role(organisation: Organisation) -> None:
    for login, role in (("tom", Role.TENANT_ADMIN), ("hana", Role.HELPDESK), ("uma", Role.USER)):
        await organisation.add(login, role)
    away = SetSmtp(tenant=TENANT, host="mail.acme.example", sender="mfa@acme.example")
    here = SetSmtp(tenant=TENANT, host="localhost", port=25, sender="mfa@acme.example")
    fake = SetTwilio(
        tenant=TENANT, account_sid=SID, auth_token=Secret(TOKEN), sender="+15005550006", base_url="https://x.example"
    )
    tom = await organisation.sign_in("tom")
    await organisation.perform(away, tom)
    for refused in (here, fake):
        with pytest.raises(NotAllowed, match="platform-admin"):
            await organisation.perform(refused, tom)
    hana, uma = await organisation.sign_in("hana"), await organisation.sign_in("uma")
    with pytest.raises(NotAllowed):
        await organisation.perform(away, hana)
    assert len((await organisation.perform(ShowDelivery(tenant=TENANT), hana)).smtp) == 1
    with pytest.raises(NotAllowed):
        await organisation.perform(ShowDelivery(tenant=TENANT), uma)


async def test_a43_a_code_appears_only_in_its_message(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    ana = await post.bind("ana", FactorKind.EMAIL, MAIL)
    phone = await post.bind("ana", FactorKind.SMS, NUMBER)
    challenge, _ = await post.asked("ana")
    await post.send(challenge, ana)
    code = await post.mailed()
    await post.verify(challenge, ana, other(code))
    post.organisation.clock.forward(minutes=1)
    await post.send(challenge, phone)
    codes = {code.reveal(), (await post.texted()).reveal()}
    codes |= {digits_in(post.mailbox.text(n)).reveal() for n in range(len(post.mailbox.mails))}
    shown = repr(await post.organisation.perform(ListAudit(tenant=TENANT, limit=200)))
    shown += repr(await post.organisation.perform(ShowDelivery(tenant=TENANT)))
    shown += repr(await post.organisation.perform(ListFactors(tenant=TENANT, user="ana")))
    for secret in (*codes, TOKEN, NUMBER, "ana@"):
        assert secret not in shown
    reply = "\n".join(
        record.getMessage() for record in caplog.records if not record.name.startswith(("mail.", "sqlalch"))
    )
    for secret in (*codes, TOKEN):
        assert secret not in reply


async def test_users_with_only_sent_factors_are_flagged_and_found(post: Post) -> None:
    await post.bind("ana", FactorKind.EMAIL, MAIL)
    perform = post.organisation.perform
    weak = UserFilter(flag=Flag.WEAK_ONLY)
    (found,) = (await perform(ListUsers(tenant=TENANT, filter=weak))).items
    assert (found.login, found.flags) == ("ana", (Flag.WEAK_ONLY,))
    assert (await perform(CountUsers(tenant=TENANT, filter=weak))).count == 1
    adoption = await perform(ShowAdoption(tenant=TENANT))
    assert sum(group.count for group in adoption.groups if group.weak_only) == 1
    assert adoption.at == datetime.fromtimestamp(post.organisation.clock(), UTC)


async def test_without_settings_no_reply_claims_that_a_code_was_sent(bare: Post) -> None:
    """The number is entered all the same, and proved once there is a way to send."""
    perform = bare.organisation.perform
    await bare.organisation.add("ana", email=MAIL)
    started = await perform(EnrollFactor(tenant=TENANT, user="ana", kind=FactorKind.SMS, address=NUMBER))
    assert (started.sent, started.prefix, "Twilio" in started.message) == (False, "", True)
    mailed = await perform(EnrollFactor(tenant=TENANT, user="ana", kind=FactorKind.EMAIL))
    assert (mailed.sent, "mail server" in mailed.message) == (False, True)
    (row, _) = (await perform(ListFactors(tenant=TENANT, user="ana"))).items
    assert (row.state, row.masked) == (FactorState.PENDING, "••• 009")
    await perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL))
    await perform(RequireMfa(tenant=TENANT, user="ana"))
    challenge, _ = await bare.asked("ana")
    sent = await bare.send(challenge, row.id)
    assert (sent.sent, "administrator" in sent.message) == (False, True)
    await bare.set_up()
    sent = await bare.send(challenge, row.id)
    assert sent.sent
    assert (await bare.verify(challenge, row.id, await bare.texted())).status is SignInStatus.COMPLETE
