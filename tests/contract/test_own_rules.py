"""The rules of the policy that a user is shown are those that are enforced."""

from __future__ import annotations

import pytest

from secconsole.domain.errors import Conflict
from secconsole.domain.model import FactorKind, PolicyMode
from secconsole.operations.account import CancelMfa, OwnRules, ShowOwnRules
from secconsole.operations.policy import SetPolicy
from secconsole.operations.user_changes import RequireMfa
from secconsole.operations.whitelist import AddToWhitelist
from tests.organisation import TENANT, Organisation


async def rules(organisation: Organisation) -> OwnRules:
    """Return ana's rules, and check that cancelling is refused exactly if a factor is required."""
    ana = await organisation.sign_in("ana")
    answer = await organisation.perform(ShowOwnRules(), ana)
    if answer.required:
        with pytest.raises(Conflict) as refused:
            await organisation.perform(CancelMfa(), ana)
        assert answer.why in refused.value.message
    else:
        assert answer.why == ""
    return answer


async def test_each_user_sees_the_rules_for_their_account(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OPTIONAL))
    assert await rules(organisation) == OwnRules(PolicyMode.OPTIONAL, False, "", (FactorKind.TOTP,), False)
    await organisation.perform(RequireMfa(tenant=TENANT, user="ana"))
    assert "an administrator" in (await rules(organisation)).why
    await organisation.perform(RequireMfa(tenant=TENANT, user="ana", required=False))
    kinds = (FactorKind.TOTP, FactorKind.EMAIL)
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.REQUIRED, kinds=kinds, recovery_view=True))
    answer = await rules(organisation)
    assert answer.required
    assert answer.kinds == kinds
    assert answer.recovery_view
    await organisation.perform(AddToWhitelist(tenant=TENANT, users=("ana",), reason="night shift"))
    assert not (await rules(organisation)).required
    await organisation.perform(SetPolicy(tenant=TENANT, mode=PolicyMode.OFF))
    assert (await rules(organisation)).policy is PolicyMode.OFF


async def test_the_store_owner_has_no_account_rules(organisation: Organisation) -> None:
    with pytest.raises(Conflict, match="no account"):
        await organisation.perform(ShowOwnRules())
