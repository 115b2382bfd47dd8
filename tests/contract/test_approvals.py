"""Approvals: another person answers, once and for exactly what was asked, within 30 minutes."""

from __future__ import annotations

import asyncio

import pytest

from secconsole.domain.errors import Conflict, NotAllowed
from secconsole.domain.helpdesk import ApprovalState, UnbindNeeds
from secconsole.domain.model import FactorKind
from secconsole.domain.roles import Role
from secconsole.operations.approvals import Approval, DenyApproval, GrantApproval, ListApprovals, RequestApproval
from secconsole.operations.audit import ListAudit
from secconsole.operations.caller import Bearer, Credential
from secconsole.operations.caller_check import ConfirmCallerCheck, StartCallerCheck
from secconsole.operations.factors import ListFactors, RemoveFactor
from secconsole.operations.policy import SetPolicy
from secconsole.operations.unbinding import PreviewUnbind, Unbind, UnbindResult
from secconsole.operations.user_changes import ChangeRole, DisableUser, EnableUser, RenameUser
from tests.organisation import TENANT, Organisation

REASON = "lost phone"


async def desk(organisation: Organisation, needs: UnbindNeeds) -> tuple[Bearer, Bearer]:
    """Two helpdesk operators, and ana with a phone."""
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.add("hana", Role.HELPDESK)
    await organisation.add("hugo", Role.HELPDESK)
    await organisation.perform(SetPolicy(tenant=TENANT, unbind_needs=needs))
    return await organisation.sign_in("hana"), await organisation.sign_in("hugo")


async def ask(organisation: Organisation, who: Credential, reason: str = REASON) -> Approval:
    return await organisation.perform(RequestApproval(tenant=TENANT, user="ana", reason=reason), who)


def role(user: str, given: Role) -> ChangeRole:
    return ChangeRole(tenant=TENANT, user=user, role=given)


async def unbind(organisation: Organisation, who: Credential, reason: str = REASON) -> UnbindResult:
    return await organisation.perform(Unbind(tenant=TENANT, users=("ana",), reason=reason), who)


async def test_a33_another_person_approves_and_it_counts_once_for_what_was_asked(organisation: Organisation) -> None:
    hana, hugo = await desk(organisation, UnbindNeeds.APPROVAL)
    refused = await unbind(organisation, hana)
    assert refused.unbound == ()
    assert "second person" in refused.failed[0].reason
    asked = await ask(organisation, hana)
    assert (asked.state, asked.own) == (ApprovalState.PENDING, True)
    assert (await unbind(organisation, hana)).unbound == ()
    for answer in (GrantApproval, DenyApproval):
        with pytest.raises(NotAllowed, match="yourself"):
            await organisation.perform(answer(tenant=TENANT, approval=asked.id), hana)
    listed = (await organisation.perform(ListApprovals(tenant=TENANT), hugo)).items
    assert [(a.id, a.own) for a in listed] == [(asked.id, False)]
    granted = await organisation.perform(GrantApproval(tenant=TENANT, approval=asked.id), hugo)
    assert (granted.state, granted.answer_by) == (ApprovalState.GRANTED, "hugo")
    assert (await unbind(organisation, hana, "another reason")).unbound == ()
    assert (await unbind(organisation, hugo)).unbound == ()
    seen = await organisation.perform(PreviewUnbind(tenant=TENANT, users=("ana",)), hana)
    assert (seen.lacks, seen.approval) == ("", None if seen.approval is None else seen.approval)
    assert len((await unbind(organisation, hana)).unbound) == 1
    entry = (await organisation.perform(ListAudit(tenant=TENANT, action="unbind"))).items[0]
    assert (entry.details["approved_by"], entry.details["approval"]) == ("hugo", asked.id)
    await organisation.bind("ana")
    assert (await unbind(organisation, hana)).unbound == ()  # used
    with pytest.raises(Conflict):
        await organisation.perform(GrantApproval(tenant=TENANT, approval=asked.id), hugo)


async def test_it_ends_after_thirty_minutes_and_a_denial_is_final(organisation: Organisation) -> None:
    hana, hugo = await desk(organisation, UnbindNeeds.APPROVAL)
    asked = await ask(organisation, hana)
    denied = await organisation.perform(DenyApproval(tenant=TENANT, approval=asked.id), hugo)
    assert denied.state is ApprovalState.DENIED
    assert (await unbind(organisation, hana)).unbound == ()
    with pytest.raises(Conflict):
        await organisation.perform(GrantApproval(tenant=TENANT, approval=asked.id), hugo)
    again = await ask(organisation, hana)
    organisation.clock.forward(minutes=31)
    assert (await organisation.perform(ListApprovals(tenant=TENANT))).items == ()
    with pytest.raises(Conflict):
        await organisation.perform(GrantApproval(tenant=TENANT, approval=again.id))


