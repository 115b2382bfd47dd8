"""Caller checks: only by what is on record, for one act of one operator, and no way to lock a user out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio

from secconsole.domain.errors import Conflict, NotAllowed, NotFound
from secconsole.domain.model import FactorKind, PolicyMode, SignInStatus
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.audit import AuditEntry, ListAudit
from secconsole.operations.bypass import IssueBypass
from secconsole.operations.caller import Credential, Nobody
from secconsole.operations.caller_check import (
    CallerCheckStarted,
    CallerVerdict,
    ConfirmCallerCheck,
    ShowCallerCheck,
    StartCallerCheck,
)
from secconsole.operations.policy import SetPolicy
from secconsole.operations.signin import VerifySignIn
from secconsole.operations.unbinding import PreviewUnbind, Unbind
from secconsole.operations.user_changes import RenameUser, ResetPassword
from secconsole.operations.user_import import ImportUsers, NewUser
from secconsole.operations.users import ShowUser
from tests.delivery.post import NUMBER, Post, other, post_for
from tests.organisation import TENANT, Organisation

MAIL = "ana@acme.example"
SHOW = ShowCallerCheck(tenant=TENANT, user="ana")


@pytest_asyncio.fixture
async def post(organisation: Organisation) -> AsyncIterator[Post]:
    """Mail and SMS set up, with ana, her phone, and an address on record."""
    async with post_for(organisation) as made:
        await made.set_up()
        await organisation.add("ana", email=MAIL)
        await organisation.bind("ana")
        yield made


async def start(
    organisation: Organisation, channel: FactorKind | None = None, who: Credential | None = None
) -> CallerCheckStarted:
    return await organisation.perform(StartCallerCheck(tenant=TENANT, user="ana", channel=channel), who)


async def confirm(organisation: Organisation, code: Secret[str], who: Credential | None = None) -> CallerVerdict:
    return await organisation.perform(ConfirmCallerCheck(tenant=TENANT, user="ana", code=code), who)


async def entries(organisation: Organisation, action: str) -> Sequence[AuditEntry]:
    return (await organisation.perform(ListAudit(tenant=TENANT, action=action))).items


async def test_a33_a_code_from_an_address_on_record_belongs_to_the_unbinding_that_follows(post: Post) -> None:
    organisation = post.organisation
    started = await start(organisation, FactorKind.EMAIL)
    assert (started.sent, started.check is not None) == (True, True)
    code = await post.mailed()
    assert "helpdesk" in post.mailbox.text()
    assert "signs nobody in" in post.mailbox.text()
    assert post.mailbox.mails[-1]["To"] == MAIL
    verdict = await confirm(organisation, code)
    assert verdict.accepted
    assert verdict.check is not None
    assert (verdict.check.masked, verdict.check.by.partition(":")[0]) == ("a•••@acme.example", "local")
    seen = await organisation.perform(PreviewUnbind(tenant=TENANT, users=("ana",)))
    assert seen.caller_check == verdict.check
    done = await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="lost", bypass=30))
    assert done.caller_check == verdict.check
    assert done.bypass is not None
    assert done.bypass.caller_check == verdict.check
    details = (await entries(organisation, "unbind"))[0].details
    assert (details["caller"], details["caller_to"]) == ("email", "a•••@acme.example")
    assert (details["caller_check"], details["caller_recent"]) == (verdict.check.id, False)
    assert verdict.check.confirmed is not None
    assert details["caller_at"] == verdict.check.confirmed.isoformat()
    assert code.reveal() not in str(await organisation.perform(ListAudit(tenant=TENANT, limit=500)))
    reset = await organisation.perform(ResetPassword(tenant=TENANT, user="ana"))
    assert reset.caller_check is None  # one check is for one act
    assert (await entries(organisation, "user.password-reset"))[0].details["caller"] == "not checked"


async def test_an_app_s_code_is_used_up_and_signs_nobody_in(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    started = await start(organisation, FactorKind.TOTP)
    assert (started.sent, started.prefix) == (False, "")
    code = organisation.code("ana")
    assert (await confirm(organisation, code)).accepted
    answer = await organisation.start("ana")
    assert answer.challenge is not None
    again = await organisation.perform(VerifySignIn(challenge=answer.challenge, factor="", code=code), Nobody())
    assert (again.status, again.token) == (SignInStatus.SECOND_FACTOR, None)
    issued = await organisation.perform(IssueBypass(tenant=TENANT, user="ana", reason="phone at home"))
    assert issued.caller_check is not None
    assert issued.caller_check.channel is FactorKind.TOTP


@pytest.mark.alike
async def test_it_counts_for_ten_minutes_and_for_the_same_operator(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.add("hana", Role.HELPDESK)
    await organisation.add("hugo", Role.HELPDESK)
    hana, hugo = await organisation.sign_in("hana"), await organisation.sign_in("hugo")
    await start(organisation, FactorKind.TOTP, hana)
    with pytest.raises(Conflict, match="Start one"):
        await confirm(organisation, organisation.code("ana"), hugo)
    assert (await confirm(organisation, organisation.code("ana"), hana)).accepted
    organisation.clock.forward(minutes=4)
    assert (await organisation.perform(SHOW, hana)).check is not None
    assert (await organisation.perform(SHOW, hugo)).check is None
    other_act = await organisation.perform(IssueBypass(tenant=TENANT, user="ana", reason="at home"), hugo)
    assert other_act.caller_check is None
    organisation.clock.forward(minutes=6)
    done = await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="lost"))
    assert done.caller_check is None


async def test_a01_two_acts_at_once_share_no_check(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await start(organisation, FactorKind.TOTP)
    await confirm(organisation, organisation.code("ana"))
    issue = IssueBypass(tenant=TENANT, user="ana", reason="at home")
    issued = await asyncio.gather(*(organisation.perform(issue) for _ in range(4)))
    assert sum(each.caller_check is not None for each in issued) == 1


async def test_five_wrong_codes_end_it_and_hold_only_strangers(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    await organisation.sign_in("ana")
    await start(organisation, FactorKind.TOTP)
    assert (await confirm(organisation, Secret("not a code"))).left == 5  # cannot be one, so it is not counted
    for left in (4, 3, 2, 1, 0):
        verdict = await confirm(organisation, Secret("000000"))
        assert (verdict.accepted, verdict.left) == (False, left)
    assert "last try" in verdict.message
    with pytest.raises(Conflict):
        await confirm(organisation, organisation.code("ana"))
    shown = await organisation.perform(ShowUser(tenant=TENANT, user="ana"))
    assert [hold.bucket for hold in shown.holds] in ([], ["strangers"])
    assert len(await entries(organisation, "caller-check.confirmed")) == 5


async def test_a_wrong_code_that_was_sent_is_counted_too(post: Post) -> None:
    organisation = post.organisation
    await start(organisation, FactorKind.EMAIL)
    code = await post.mailed()
    assert (await confirm(organisation, other(code))).left == 4
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).failures == 1
    assert (await confirm(organisation, code)).accepted


@pytest.mark.alike
async def test_a_code_for_signing_in_checks_no_caller_and_the_other_way_round(post: Post) -> None:
    organisation = post.organisation
    await post.bind("ana", FactorKind.EMAIL, MAIL)
    await organisation.perform(
        SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, kinds=(FactorKind.TOTP, FactorKind.EMAIL))
    )
    organisation.clock.forward(seconds=60)
    challenge, answer = await post.asked("ana")
    factor = next(f.id for f in answer.factors if f.kind == "email")
    organisation.clock.forward(seconds=60)
    await start(organisation, FactorKind.EMAIL)
    code = await post.mailed()
    assert (await post.verify(challenge, factor, code)).token is None
    assert (await confirm(organisation, code)).accepted


async def test_only_what_is_on_record_and_what_changed_last_comes_last(post: Post) -> None:
    organisation = post.organisation
    ways = (await organisation.perform(SHOW)).ways
    assert {way.channel for way in ways} == {FactorKind.EMAIL, FactorKind.TOTP}
    organisation.clock.forward(days=2)
    await organisation.perform(RenameUser(tenant=TENANT, user="ana", email="attacker@evil.example", phone=NUMBER))
    found = await organisation.perform(SHOW)
    assert [(way.channel, way.changed is not None) for way in found.ways] == [
        (FactorKind.TOTP, False),
        (FactorKind.EMAIL, True),
        (FactorKind.SMS, True),
    ]
    started = await start(organisation, FactorKind.EMAIL)
    assert started.check is not None
    assert started.check.recent
    with pytest.raises(NotFound, match="not on record"):
        await organisation.perform(StartCallerCheck(tenant=TENANT, user="ana", way="mallory@evil.example"))


@pytest.mark.alike
async def test_nothing_on_record_says_so(organisation: Organisation) -> None:
    await organisation.add("ana")
    found = await organisation.perform(SHOW)
    assert found.ways == ()
    assert "second person" in found.message
    with pytest.raises(Conflict, match="second person"):
        await start(organisation)


@pytest.mark.alike
async def test_nobody_checks_themselves_or_who_outranks_them(organisation: Organisation) -> None:
    await organisation.add("hana", Role.HELPDESK, email="hana@acme.example")
    hana = await organisation.sign_in("hana")
    for user in ("hana", "root"):
        with pytest.raises(NotAllowed):
            await organisation.perform(StartCallerCheck(tenant=TENANT, user=user), hana)


@pytest.mark.alike
async def test_a_number_that_an_import_replaced_is_marked_too(post: Post) -> None:
    organisation = post.organisation
    await organisation.perform(RenameUser(tenant=TENANT, user="ana", phone=NUMBER))
    organisation.clock.forward(days=2)
    assert not any(way.changed for way in (await organisation.perform(SHOW)).ways)
    await organisation.perform(ImportUsers(tenant=TENANT, users=(NewUser(2, "ana", phone="+385911234568"),)))
    changed = [way.channel for way in (await organisation.perform(SHOW)).ways if way.changed]
    assert changed == [FactorKind.SMS]
