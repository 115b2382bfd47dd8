"""Recovery codes: creation, use and expiry."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from secconsole.domain.errors import Conflict, NotAllowed, NotFound, StepUpNeeded
from secconsole.domain.factors.recovery import HOW_MANY
from secconsole.domain.model import BindingStatus, Flag, PolicyMode, SignInStatus
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.domain.throttling.throttle import FREE_TRIES
from secconsole.domain.users.search import UserFilter
from secconsole.operations.audit import AuditEntry, ListAudit
from secconsole.operations.caller import Bearer, Nobody
from secconsole.operations.factors import EnrollFactor, RemoveFactor, VerifyCode
from secconsole.operations.policy import SetPolicy
from secconsole.operations.recovery import CreateRecoveryCodes, ViewRecoveryCodes
from secconsole.operations.signin import SignInAnswer, VerifySignIn
from secconsole.operations.step_up import StepUp
from secconsole.operations.tenants import ShowAdoption
from secconsole.operations.unbinding import Unbind, UndoUnbind
from secconsole.operations.user_changes import DisableUser, ResetPassword
from secconsole.operations.users import CountUsers, ListUsers, ShowUser
from secconsole.store.schema import recovery_codes
from tests.organisation import PASSWORD, TENANT, Organisation

MAKE = CreateRecoveryCodes(tenant=TENANT, user="ana")
NO_SUCH = Secret("00000-00000-00000-00000-00000")


async def ana_with_codes(organisation: Organisation) -> list[Secret[str]]:
    """Ana, who has a phone and is asked for it, and her codes."""
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    return list((await organisation.perform(MAKE)).codes)


async def left(organisation: Organisation) -> int:
    return (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).recovery_left


async def failures(organisation: Organisation) -> int:
    return (await organisation.perform(ShowUser(tenant=TENANT, user="ana"))).failures


async def verified(organisation: Organisation, code: Secret[str]) -> bool:
    return (await organisation.perform(VerifyCode(tenant=TENANT, user="ana", code=code))).accepted


async def signed_in_with(organisation: Organisation, code: Secret[str], factor: str = "") -> SignInAnswer:
    answer = await organisation.start("ana")
    assert answer.status is SignInStatus.SECOND_FACTOR
    assert answer.challenge is not None
    return await organisation.perform(VerifySignIn(challenge=answer.challenge, factor=factor, code=code), Nobody())


async def entries(organisation: Organisation, action: str) -> tuple[AuditEntry, ...]:
    return (await organisation.perform(ListAudit(tenant=TENANT, action=action))).items


async def test_ten_recovery_codes_verify_once_each(organisation: Organisation) -> None:
    codes = await ana_with_codes(organisation)
    assert len({code.reveal() for code in codes}) == HOW_MANY == 10
    for number, code in enumerate(codes, 1):
        verdict = await organisation.perform(VerifyCode(tenant=TENANT, user="ana", code=code))
        assert (verdict.accepted, verdict.factor) == (True, "recovery")
        assert await left(organisation) == HOW_MANY - number
        assert not await verified(organisation, code)
    assert await left(organisation) == 0


async def test_j4_a_recovery_code_replaces_the_phone_and_reports_how_many_are_left(organisation: Organisation) -> None:
    codes = await ana_with_codes(organisation)
    answer = await signed_in_with(organisation, codes[0])
    assert answer.status is SignInStatus.COMPLETE
    assert "used up" in answer.message
    assert "9 are left" in answer.message
    assert answer.token is not None
    await organisation.perform(EnrollFactor(tenant=TENANT, user="ana"), Bearer(answer.token))  # a new phone
    again = await signed_in_with(organisation, codes[0])
    assert (again.status, again.token, again.left) == (SignInStatus.SECOND_FACTOR, None, 4)
    for code in codes[1:9]:
        await organisation.perform(VerifyCode(tenant=TENANT, user="ana", code=code))
    assert "the last one" in (await signed_in_with(organisation, codes[9])).message


@pytest.mark.alike
async def test_a_recovery_code_is_accepted_in_the_field_of_any_factor(organisation: Organisation) -> None:
    codes = await ana_with_codes(organisation)
    shown = await organisation.perform(ShowUser(tenant=TENANT, user="ana"))
    typed = codes[0].reveal().lower().replace("-", " ")
    for factor, code in ((shown.factors[0].id, Secret(typed)), ("recovery", codes[1]), ("", codes[2])):
        assert (await signed_in_with(organisation, code, factor)).status is SignInStatus.COMPLETE
    refused = await signed_in_with(organisation, organisation.code("ana"), "recovery")
    assert refused.status is SignInStatus.SECOND_FACTOR


@pytest.mark.alike
async def test_the_use_is_audited_without_the_code(organisation: Organisation) -> None:
    codes = await ana_with_codes(organisation)
    await signed_in_with(organisation, codes[0])
    await verified(organisation, codes[1])
    verify, sign_in = await entries(organisation, "recovery.used")
    assert (sign_in.actor, sign_in.target, sign_in.details) == ("ana", "ana", {"left": 9, "notified": 0})
    assert (verify.actor.partition(":")[0], verify.details) == ("local", {"left": 8, "notified": 0})
    assert (await entries(organisation, "sign-in"))[0].details["factor"] == "recovery"
    page = await organisation.perform(ListAudit(tenant=TENANT, limit=500))
    assert not any(code.reveal() in str(page) or code.reveal().replace("-", "") in str(page) for code in codes)


async def test_a09_wrong_recovery_codes_count_as_failures(organisation: Organisation) -> None:
    codes = await ana_with_codes(organisation)
    await organisation.start("ana", Secret("wrong"))
    assert not await verified(organisation, Secret("000000"))
    await signed_in_with(organisation, NO_SUCH)
    assert await failures(organisation) == 3
    while await failures(organisation) < FREE_TRIES:
        assert not await verified(organisation, NO_SUCH)
    assert not await verified(organisation, codes[0])  # throttled: it is not checked at all
    assert (await failures(organisation), await left(organisation)) == (FREE_TRIES, HOW_MANY)
    organisation.clock.forward(seconds=30)
    assert await verified(organisation, codes[0])
    assert await failures(organisation) == 0


@pytest.mark.alike
async def test_five_wrong_recovery_codes_end_a_sign_in(organisation: Organisation) -> None:
    codes = await ana_with_codes(organisation)
    answer = await organisation.start("ana")
    assert answer.challenge is not None
    for _ in range(5):
        last = await organisation.perform(VerifySignIn(challenge=answer.challenge, factor="", code=NO_SUCH), Nobody())
    assert last.status is SignInStatus.REFUSED
    organisation.clock.forward(minutes=5)
    right = VerifySignIn(challenge=answer.challenge, factor="", code=codes[0])
    assert (await organisation.perform(right, Nobody())).status is SignInStatus.REFUSED
    assert await left(organisation) == HOW_MANY


async def test_a_recovery_code_is_accepted_for_step_up(organisation: Organisation) -> None:
    codes = await ana_with_codes(organisation)
    ana = await organisation.sign_in("ana")
    organisation.clock.forward(minutes=6)
    with pytest.raises(StepUpNeeded):
        await organisation.perform(MAKE, ana)
    assert not (await organisation.perform(StepUp(password=PASSWORD, code=NO_SUCH), ana)).accepted
    proof = await organisation.perform(StepUp(password=PASSWORD, code=codes[0]), ana)
    assert proof.accepted
    assert "9 are left" in proof.message
    assert proof.token is not None
    again = await organisation.perform(StepUp(password=PASSWORD, code=codes[0]), Bearer(proof.token))
    assert not again.accepted


@pytest.mark.alike
async def test_a_recovery_code_is_not_a_password(organisation: Organisation) -> None:
    codes = await ana_with_codes(organisation)
    answer = await organisation.start("ana", codes[0])
    assert (answer.status, await left(organisation)) == (SignInStatus.REFUSED, HOW_MANY)


async def test_new_recovery_codes_void_the_old_ones(organisation: Organisation) -> None:
    old = await ana_with_codes(organisation)
    assert await verified(organisation, old[0])
    made = await organisation.perform(MAKE)
    assert (made.voided, await left(organisation)) == (9, HOW_MANY)
    assert not await verified(organisation, old[1])
    assert await verified(organisation, made.codes[0])


@pytest.mark.alike
async def test_recovery_codes_require_a_factor(organisation: Organisation) -> None:
    """Otherwise an attacker with only the password could create some, and bypass a phone bound later."""
    await organisation.add("ana")
    ana = await organisation.sign_in("ana")
    with pytest.raises(Conflict, match="Bind one first"):
        await organisation.perform(MAKE, ana)
    await organisation.perform(EnrollFactor(tenant=TENANT, user="ana"), ana)
    with pytest.raises(Conflict, match="Bind one first"):
        await organisation.perform(MAKE, ana)


@pytest.mark.alike
async def test_creating_recovery_codes_requires_permission(organisation: Organisation) -> None:
    """Users themselves, and administrators for those of no higher role. A helpdesk has bypass codes and unbinding."""
    await ana_with_codes(organisation)
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL))
    for login, role in (("ben", Role.USER), ("hana", Role.HELPDESK), ("alan", Role.AUDITOR)):
        await organisation.add(login, role)
        with pytest.raises(NotAllowed):
            await organisation.perform(MAKE, await organisation.sign_in(login))
    await organisation.add("tom", Role.TENANT_ADMIN)
    tom = await organisation.sign_in("tom")
    with pytest.raises(NotAllowed):
        await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="root"), tom)
    with pytest.raises(NotFound):
        await organisation.perform(CreateRecoveryCodes(tenant=TENANT, user="nobody"), tom)
    await organisation.perform(MAKE, tom)
    await organisation.perform(MAKE, await organisation.sign_in("ana"))
    own, by_tom = (await entries(organisation, "recovery.created"))[:2]
    assert (own.actor, by_tom.actor, by_tom.target) == ("ana", "tom", "ana")
    organisation.clock.forward(minutes=6)
    with pytest.raises(StepUpNeeded):
        await organisation.perform(MAKE, tom)


async def test_unbinding_voids_recovery_codes_and_undo_restores_them(organisation: Organisation) -> None:
    codes = await ana_with_codes(organisation)
    assert await verified(organisation, codes[0])
    event = (await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="lost"))).event
    assert await left(organisation) == 0
    assert not await verified(organisation, codes[1])
    await organisation.perform(EnrollFactor(tenant=TENANT, user="ana"))
    shown = await organisation.perform(ShowUser(tenant=TENANT, user="ana"))
    await organisation.perform(RemoveFactor(tenant=TENANT, factor=shown.factors[0].id))  # begun, and given up
    await organisation.perform(UndoUnbind(tenant=TENANT, event=event))
    assert await left(organisation) == 9
    assert not await verified(organisation, codes[0])
    assert await verified(organisation, codes[1])


async def test_users_without_remaining_codes_are_counted_and_found(organisation: Organisation) -> None:
    async def without() -> list[str]:
        """Return the users who are bound and have no code, after checking the counts."""
        wanted = UserFilter(flag=Flag.NO_RECOVERY)
        found = (await organisation.perform(ListUsers(tenant=TENANT, filter=wanted))).items
        adoption = await organisation.perform(ShowAdoption(tenant=TENANT))
        bound = [group for group in adoption.groups if group.status is BindingStatus.BOUND]
        assert sum(group.count for group in bound if not group.has_recovery) == len(found)
        assert (await organisation.perform(CountUsers(tenant=TENANT, filter=wanted))).count == len(found)
        return [user.login for user in found]

    await organisation.add("ana")
    assert await without() == [], "who has no factor needs none"
    await organisation.bind("ana")
    assert await without() == ["ana"]
    codes = (await organisation.perform(MAKE)).codes
    assert await without() == []
    for code in codes[:-1]:
        assert await verified(organisation, code)
    assert await without() == []
    event = (await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="lost"))).event
    assert await without() == []
    await organisation.perform(UndoUnbind(tenant=TENANT, event=event))
    assert await without() == [], "one of them works again"
    assert await verified(organisation, codes[-1])
    assert await without() == ["ana"]


@pytest.mark.alike
async def test_void_codes_stay_void_with_a_new_phone(organisation: Organisation) -> None:
    codes = await ana_with_codes(organisation)
    await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason="lost"))
    await organisation.bind("ana")
    assert await left(organisation) == 0
    assert not await verified(organisation, codes[0])
    organisation.clock.forward(minutes=11)
    await organisation.perform(SetPolicy(tenant=TENANT, grace_days=1))  # any write sweeps
    count = sa.select(sa.func.count()).select_from(recovery_codes)
    rows = await asyncio.to_thread(organisation.backend.store.read(lambda c: c.execute(count).scalar_one()).result)
    assert rows == 0


async def test_removing_the_last_factor_voids_recovery_codes_and_replacing_it_does_not(
    organisation: Organisation,
) -> None:
    codes = await ana_with_codes(organisation)
    await organisation.bind("ana")
    assert await verified(organisation, codes[0])
    shown = await organisation.perform(ShowUser(tenant=TENANT, user="ana"))
    await organisation.perform(RemoveFactor(tenant=TENANT, factor=shown.factors[0].id))
    assert await left(organisation) == 0
    await organisation.bind("ana")
    assert not await verified(organisation, codes[1])


@pytest.mark.alike
async def test_a_password_reset_keeps_recovery_codes(organisation: Organisation) -> None:
    codes = await ana_with_codes(organisation)
    await organisation.perform(ResetPassword(tenant=TENANT, user="ana"))
    assert await verified(organisation, codes[0])


@pytest.mark.alike
async def test_a_disabled_user_cannot_sign_in_by_recovery_code(organisation: Organisation) -> None:
    codes = await ana_with_codes(organisation)
    answer = await organisation.start("ana")
    assert answer.challenge is not None
    await organisation.perform(DisableUser(tenant=TENANT, user="ana"))
    verify = VerifySignIn(challenge=answer.challenge, factor="", code=codes[0])
    assert (await organisation.perform(verify, Nobody())).status is SignInStatus.REFUSED
    assert not await verified(organisation, codes[0])
    assert await left(organisation) == HOW_MANY


@pytest.mark.alike
async def test_a_recovery_code_belongs_to_one_user(organisation: Organisation) -> None:
    codes = await ana_with_codes(organisation)
    await organisation.add("ben")
    await organisation.bind("ben")
    other = VerifyCode(tenant=TENANT, user="ben", code=codes[0])
    assert not (await organisation.perform(other)).accepted
    assert await verified(organisation, codes[0])


@pytest.mark.alike
async def test_j3_recovery_codes_are_viewed_only_while_the_policy_allows_it(organisation: Organisation) -> None:
    await ana_with_codes(organisation)
    ana = await organisation.sign_in("ana")
    with pytest.raises(Conflict, match="only once"):
        await organisation.perform(ViewRecoveryCodes(), ana)
    changed = await organisation.perform(SetPolicy(tenant=TENANT, recovery_view=True))
    assert changed.recovery_view
    with pytest.raises(Conflict, match="Create new ones"):  # those were made when it did not
        await organisation.perform(ViewRecoveryCodes(), ana)
    codes = (await organisation.perform(MAKE, ana)).codes
    assert await verified(organisation, codes[3])
    assert (await organisation.perform(ViewRecoveryCodes(), ana)).codes == codes[:3] + codes[4:]
    assert (await entries(organisation, "recovery.viewed"))[0].details == {"codes": 9}
    await organisation.perform(SetPolicy(tenant=TENANT, recovery_view=False))
    await organisation.perform(SetPolicy(tenant=TENANT, recovery_view=True))
    with pytest.raises(Conflict, match="Create new ones"):  # what they were shown from is gone
        await organisation.perform(ViewRecoveryCodes(), ana)
    assert await verified(organisation, codes[0])


@pytest.mark.alike
async def test_j3_viewing_recovery_codes_requires_step_up(organisation: Organisation) -> None:
    await ana_with_codes(organisation)
    await organisation.perform(SetPolicy(tenant=TENANT, recovery_view=True))
    ana = await organisation.sign_in("ana")
    codes = (await organisation.perform(MAKE, ana)).codes
    organisation.clock.forward(minutes=6)
    with pytest.raises(StepUpNeeded):
        await organisation.perform(ViewRecoveryCodes(), ana)
    ana = await organisation.prove(ana, organisation.code("ana"))
    assert (await organisation.perform(ViewRecoveryCodes(), ana)).codes == codes


async def test_a31_the_store_contains_digests_only(organisation: Organisation) -> None:
    codes = await ana_with_codes(organisation)
    await organisation.perform(SetPolicy(tenant=TENANT, recovery_view=True))
    codes += (await organisation.perform(MAKE)).codes
    query = sa.select(recovery_codes)
    rows = await asyncio.to_thread(organisation.backend.store.read(lambda c: c.execute(query).all()).result)
    kept = b" ".join(value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row)
    assert len(rows) == HOW_MANY
    for code in codes:
        for spelled in (code.reveal(), code.reveal().replace("-", "")):
            assert spelled.encode() not in kept