@pytest.mark.alike
async def test_a_checked_caller_is_enough_where_a_check_is_needed_and_so_is_an_approval(
    organisation: Organisation,
) -> None:
    hana, hugo = await desk(organisation, UnbindNeeds.CHECK)
    assert "caller check" in (await unbind(organisation, hana)).failed[0].reason
    await organisation.perform(StartCallerCheck(tenant=TENANT, user="ana", channel=FactorKind.TOTP), hana)
    confirm = ConfirmCallerCheck(tenant=TENANT, user="ana", code=organisation.code("ana"))
    assert (await organisation.perform(confirm, hana)).accepted
    assert (await unbind(organisation, hugo)).unbound == ()
    assert len((await unbind(organisation, hana)).unbound) == 1
    await organisation.bind("ana")
    asked = await ask(organisation, hana)
    await organisation.perform(GrantApproval(tenant=TENANT, approval=asked.id), hugo)
    assert len((await unbind(organisation, hana)).unbound) == 1


async def test_a01_one_approval_is_for_one_of_two_unbindings_at_once(organisation: Organisation) -> None:
    hana, hugo = await desk(organisation, UnbindNeeds.APPROVAL)
    asked = await ask(organisation, hana)
    grants = await asyncio.gather(
        *(organisation.perform(GrantApproval(tenant=TENANT, approval=asked.id)) for _ in range(3)),
        return_exceptions=True,
    )
    assert sum(isinstance(each, Approval) for each in grants) == 1
    unbinds = [
        Unbind(tenant=TENANT, users=("ana",), reason=REASON, verified_by=verifier) for verifier in ("hugo", "hana")
    ]
    done = await asyncio.gather(*(organisation.perform(each, hana) for each in unbinds))
    assert sorted(len(each.unbound) for each in done) == [0, 1]
    assert hugo is not hana


@pytest.mark.alike
async def test_it_can_be_asked_for_where_nothing_is_needed(organisation: Organisation) -> None:
    hana, hugo = await desk(organisation, UnbindNeeds.NONE)
    asked = await ask(organisation, hana)
    await organisation.perform(GrantApproval(tenant=TENANT, approval=asked.id), hugo)
    await unbind(organisation, hana)
    entry = (await organisation.perform(ListAudit(tenant=TENANT, action="unbind"))).items[0]
    assert entry.details["approved_by"] == "hugo"


@pytest.mark.alike
async def test_another_login_does_not_make_a_second_person(organisation: Organisation) -> None:
    await desk(organisation, UnbindNeeds.APPROVAL)
    await organisation.add("tina", Role.TENANT_ADMIN)
    tina = await organisation.sign_in("tina")
    asked = await ask(organisation, tina)
    await organisation.perform(RenameUser(tenant=TENANT, user="tina", login="martina"), tina)
    with pytest.raises(NotAllowed, match="yourself"):
        await organisation.perform(GrantApproval(tenant=TENANT, approval=asked.id), tina)
    assert [a.own for a in (await organisation.perform(ListApprovals(tenant=TENANT), tina)).items] == [True]
    await organisation.perform(GrantApproval(tenant=TENANT, approval=asked.id))
    assert len((await unbind(organisation, tina)).unbound) == 1


@pytest.mark.alike
async def test_a_grant_does_not_count_once_its_giver_could_not_give_it(organisation: Organisation) -> None:
    await desk(organisation, UnbindNeeds.APPROVAL)
    await organisation.add("tina", Role.TENANT_ADMIN)
    tina, hugo = await organisation.sign_in("tina"), await organisation.sign_in("hugo")
    asked = await ask(organisation, tina)
    await organisation.perform(GrantApproval(tenant=TENANT, approval=asked.id), hugo)
    for change, back in (
        (DisableUser(tenant=TENANT, user="hugo"), EnableUser(tenant=TENANT, user="hugo")),
        (role("hugo", Role.AUDITOR), role("hugo", Role.HELPDESK)),
        (role("ana", Role.HELPDESK), role("ana", Role.USER)),
    ):
        await organisation.perform(change)
        assert "second person" in (await unbind(organisation, tina)).failed[0].reason
        await organisation.perform(back)
    assert len((await unbind(organisation, tina)).unbound) == 1


@pytest.mark.alike
async def test_removing_the_last_factor_is_no_way_around_it(organisation: Organisation) -> None:
    await desk(organisation, UnbindNeeds.APPROVAL)
    await organisation.add("tina", Role.TENANT_ADMIN)
    tina = await organisation.sign_in("tina")
    last = (await organisation.perform(ListFactors(tenant=TENANT, user="ana"))).items[0]
    with pytest.raises(NotAllowed, match="unbind"):
        await organisation.perform(RemoveFactor(tenant=TENANT, factor=last.id), tina)
    await organisation.perform(SetPolicy(tenant=TENANT, unbind_needs=UnbindNeeds.NONE))
    await organisation.perform(RemoveFactor(tenant=TENANT, factor=last.id), tina)
