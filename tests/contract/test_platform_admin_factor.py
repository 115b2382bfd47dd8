"""Platform administrators always need a factor, whatever the policy, whitelist or open sessions.

A10, A12: settings of a tenant's administrator do not decide how the platform's administrators sign in.
"""

from __future__ import annotations

from typing import Any

import pytest

from secconsole.domain.errors import Conflict, NotAllowed, StepUpNeeded
from secconsole.domain.model import PolicyMode, SignInStatus
from secconsole.domain.policy import Rule
from secconsole.domain.roles import Role
from secconsole.operations.account import CancelMfa, KeepFactor
from secconsole.operations.audit import ListAudit
from secconsole.operations.base import Operation
from secconsole.operations.policy import ExplainSignIn, PreviewPolicy, SetPolicy
from secconsole.operations.tenants import CreateTenant
from secconsole.operations.user_changes import ChangeRole, RequireMfa
from secconsole.operations.users import CreateUser, ShowUser
from secconsole.operations.whitelist import AddToWhitelist
from tests.organisation import PASSWORD, TENANT, Organisation

WORDS = "something else entirely"


async def test_a_tenants_policy_does_not_exempt_a_platform_administrator(organisation: Organisation) -> None:
    await organisation.add("tom", Role.TENANT_ADMIN)
    await organisation.bind("root")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OFF), await organisation.sign_in("tom"))
    assert (await organisation.start("root")).status is SignInStatus.SECOND_FACTOR
    explained = await organisation.perform(ExplainSignIn(tenant=TENANT, user="root"))
    assert (explained.outcome, explained.rule) == (SignInStatus.SECOND_FACTOR, Rule.PLATFORM_ADMIN)
    assert any("always asked" in words for words in explained.because)
    await organisation.sign_in("root")
    entries = (await organisation.perform(ListAudit(tenant=TENANT, action="sign-in"))).items
    signed_in = next(entry for entry in entries if entry.actor == "root" and entry.outcome == "done")
    assert signed_in.details["rule"] == "platform-admin"


async def test_the_whitelist_does_not_exempt_a_platform_administrator(organisation: Organisation) -> None:
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OFF))
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))  # root goes onto the list, unbound
    assert (await organisation.perform(ShowUser(tenant=TENANT, user="root"))).whitelist is not None
    assert (await organisation.start("root")).status is SignInStatus.COMPLETE
    await organisation.bind("root")
    assert (await organisation.start("root")).status is SignInStatus.SECOND_FACTOR


async def test_a_promoted_user_is_asked_from_then_on(organisation: Organisation) -> None:
    await organisation.add("tess", Role.TENANT_ADMIN)
    await organisation.bind("tess")
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=("tess",), reason=WORDS))
    assert (await organisation.start("tess")).status is SignInStatus.COMPLETE
    await organisation.perform(ChangeRole(tenant=TENANT, user="tess", role=Role.PLATFORM_ADMIN))
    assert (await organisation.start("tess")).status is SignInStatus.SECOND_FACTOR


async def test_a_demoted_user_is_still_asked_although_whitelisted(organisation: Organisation) -> None:
    await organisation.add("tess", Role.PLATFORM_ADMIN)
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL))
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=("tess",), reason=WORDS))
    await organisation.bind("tess")
    await organisation.perform(ChangeRole(tenant=TENANT, user="tess", role=Role.TENANT_ADMIN))
    assert (await organisation.start("tess")).status is SignInStatus.SECOND_FACTOR


async def test_a_preview_counts_users_who_need_a_factor_even_if_off(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.bind("root")
    impact = (await organisation.perform(PreviewPolicy(tenant=TENANT, mode=PolicyMode.OFF))).impact
    assert (impact.bound, impact.always_asked) == (2, 1)


async def test_the_whitelist_does_not_let_a_platform_administrator_cancel_a_required_factor(
    organisation: Organisation,
) -> None:
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=("root",), reason=WORDS))
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED))
    await organisation.bind("root")
    root = await organisation.sign_in("root")
    with pytest.raises(Conflict, match="requires one of all users"):
        await organisation.perform(CancelMfa(), root)
    with pytest.raises(Conflict, match="always asked"):
        await organisation.perform(KeepFactor(keep=False), root)


async def test_a12_creating_a_user_in_another_tenant_requires_step_up(organisation: Organisation) -> None:
    await organisation.perform(CreateTenant(name="other"))
    root = await organisation.sign_in("root")
    organisation.clock.forward(minutes=6)
    refused: list[Operation[Any]] = [
        CreateUser(tenant="other", login="bob", password=PASSWORD),
        *(CreateUser(tenant=TENANT, login="bob", role=role) for role in Role if role is not Role.USER),
    ]
    for operation in refused:
        with pytest.raises(StepUpNeeded):
            await organisation.perform(operation, root)
    await organisation.perform(CreateUser(tenant=TENANT, login="bob"), root)
    proved = await organisation.prove(root)
    await organisation.perform(CreateUser(tenant="other", login="bob", password=PASSWORD), proved)


async def test_users_cannot_stop_requiring_a_factor_of_themselves(organisation: Organisation) -> None:
    await organisation.add("tom", Role.TENANT_ADMIN)
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL))
    tom = await organisation.sign_in("tom")
    await organisation.perform(RequireMfa(tenant=TENANT, user="tom"), tom)
    with pytest.raises(NotAllowed, match="another administrator"):
        await organisation.perform(RequireMfa(tenant=TENANT, user="tom", required=False), tom)
