"""A user's own account: the address on record, names of factors, the key by mail, and leaving out a second factor."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from secconsole.domain.errors import Conflict, Invalid, NotAllowed, NotFound, NotSignedIn, StepUpNeeded, Unfit
from secconsole.domain.factors.recovery import HOW_MANY
from secconsole.domain.limits import LONGEST_LABEL
from secconsole.domain.messages.delivery import Purpose
from secconsole.domain.model import BindingStatus, FactorKind, PolicyMode, SignInStatus
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.account import Cancelled, CancelMfa, SetContact
from secconsole.operations.audit import AuditEntry, ListAudit
from secconsole.operations.caller import Bearer, Nobody
from secconsole.operations.delivery import ShowDelivery
from secconsole.operations.factors import ConfirmFactor, EnrollFactor, ListFactors, MailKey, RenameFactor
from secconsole.operations.policy import SetPolicy
from secconsole.operations.recovery import CreateRecoveryCodes
from secconsole.operations.signin import BindingStarted, ConfirmBinding, MailSignInKey, StartBinding, WhoAmI
from secconsole.operations.user_changes import RequireMfa
from secconsole.operations.users import ShowUser
from secconsole.operations.whitelist import AddToWhitelist
from tests.delivery.mail_server import text_of
from tests.delivery.post import Post, post_for
from tests.organisation import TENANT, Organisation, seed_of

MAIL = "ana@acme.example"


@pytest_asyncio.fixture
async def bare(organisation: Organisation) -> AsyncIterator[Post]:
    """Nothing is set up to send with."""
    async with post_for(organisation) as post:
        await organisation.add("ana", email=MAIL)
        yield post


@pytest_asyncio.fixture
async def post(bare: Post) -> Post:
    await bare.set_up()
    return bare


async def entries(organisation: Organisation, action: str) -> tuple[AuditEntry, ...]:
    return (await organisation.perform(ListAudit(tenant=TENANT, actions=(action,)))).items


async def begun(organisation: Organisation, who: Bearer | None = None, login: str = "ana") -> BindingStarted:
    return await organisation.perform(EnrollFactor(tenant=TENANT, user=login), who)


async def test_z3_the_key_is_mailed_to_the_address_on_record_and_binds(post: Post) -> None:
    organisation = post.organisation
    ana = await organisation.sign_in("ana")
    started = await begun(organisation, ana)
    mailed = await organisation.perform(MailKey(tenant=TENANT, enrollment=started.enrollment), ana)
    assert (mailed.sent, mailed.masked, mailed.message) == (True, "a•••@acme.example", "")
    await post.wait_idle()
    mail, text = post.mailbox.mails[-1], post.mailbox.text()
    key = started.key.reveal()
    grouped = " ".join(key[i : i + 4] for i in range(0, len(key), 4))
    assert mail["To"] == MAIL
    assert "acme" in mail["Subject"]
    assert not {key, grouped, key[:4]} & set(str(mail["Subject"]).split())
    assert f"    {grouped}\n" in text
    assert f"    {started.uri.reveal()}\n" in text
    assert "account ana" in text
    (entry,) = await entries(organisation, "factor.key-mailed")
    assert (entry.actor, entry.target) == ("ana", "ana")
    assert entry.details == {"factor": started.enrollment, "to": "a•••@acme.example", "on_record": True}
    assert post.mailbox.notices == [], "the mail itself tells"
    organisation.seeds["ana"] = seed_of(Secret(grouped.replace(" ", "")))
    confirm = ConfirmFactor(tenant=TENANT, enrollment=started.enrollment, code=organisation.code("ana"))
    assert (await organisation.perform(confirm, ana)).accepted


async def test_z3_mailing_a_key_to_another_address_notifies_the_one_on_record(post: Post) -> None:
    organisation = post.organisation
    started = await begun(organisation)
    mail_key = MailKey(tenant=TENANT, enrollment=started.enrollment, address=" ana@HOME.example ")
    assert (await organisation.perform(mail_key)).masked == "a•••@home.example"
    await post.wait_idle()
    assert post.mailbox.mails[-1]["To"] == "ana@home.example"
    (notice,) = post.mailbox.notices
    assert (notice["To"], "a•••@home.example" in text_of(notice)) == (MAIL, True)
    assert started.key.reveal()[:4] not in text_of(notice)
    (entry,) = await entries(organisation, "factor.key-mailed")
    assert (entry.details["to"], entry.details["on_record"], entry.details["notified"]) == (
        "a•••@home.example",
        False,
        1,
    )


async def test_z3_a_key_is_mailed_at_sign_in(post: Post) -> None:
    organisation = post.organisation
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    answer = await organisation.start("ana")
    assert answer.challenge is not None
    started = await organisation.perform(StartBinding(challenge=answer.challenge), Nobody())
    mail_key = MailSignInKey(challenge=answer.challenge, enrollment=started.enrollment)
    assert (await organisation.perform(mail_key, Nobody())).sent
    await post.wait_idle()
    assert started.uri.reveal() in post.mailbox.text()
    (entry,) = await entries(organisation, "factor.key-mailed")
    assert (entry.actor, entry.target) == ("ana", "ana")
    await organisation.add("ben")
    others = (await begun(organisation, login="ben")).enrollment
    with pytest.raises(NotFound):
        await organisation.perform(MailSignInKey(challenge=answer.challenge, enrollment=others), Nobody())
    organisation.seeds["ana"] = seed_of(started.key)
    confirm = ConfirmBinding(challenge=answer.challenge, enrollment=started.enrollment, code=organisation.code("ana"))
    assert (await organisation.perform(confirm, Nobody())).status is SignInStatus.COMPLETE
    with pytest.raises(Conflict):
        await organisation.perform(mail_key, Nobody())


async def test_mailing_a_key_has_the_limits_of_a_code(post: Post) -> None:
    organisation = post.organisation
    started = await begun(organisation)
    mail_key = MailKey(tenant=TENANT, enrollment=started.enrollment)
    assert (await organisation.perform(mail_key)).sent
    again = await organisation.perform(mail_key)
    assert (again.sent, again.message) == (False, "Wait 40 s before asking for another mail.")
    assert again.retry_at is not None
    code = await post.enroll("ana", FactorKind.EMAIL)
    assert (code.sent, code.message) == (False, "Wait 40 s before asking for another code.")
    for _ in range(4):
        organisation.clock.forward(seconds=60)
        assert (await organisation.perform(mail_key)).sent
    organisation.clock.forward(seconds=60)
    refused = await organisation.perform(mail_key)
    assert (refused.sent, refused.message) == (False, "Wait 55 min before asking for another mail.")
    assert (await entries(organisation, "factor.key-mailed"))[0].outcome == "refused"


async def test_only_an_unconfirmed_key_is_mailed(post: Post) -> None:
    organisation = post.organisation
    late = await begun(organisation)
    organisation.clock.forward(minutes=61)
    with pytest.raises(Conflict, match="in time"):
        await organisation.perform(MailKey(tenant=TENANT, enrollment=late.enrollment))
    replaced, started = late, await begun(organisation)
    with pytest.raises(NotFound):
        await organisation.perform(MailKey(tenant=TENANT, enrollment=replaced.enrollment))
    organisation.seeds["ana"] = seed_of(started.key)
    confirm = ConfirmFactor(tenant=TENANT, enrollment=started.enrollment, code=organisation.code("ana"))
    assert (await organisation.perform(confirm)).accepted
    with pytest.raises(Conflict, match="only until the app is bound"):
        await organisation.perform(MailKey(tenant=TENANT, enrollment=started.enrollment))
    code = await organisation.perform(EnrollFactor(tenant=TENANT, user="ana", kind=FactorKind.EMAIL))
    with pytest.raises(Conflict, match="authenticator app"):
        await organisation.perform(MailKey(tenant=TENANT, enrollment=code.enrollment))


async def test_a_key_that_was_not_sent_in_time_is_dropped(post: Post) -> None:
    organisation = post.organisation
    post.mailbox.at_rcpt = ["451 4.7.1 later"] * 40
    mails = len(post.mailbox.mails)
    first = await begun(organisation)
    assert (await organisation.perform(MailKey(tenant=TENANT, enrollment=first.enrollment))).sent
    await post.wait_idle()
    organisation.clock.forward(seconds=60)
    started = await begun(organisation)  # the key before is no longer valid
    assert (await organisation.perform(MailKey(tenant=TENANT, enrollment=started.enrollment))).sent
    await post.wait_idle()
    organisation.clock.forward(minutes=61)
    post.mailbox.at_rcpt.clear()
    await post.wait_idle()
    recent = (await organisation.perform(ShowDelivery(tenant=TENANT))).recent
    assert [row.state for row in recent if row.purpose is Purpose.KEY] == ["expired", "void"]
    assert len(post.mailbox.mails) == mails


async def test_mailing_a_key_without_mail_or_address_is_refused(bare: Post) -> None:
    organisation = bare.organisation
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    answer = await organisation.start("ana")
    assert answer.challenge is not None
    started = await organisation.perform(StartBinding(challenge=answer.challenge), Nobody())
    mail_key = MailSignInKey(challenge=answer.challenge, enrollment=started.enrollment)
    none = await organisation.perform(mail_key, Nobody())
    assert (none.sent, "Mail is not set up here" in none.message) == (False, True)
    await organisation.add("ben")
    other = await begun(organisation, login="ben")
    with pytest.raises(Unfit, match="no e-mail address on record"):
        await organisation.perform(MailKey(tenant=TENANT, enrollment=other.enrollment))
    with pytest.raises(Unfit, match="not an e-mail address"):
        await organisation.perform(MailKey(tenant=TENANT, enrollment=other.enrollment, address="ben"))


async def test_mailing_a_key_and_renaming_a_factor_require_permission(post: Post) -> None:
    organisation = post.organisation
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OFF))
    started = await begun(organisation)
    wanted = (
        MailKey(tenant=TENANT, enrollment=started.enrollment),
        RenameFactor(tenant=TENANT, factor=started.enrollment, label="work"),
    )
    for login, role in (("ben", Role.USER), ("hana", Role.HELPDESK), ("alan", Role.AUDITOR)):
        await organisation.add(login, role)
        for operation in wanted:
            with pytest.raises(NotAllowed):
                await organisation.perform(operation, await organisation.sign_in(login))
    await organisation.add("tom", Role.TENANT_ADMIN)
    for operation in wanted:
        await organisation.perform(operation, await organisation.sign_in("tom"))


async def test_a_factor_is_renamed(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    ana = await organisation.sign_in("ana")
    (factor,) = (await organisation.perform(ListFactors(tenant=TENANT, user="ana"), ana)).items
    rename = RenameFactor(tenant=TENANT, factor=factor.id, label="Pixel 8")
    assert [f.label for f in (await organisation.perform(rename, ana)).items] == ["Pixel 8"]
    assert [f.label for f in (await organisation.perform(rename, ana)).items] == ["Pixel 8"]
    (entry,) = await entries(organisation, "factor.renamed")
    assert entry.details == {"factor": factor.id, "before": "", "after": "Pixel 8"}
    long = RenameFactor(tenant=TENANT, factor=factor.id, label="x" * (LONGEST_LABEL + 1))
    with pytest.raises(Invalid, match="longer than"):
        await organisation.perform(long, ana)
    cleared = await organisation.perform(RenameFactor(tenant=TENANT, factor=factor.id, label=""), ana)
    assert [f.label for f in cleared.items] == [""]


async def test_users_change_their_own_contact_address(organisation: Organisation) -> None:
    await organisation.add("ana", email=MAIL)
    ana = await organisation.sign_in("ana")
    assert (await organisation.perform(WhoAmI(), ana)).email == MAIL
    assert (await organisation.perform(SetContact(email=" Ana@HOME.Example "), ana)).email == "Ana@home.example"
    assert (await organisation.perform(WhoAmI(), ana)).email == "Ana@home.example"
    await organisation.perform(SetContact(email="Ana@home.example"), ana)
    (entry,) = await entries(organisation, "account.contact-changed")
    assert entry.details == {"before": "a•••@acme.example", "after": "A•••@home.example", "notified": 0}
    for text in ("", "ana", "ana@acme.example, eve@acme.example", "x" * 300 + "@acme.example"):
        with pytest.raises(Invalid):
            await organisation.perform(SetContact(email=text), ana)
    organisation.clock.forward(minutes=6)
    with pytest.raises(StepUpNeeded):
        await organisation.perform(SetContact(email=MAIL), ana)
    with pytest.raises(Conflict, match="no account of their own"):
        await organisation.perform(SetContact(email=MAIL))


async def test_w4_cancelling_mfa_removes_all_factors_and_ends_other_sessions(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL))
    other, ana = await organisation.sign_in("ana"), await organisation.sign_in("ana")
    await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="ana"), ana)
    await begun(organisation, ana)
    assert await organisation.perform(CancelMfa(), ana) == Cancelled(2, HOW_MANY, 1)
    who = await organisation.perform(WhoAmI(), ana)
    assert (who.bound, who.recovery_left) == (False, 0)
    with pytest.raises(NotSignedIn):
        await organisation.perform(WhoAmI(), other)
    assert (await organisation.perform(ListFactors(tenant=TENANT, user="ana"), ana)).items == ()
    (entry,) = await entries(organisation, "account.mfa-cancelled")
    assert entry.details == {"factors": 2, "recovery_codes": HOW_MANY, "sessions_ended": 1, "notified": 0}
    assert (await organisation.start("ana")).status is SignInStatus.COMPLETE
    with pytest.raises(Conflict, match="nothing to cancel"):
        await organisation.perform(CancelMfa(), ana)


async def test_w4_cancelling_mfa_is_refused_while_required(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, grace_days=7))
    ana = await organisation.sign_in("ana")
    with pytest.raises(Conflict, match="the policy of acme requires one of all users"):
        await organisation.perform(CancelMfa(), ana)
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL))
    await organisation.perform(RequireMfa(tenant=TENANT, user="ana"))
    with pytest.raises(Conflict, match="an administrator requires one of you"):
        await organisation.perform(CancelMfa(), ana)
    shown = await organisation.perform(ShowUser(tenant=TENANT, user="ana"))
    assert shown.user.status is BindingStatus.BOUND
    await organisation.perform(RequireMfa(tenant=TENANT, user="ana", required=False))
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=("ana",), reason="works in the clean room"))
    assert (await organisation.perform(CancelMfa(), ana)).factors == 1


async def test_a12_cancelling_mfa_requires_password_and_factor(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL))
    ana = await organisation.sign_in("ana")
    organisation.clock.forward(minutes=5, seconds=1)
    with pytest.raises(StepUpNeeded):
        await organisation.perform(CancelMfa(), ana)


async def test_a11_the_old_factor_works_until_the_new_one_is_confirmed_at_every_step(post: Post) -> None:
    organisation = post.organisation
    await organisation.bind("ana")
    ana = await organisation.sign_in("ana")
    old = organisation.seeds["ana"]
    started = await begun(organisation, ana)
    assert (await organisation.perform(MailKey(tenant=TENANT, enrollment=started.enrollment), ana)).sent
    wrong = ConfirmFactor(tenant=TENANT, enrollment=started.enrollment, code=organisation.code("ana", -5))
    assert not (await organisation.perform(wrong, ana)).accepted
    await organisation.reopen()
    organisation.seeds["ana"] = seed_of(started.key)
    challenge, _ = await post.asked("ana")
    assert (await post.verify(challenge, "", organisation.code("ana"))).status is SignInStatus.SECOND_FACTOR
    organisation.seeds["ana"] = old
    organisation.clock.forward(seconds=60)
    assert (await post.verify(challenge, "", organisation.code("ana"))).status is SignInStatus.COMPLETE
