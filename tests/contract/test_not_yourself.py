"""Administrators cannot whitelist, unbind, unlock or reset themselves, alone or among many.

They use My account, which applies the policy. A12.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from secconsole.domain.errors import NotAllowed
from secconsole.domain.model import BindingStatus, PolicyMode
from secconsole.domain.roles import NOT_YOURSELF, Role, may
from secconsole.domain.secret import Secret
from secconsole.operations.approvals import RequestApproval
from secconsole.operations.audit import ListAudit
from secconsole.operations.base import OPERATIONS, Operation
from secconsole.operations.bypass import IssueBypass, RevokeBypass
from secconsole.operations.caller_check import ConfirmCallerCheck, StartCallerCheck
from secconsole.operations.invitations import PreviewInvitation
from secconsole.operations.policy import SetPolicy
from secconsole.operations.reset import ResetUser
from secconsole.operations.unbinding import PreviewUnbind, Unbind, UndoUnbind
from secconsole.operations.user_changes import ChangeRole, DisableUser, EnableUser, ResetPassword, UnlockUser
from secconsole.operations.users import ShowUser
from secconsole.operations.whitelist import AddToWhitelist, RemoveFromWhitelist
from tests.organisation import TENANT, Organisation

REASON = "because I say so"
WORDS = "another administrator"

ONE: dict[str, Callable[[str], Operation[Any]]] = {
    "bypass.issue": lambda user: IssueBypass(tenant=TENANT, user=user, reason=REASON),
    "bypass.revoke": lambda user: RevokeBypass(tenant=TENANT, user=user),
    "approval.request": lambda user: RequestApproval(tenant=TENANT, user=user, reason=REASON),
    "caller-check.confirm": lambda user: ConfirmCallerCheck(tenant=TENANT, user=user, code=Secret("123456")),
    "caller-check.start": lambda user: StartCallerCheck(tenant=TENANT, user=user),
    "user.disable": lambda user: DisableUser(tenant=TENANT, user=user),
    "user.enable": lambda user: EnableUser(tenant=TENANT, user=user),
    "user.role": lambda user: ChangeRole(tenant=TENANT, user=user, role=Role.USER),
    "user.reset": lambda user: ResetUser(tenant=TENANT, user=user, reason=REASON),
    "user.reset-password": lambda user: ResetPassword(tenant=TENANT, user=user),
    "user.unlock": lambda user: UnlockUser(tenant=TENANT, user=user),
}
BY_REQUEST = frozenset({"approval.grant", "approval.deny"})  # see test_approvals
MANY = frozenset({"unbind.preview", "unbind", "unbind.undo", "whitelist.add", "user.invite", "user.invite-preview"})


def test_every_operation_on_users_declares_if_it_may_target_the_caller() -> None:
    on_users = {
        name
        for name, operation in OPERATIONS.items()
        if operation.spec.on_lower or "users" in operation.__annotations__ or operation.spec.others_only
    }
    answer = {name for name in on_users if OPERATIONS[name].spec.others_only}
    assert answer == {*ONE, *MANY, *BY_REQUEST}, (
        "add those with others_only to ONE or MANY above, so that they are tried"
    )
    own_too = {name for name in on_users - answer if OPERATIONS[name].spec.own or OPERATIONS[name].spec.own_reason}
    assert on_users - answer - own_too == {"user.import"}, 'declare(others_only=True), or own_reason="…"'


@pytest.mark.parametrize("name", sorted(ONE))
@pytest.mark.parametrize("role", [Role.PLATFORM_ADMIN, Role.TENANT_ADMIN, Role.HELPDESK])
async def test_operations_refuse_the_caller_as_target(organisation: Organisation, role: Role, name: str) -> None:
    await organisation.add("kim", role)
    kim = await organisation.sign_in("kim")
    with pytest.raises(NotAllowed) as refused:
        await organisation.perform(ONE[name]("kim"), kim)
    if may(role, OPERATIONS[name].spec.permission) and role is not Role.HELPDESK:  # who may not act on an equal
        assert WORDS in refused.value.message
        entry = (await organisation.perform(ListAudit(tenant=TENANT, action=name))).items[0]
        assert (entry.actor, entry.outcome) == ("kim", "refused")


@pytest.mark.parametrize("role", [Role.PLATFORM_ADMIN, Role.TENANT_ADMIN])
async def test_operations_refuse_the_caller_among_many_targets(organisation: Organisation, role: Role) -> None:
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    await organisation.add("ana")
    await organisation.add("kim", role)
    await organisation.bind("ana")
    await organisation.bind("kim")
    kim = await organisation.sign_in("kim")
    me = (await organisation.perform(ShowUser(tenant=TENANT, user="kim"))).user.id
    for users in (("ana", "kim"), ("KIM", "ana"), (me, "ana")):
        check = AddToWhitelist(tenant=TENANT, users=users, reason=REASON, check_only=True)
        listed = await organisation.perform(check, kim)
        assert (listed.changed, [f.login for f in listed.failed]) == (("ana",), ["kim"])
        assert WORDS in listed.failed[0].reason
        seen = await organisation.perform(PreviewUnbind(tenant=TENANT, users=users), kim)
        assert (seen.bound, [f.login for f in seen.failed]) == (1, ["kim"])
        invited = await organisation.perform(PreviewInvitation(tenant=TENANT, users=users), kim)
        assert next(f.reason for f in invited.failed if f.login == "kim") == NOT_YOURSELF
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=("ana", "kim"), reason=REASON), kim)
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="kim"))).whitelist is None
    done = await organisation.perform(Unbind(tenant=TENANT, users=("kim", "ana"), reason=REASON), kim)
    assert ([u.login for u in done.unbound], [f.login for f in done.failed]) == (["ana"], ["kim"])
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="kim"))).user.status is BindingStatus.BOUND


async def test_another_user_may_undo_an_unbinding(organisation: Organisation) -> None:
    await organisation.add("kim", Role.TENANT_ADMIN)
    await organisation.bind("kim")
    done = await organisation.perform(Unbind(tenant=TENANT, users=("kim",), reason="stolen phone"))
    kim = await organisation.sign_in("kim")  # with only a password, like an attacker who stole it
    undone = await organisation.perform(UndoUnbind(tenant=TENANT, event=done.event), kim)
    assert (undone.restored, [f.login for f in undone.failed]) == ((), ["kim"])


async def test_the_store_owner_is_not_a_user_and_may_act_on_all(organisation: Organisation) -> None:
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=("root",), reason=REASON))
    await organisation.perform(ResetPassword(tenant=TENANT, user="root"))


async def test_users_may_remove_themselves_from_the_whitelist(organisation: Organisation) -> None:
    await organisation.add("kim", Role.TENANT_ADMIN)
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=("kim",), reason=REASON))
    left = RemoveFromWhitelist(tenant=TENANT, users=("kim",))
    assert (await organisation.perform(left, await organisation.sign_in("kim"))).changed == ("kim",)
