"""Ways to get at the account of an equal, step by step."""

from __future__ import annotations

import pytest

from secconsole.domain.errors import NotAllowed
from secconsole.domain.helpdesk import ApprovalKind
from secconsole.domain.roles import Role
from secconsole.operations.approvals import GrantApproval, RequestApproval
from secconsole.operations.audit import ListAudit
from secconsole.operations.user_changes import ChangeRole, RenameUser
from secconsole.operations.user_import import ImportUsers, NewUser
from tests.organisation import TENANT, Organisation

DEMOTE = ChangeRole(tenant=TENANT, user="una", role=Role.USER)


async def test_a_tenant_administrator_cannot_demote_an_equal_by_any_way(organisation: Organisation) -> None:
    for login in ("tom", "una"):
        await organisation.add(login, Role.TENANT_ADMIN)
    tom = await organisation.sign_in("tom")
    with pytest.raises(NotAllowed):
        await organisation.perform(DEMOTE, tom)
    lines = [NewUser(2, "una", role="user"), NewUser(3, "una", email="tom@acme.example")]
    for line in lines:
        done = await organisation.perform(ImportUsers(tenant=TENANT, users=(line,)), tom)
        assert [r.reason for r in done.rejected] == ["A tenant-admin may not act on a tenant-admin."]
    await organisation.perform(RenameUser(tenant=TENANT, user="tom", name="Tom"), tom)  # their own


async def test_an_import_may_name_an_equal_as_they_are(organisation: Organisation) -> None:
    for login in ("tom", "una"):
        await organisation.add(login, Role.TENANT_ADMIN, email=f"{login}@acme.example")
    tom = await organisation.sign_in("tom")
    line = NewUser(2, "una", email="una@acme.example", role="tenant-admin")
    done = await organisation.perform(ImportUsers(tenant=TENANT, users=(line,)), tom)
    assert (done.unchanged, done.rejected) == (1, ())


@pytest.mark.parametrize("by_import", [False, True])
async def test_a_platform_administrator_demotes_another_one_with_a_second_person(
    organisation: Organisation, by_import: bool
) -> None:
    """A demoted administrator could be reset by the same person at once."""
    for login in ("pia", "una", "pit"):
        await organisation.add(login, Role.PLATFORM_ADMIN)
    pia, pit = await organisation.sign_in("pia"), await organisation.sign_in("pit")

    async def is_demoted() -> bool:
        if by_import:
            done = await organisation.perform(ImportUsers(tenant=TENANT, users=(NewUser(2, "una", role="user"),)), pia)
            return not done.rejected
        try:
            await organisation.perform(DEMOTE, pia)
        except NotAllowed:
            return False
        return True

    assert not await is_demoted()
    for kind in (ApprovalKind.UNBIND, ApprovalKind.RESET):
        ask = RequestApproval(tenant=TENANT, user="una", reason="has left", kind=kind)
        asked = await organisation.perform(ask, pia)
        assert not await is_demoted()
        await organisation.perform(GrantApproval(tenant=TENANT, approval=asked.id), pit)
        assert await is_demoted() is (kind is ApprovalKind.RESET)
    entry = (await organisation.perform(ListAudit(tenant=TENANT, action="user.role-changed"))).items[0]
    assert (entry.target, entry.details["approved_by"]) == ("una", "pit")
    await organisation.perform(ChangeRole(tenant=TENANT, user="una", role=Role.PLATFORM_ADMIN))
    assert not await is_demoted(), "an approval counts once"
