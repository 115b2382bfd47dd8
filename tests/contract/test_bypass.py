"""Bypass codes: issued by the helpdesk, used once at the sign-in of that user, and never more than that."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from secconsole.domain.errors import Conflict, Invalid, NotAllowed, StepUpNeeded
from secconsole.domain.model import BindingStatus, OfferedKind, PolicyMode, SignInStatus
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.audit import AuditEntry, ListAudit
from secconsole.operations.bypass import BypassIssued, IssueBypass, RevokeBypass
from secconsole.operations.caller import Bearer, Credential, Nobody
from secconsole.operations.factors import ConfirmFactor, EnrollFactor, RemoveFactor, VerifyCode
from secconsole.operations.policy import ExplainSignIn, SetPolicy, ShowPolicy
from secconsole.operations.recovery import CreateRecoveryCodes
from secconsole.operations.signin import SignInAnswer, StartBinding, VerifySignIn
from secconsole.operations.step_up import StepUp
from secconsole.operations.tokens import CreateToken
from secconsole.operations.unbinding import Unbind, UndoUnbind
from secconsole.operations.user_changes import ChangeRole, DisableUser, EnableUser, ResetPassword
from secconsole.operations.user_import import ImportUsers, NewUser
from secconsole.operations.users import ShowUser
from secconsole.store.schema import bypass_codes
from tests.organisation import PASSWORD, TENANT, Organisation

REASON = "phone at home"
NO_SUCH = Secret("0000-0000-0000-0000")


async def ana_bound(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))


async def issued(organisation: Organisation, who: Credential | None = None, **values: object) -> BypassIssued:
    wanted = IssueBypass(tenant=TENANT, user="ana", reason=REASON, **values)  # type: ignore[arg-type]
    return await organisation.perform(wanted, who)


async def signed_in_with(organisation: Organisation, code: Secret[str], factor: str = "") -> SignInAnswer:
    answer = await organisation.start("ana")
    assert answer.status is SignInStatus.SECOND_FACTOR
    assert answer.challenge is not None
    return await organisation.perform(VerifySignIn(challenge=answer.challenge, factor=factor, code=code), Nobody())


async def bypass_session(organisation: Organisation) -> Bearer:
    answer = await signed_in_with(organisation, (await issued(organisation)).code)
    assert answer.token is not None
    return Bearer(answer.token)


async def entries(organisation: Organisation, action: str) -> Sequence[AuditEntry]:
    return (await organisation.perform(ListAudit(tenant=TENANT, action=action))).items


async def failures(organisation: Organisation) -> int:
    return (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).failures


async def test_it_is_offered_by_name_and_signs_in_once(organisation: Organisation) -> None:
    await ana_bound(organisation)
    code = await issued(organisation)
    assert (code.login, code.replaced, code.message) == ("ana", False, "")
    assert code.until - code.starts == timedelta(minutes=30)
    answer = await organisation.start("ana")
    assert [offered.kind for offered in answer.factors] == [OfferedKind.BYPASS, OfferedKind.TOTP]
    assert answer.factors[0].until == code.until
    assert answer.challenge is not None
    typed = Secret(code.code.reveal().lower().replace("-", " ").replace("0", "o").replace("1", "l"))
    verify = VerifySignIn(challenge=answer.challenge, factor=answer.factors[0].id, code=typed)
    done = await organisation.perform(verify, Nobody())
    assert done.status is SignInStatus.COMPLETE
    assert "used up" in done.message
    again = await signed_in_with(organisation, code.code)
    assert (again.status, again.token, again.left) == (SignInStatus.SECOND_FACTOR, None, 4)
    assert [offered.kind for offered in again.factors] == [OfferedKind.TOTP]
    await organisation.sign_in("ana")  # the phone works as before


async def test_a01_two_sign_ins_at_once_with_one_code_are_one(organisation: Organisation) -> None:
    await ana_bound(organisation)
    code = (await issued(organisation)).code
    started = [await organisation.start("ana") for _ in range(4)]
    verifies = [VerifySignIn(challenge=a.challenge, factor="", code=code) for a in started if a.challenge]
    answers = await asyncio.gather(*(organisation.perform(verify, Nobody()) for verify in verifies))
    assert sorted(answer.token is not None for answer in answers) == [False, False, False, True]


@pytest.mark.alike
async def test_it_lasts_as_long_as_the_policy_says_and_can_start_later(organisation: Organisation) -> None:
    await ana_bound(organisation)
    await organisation.perform(SetPolicy(tenant=TENANT, bypass_minutes=10, bypass_most=60))
    shown = await organisation.perform(ShowPolicy(tenant=TENANT))
    assert (shown.bypass_minutes, shown.bypass_most) == (10, 60)
    with pytest.raises(Invalid, match="at most 60 minutes"):
        await issued(organisation, minutes=61)
    code = await issued(organisation)
    organisation.clock.forward(minutes=10)
    assert (await signed_in_with(organisation, code.code)).token is None
    now = datetime.fromtimestamp(organisation.clock.now, UTC)
    with pytest.raises(Invalid, match="seven days"):
        await issued(organisation, starts=now + timedelta(days=8))
    later = await issued(organisation, starts=now + timedelta(hours=1), minutes=60)
    assert [f.kind for f in (await organisation.start("ana")).factors] == [OfferedKind.TOTP]
    assert (await signed_in_with(organisation, later.code)).token is None
    organisation.clock.forward(minutes=61)
    assert (await signed_in_with(organisation, later.code)).token is not None


@pytest.mark.alike
async def test_a_shorter_limit_shortens_the_default(organisation: Organisation) -> None:
    policy = await organisation.perform(SetPolicy(tenant=TENANT, bypass_most=15))
    assert (policy.bypass_minutes, policy.bypass_most) == (15, 15)
    with pytest.raises(Invalid):
        await organisation.perform(SetPolicy(tenant=TENANT, bypass_minutes=16))


async def test_a_new_one_replaces_it_and_it_can_be_revoked(organisation: Organisation) -> None:
    await ana_bound(organisation)
    first, second = await issued(organisation), await issued(organisation)
    assert second.replaced
    assert (await signed_in_with(organisation, first.code)).token is None
    shown = await organisation.perform(ShowUser(tenant=TENANT, user="ana"))
    assert shown.bypass is not None
    assert (shown.bypass.until, shown.bypass.reason) == (second.until, REASON)
    revoke = RevokeBypass(tenant=TENANT, user="ana")
    assert (await organisation.perform(revoke)).login == "ana"
    assert (await signed_in_with(organisation, second.code)).token is None
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).bypass is None
    with pytest.raises(Conflict):
        await organisation.perform(revoke)


async def test_a31_it_is_stored_as_a_digest_and_is_in_no_audit_entry(organisation: Organisation) -> None:
    await ana_bound(organisation)
    code = await issued(organisation, ticket="T-17")
    await signed_in_with(organisation, code.code)
    await issued(organisation)
    await organisation.perform(RevokeBypass(tenant=TENANT, user="ana"))
    signs = code.code.reveal().replace("-", "")
    rows = await asyncio.wrap_future(
        organisation.backend.store.read(lambda c: [tuple(row) for row in c.execute(sa.select(bypass_codes))])
    )
    page = await organisation.perform(ListAudit(tenant=TENANT, limit=500))
    for text in (str(rows), str(page)):
        assert code.code.reveal() not in text
        assert signs not in text
    (used,) = await entries(organisation, "bypass.used")
    assert (used.actor, used.target) == ("ana", "ana")
    first = (await entries(organisation, "bypass.issued"))[-1]
    assert (first.reason, first.ticket, first.details["ends"]) == (REASON, "T-17", code.until.isoformat())
    assert len(await entries(organisation, "bypass.revoked")) == 1
    assert (await entries(organisation, "sign-in"))[0].details["factor"] == "bypass"


@pytest.mark.alike
async def test_a12_a_sign_in_with_it_binds_nothing_and_is_no_proof(organisation: Organisation) -> None:
    await ana_bound(organisation)
    pending = await organisation.perform(EnrollFactor(tenant=TENANT, user="ana"))
    ana = await bypass_session(organisation)
    factor = (await organisation.perform(ShowUser(tenant=TENANT, user="ana"), ana)).factors[0].id
    for operation in (
        EnrollFactor(tenant=TENANT, user="ana"),
        RemoveFactor(tenant=TENANT, factor=factor),
        CreateRecoveryCodes(tenant=TENANT, user="ana"),
        CreateToken(name="ci"),
    ):
        with pytest.raises(StepUpNeeded):
            await organisation.perform(operation, ana)
    confirm = ConfirmFactor(tenant=TENANT, enrollment=pending.enrollment, code=Secret("000000"))
    with pytest.raises(NotAllowed, match="bypass code"):  # one that an administrator started
        await organisation.perform(confirm, ana)
    other = await issued(organisation)
    proof = await organisation.perform(StepUp(password=PASSWORD, code=other.code), ana)
    assert (proof.accepted, proof.left) == (False, 5)
    assert "only for signing in" in proof.message
    proved = await organisation.prove(ana, organisation.code("ana"))  # the phone has turned up
    await organisation.perform(EnrollFactor(tenant=TENANT, user="ana"), proved)


@pytest.mark.alike
async def test_an_unbound_user_signs_in_with_it_and_cannot_bind_by_the_password_alone(
    organisation: Organisation,
) -> None:
    await ana_bound(organisation)
    begun = await organisation.perform(
        Unbind(tenant=TENANT, users=("ana",), reason="lost phone", ticket="T-17", bypass=60)
    )
    assert begun.bypass is not None
    assert begun.bypass.until - begun.bypass.starts == timedelta(minutes=60)
    answer = await organisation.start("ana")
    assert (answer.status, [f.kind for f in answer.factors]) == (SignInStatus.SECOND_FACTOR, [OfferedKind.BYPASS])
    assert answer.challenge is not None
    with pytest.raises(Conflict):
        await organisation.perform(StartBinding(challenge=answer.challenge), Nobody())
    done = await signed_in_with(organisation, begun.bypass.code)
    assert done.token is not None
    ana = Bearer(done.token)
    proof = await organisation.perform(StepUp(password=PASSWORD), ana)
    assert (proof.accepted, proof.left) == (False, 5)
    with pytest.raises(StepUpNeeded):
        await organisation.perform(EnrollFactor(tenant=TENANT, user="ana"), ana)
    assert (await organisation.start("ana")).status is SignInStatus.ENROLL
    event = (await entries(organisation, "bypass.issued"))[0]
    assert event.details["event"] == begun.event


async def test_binding_that_has_begun_ends_when_a_code_is_issued(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    answer = await organisation.start("ana")
    assert answer.challenge is not None
    await issued(organisation)
    with pytest.raises(Conflict):
        await organisation.perform(StartBinding(challenge=answer.challenge), Nobody())


async def test_unbinding_without_one_revokes_it_and_so_does_undoing(organisation: Organisation) -> None:
    await ana_bound(organisation)
    await issued(organisation)
    done = await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="lost"))
    assert done.bypass is None
    assert (await organisation.start("ana")).status is SignInStatus.ENROLL
    await issued(organisation)
    await organisation.perform(UndoUnbind(tenant=TENANT, event=done.event))
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).bypass is None


@pytest.mark.alike
async def test_it_is_for_one_user(organisation: Organisation) -> None:
    await ana_bound(organisation)
    await organisation.add("bob")
    await organisation.bind("bob")
    with pytest.raises(Invalid) as refused:
        await organisation.perform(Unbind(tenant=TENANT, users=("ana", "bob"), reason="lost", bypass=30))
    assert refused.value.field == "bypass"
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).user.status is BindingStatus.BOUND


@pytest.mark.alike
async def test_nobody_issues_one_for_an_equal(organisation: Organisation) -> None:
    await organisation.add("kim", Role.TENANT_ADMIN)
    await organisation.add("tom", Role.TENANT_ADMIN)
    await organisation.bind("tom")
    kim = await organisation.sign_in("kim")
    with pytest.raises(NotAllowed, match="lower rank"):
        await organisation.perform(IssueBypass(tenant=TENANT, user="tom", reason=REASON), kim)
    for minutes in (30, None):
        refused = await organisation.perform(Unbind(tenant=TENANT, users=("tom",), reason="lost", bypass=minutes), kim)
        assert refused.failed[0].reason == "A tenant-admin may not act on a tenant-admin."
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="tom"))).user.status is BindingStatus.BOUND


async def test_wrong_ones_are_counted_like_other_codes(organisation: Organisation) -> None:
    await ana_bound(organisation)
    code = await issued(organisation)
    answer = await organisation.start("ana")
    assert answer.challenge is not None
    for left in (4, 3, 2, 1):
        verify = VerifySignIn(challenge=answer.challenge, factor="", code=NO_SUCH)
        wrong = await organisation.perform(verify, Nobody())
        assert (wrong.status, wrong.left) == (SignInStatus.SECOND_FACTOR, left)
    assert await failures(organisation) == 4
    wrong = await organisation.perform(VerifySignIn(challenge=answer.challenge, factor="", code=NO_SUCH), Nobody())
    assert wrong.status is SignInStatus.REFUSED
    refused = await organisation.start("ana")  # held back now, whatever the code
    assert refused.status is SignInStatus.REFUSED
    organisation.clock.forward(minutes=2)
    assert (await signed_in_with(organisation, code.code)).token is not None
    assert await failures(organisation) == 0


@pytest.mark.alike
async def test_it_is_not_a_code_for_programs(organisation: Organisation) -> None:
    await ana_bound(organisation)
    code = await issued(organisation)
    verdict = await organisation.perform(VerifyCode(tenant=TENANT, user="ana", code=code.code))
    assert (verdict.accepted, verdict.counted) == (False, False)
    assert (await signed_in_with(organisation, code.code)).token is not None


@pytest.mark.alike
async def test_disabling_and_another_role_revoke_it_and_a_new_password_does_not(organisation: Organisation) -> None:
    await ana_bound(organisation)
    code = await issued(organisation)
    reset = await organisation.perform(ResetPassword(tenant=TENANT, user="ana"))
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).bypass is not None
    assert reset.password != code.code
    await organisation.perform(DisableUser(tenant=TENANT, user="ana"))
    with pytest.raises(Conflict, match="disabled"):
        await issued(organisation)
    await organisation.perform(EnableUser(tenant=TENANT, user="ana"))
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).bypass is None
    await issued(organisation)
    await organisation.perform(ChangeRole(tenant=TENANT, user="ana", role=Role.AUDITOR))
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).bypass is None


@pytest.mark.alike
async def test_it_says_so_where_no_factor_is_asked_for(organisation: Organisation) -> None:
    await organisation.add("ana")
    assert "not asked" in (await issued(organisation)).message


@pytest.mark.alike
async def test_the_explanation_of_a_sign_in_names_it(organisation: Organisation) -> None:
    await ana_bound(organisation)
    explain = ExplainSignIn(tenant=TENANT, user="ana")
    await issued(organisation)
    found = await organisation.perform(explain)
    assert found.facts.bypass
    assert any("bypass code" in words for words in found.because)
    await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="lost", bypass=5))
    found = await organisation.perform(explain)
    assert (found.outcome, found.rule) == (SignInStatus.SECOND_FACTOR, "policy-required")
    assert not any("grace" in words for words in found.because)


@pytest.mark.alike
async def test_one_of_a_clock_that_was_ahead_does_not_work(organisation: Organisation) -> None:
    await ana_bound(organisation)
    organisation.clock.forward(days=300)
    code = await issued(organisation)
    organisation.clock.forward(days=-300)
    organisation.clock.forward(minutes=1)
    assert (await signed_in_with(organisation, code.code)).token is None


@pytest.mark.alike
async def test_another_role_by_an_import_revokes_it_too(organisation: Organisation) -> None:
    await ana_bound(organisation)
    await issued(organisation)
    await organisation.perform(ImportUsers(tenant=TENANT, users=(NewUser(2, "ana", name="Ana Kral"),)))
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).bypass is not None
    await organisation.perform(ImportUsers(tenant=TENANT, users=(NewUser(2, "ana", role=Role.TENANT_ADMIN),)))
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).bypass is None
    assert [e.reason for e in await entries(organisation, "bypass.revoked")] == ["The role changed."]


@pytest.mark.alike
async def test_it_works_only_while_its_issuer_could_issue_it(organisation: Organisation) -> None:
    await ana_bound(organisation)
    await organisation.add("hana", Role.HELPDESK)
    await organisation.bind("hana")
    code = (await issued(organisation, await organisation.sign_in("hana"))).code
    begun = await organisation.start("ana")
    assert OfferedKind.BYPASS in [factor.kind for factor in begun.factors]
    assert begun.challenge is not None
    await organisation.perform(DisableUser(tenant=TENANT, user="hana"))
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).bypass is None
    refused = await organisation.perform(VerifySignIn(challenge=begun.challenge, factor="", code=code), Nobody())
    assert (refused.status, refused.token) == (SignInStatus.SECOND_FACTOR, None)
    await organisation.perform(EnableUser(tenant=TENANT, user="hana"))
    assert (await signed_in_with(organisation, code)).status is SignInStatus.COMPLETE
