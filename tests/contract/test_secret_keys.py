"""Secret keys of a tenant: several, each with a name and scopes."""

from __future__ import annotations

import pytest

from secconsole.domain.errors import Conflict, Invalid, NotAllowed, NotFound, NotSignedIn
from secconsole.domain.limits import MOST_KEYS
from secconsole.domain.roles import Role
from secconsole.domain.scope import Scope
from secconsole.operations.audit import ListAudit
from secconsole.operations.caller import Bearer
from secconsole.operations.factors import VerifyCode
from secconsole.operations.secret_keys import (
    CreateSecretKey,
    ListSecretKeys,
    NewSecretKey,
    RevokeSecretKey,
    RotateSecretKey,
    RotateSecretKeys,
    ShowSecretKey,
)
from secconsole.operations.tenants import CreateTenant
from secconsole.operations.users import CountUsers
from tests.organisation import TENANT, Organisation

COUNT = CountUsers(tenant=TENANT)


async def create(organisation: Organisation, name: str, *scopes: Scope) -> NewSecretKey:
    return await organisation.perform(CreateSecretKey(tenant=TENANT, name=name, scopes=scopes or (Scope.READ,)))


async def names(organisation: Organisation) -> list[str]:
    return [key.name for key in (await organisation.perform(ListSecretKeys(tenant=TENANT))).items]


async def test_each_key_has_its_own_scopes_and_the_audit_names_it(organisation: Organisation) -> None:
    await organisation.add("ana")
    await organisation.bind("ana")
    vpn, reports = await create(organisation, " vpn ", Scope.VERIFY), await create(organisation, "reports")
    assert (vpn.name, vpn.scopes) == ("vpn", (Scope.VERIFY,))
    assert await names(organisation) == ["reports", "vpn"]
    check = VerifyCode(tenant=TENANT, user="ana", code=organisation.code("ana"))
    with pytest.raises(NotAllowed, match="needs the scope verify, and has read"):
        await organisation.perform(check, Bearer(reports.key))
    assert (await organisation.perform(check, Bearer(vpn.key))).accepted
    entries = (await organisation.perform(ListAudit(tenant=TENANT, action="verify"))).items
    refused, accepted = sorted(entries, key=lambda entry: entry.outcome != "refused")
    assert (refused.details["by_key"], accepted.details["by_key"]) == ("reports", "vpn")
    assert (accepted.actor, accepted.details["by_token"]) == (f"key:{vpn.id}", vpn.id)


async def test_rotating_one_key_leaves_the_others_and_keeps_its_scopes(organisation: Organisation) -> None:
    vpn, reports = await create(organisation, "vpn", Scope.VERIFY, Scope.READ), await create(organisation, "reports")
    newer = await organisation.perform(RotateSecretKey(tenant=TENANT, name="vpn", overlap_hours=1))
    assert (newer.name, newer.scopes, newer.previous_id) == ("vpn", (Scope.READ, Scope.VERIFY), vpn.id)
    for key in (vpn, newer, reports):
        await organisation.perform(COUNT, Bearer(key.key))
    organisation.clock.forward(minutes=60)
    with pytest.raises(NotSignedIn):
        await organisation.perform(COUNT, Bearer(vpn.key))
    await organisation.perform(COUNT, Bearer(reports.key))
    with pytest.raises(NotFound):
        await organisation.perform(RotateSecretKey(tenant=TENANT, name="unknown"))


async def test_the_default_key_is_created_by_its_first_rotation(organisation: Organisation) -> None:
    assert (await organisation.perform(ShowSecretKey(tenant=TENANT))).id is None
    made = await organisation.perform(RotateSecretKey(tenant=TENANT))
    assert (made.name, made.scopes) == ("default", (Scope.READ, Scope.VERIFY))
    assert await names(organisation) == ["default"]


@pytest.mark.parametrize("by_id", [False, True])
async def test_a_revoked_key_ends_at_once_and_its_name_is_free(organisation: Organisation, by_id: bool) -> None:
    vpn, reports = await create(organisation, "vpn"), await create(organisation, "reports")
    await organisation.perform(RevokeSecretKey(tenant=TENANT, key=vpn.id if by_id else "vpn"))
    with pytest.raises(NotSignedIn):
        await organisation.perform(COUNT, Bearer(vpn.key))
    await organisation.perform(COUNT, Bearer(reports.key))
    (entry,) = (await organisation.perform(ListAudit(tenant=TENANT, action="secret-key.revoked"))).items
    assert entry.details == {"key": vpn.id, "name": "vpn"}
    await create(organisation, "vpn")
    with pytest.raises(NotFound):
        await organisation.perform(RevokeSecretKey(tenant=TENANT, key=vpn.id))


async def test_revoking_by_name_ends_the_previous_key_too(organisation: Organisation) -> None:
    vpn = await create(organisation, "vpn")
    newer = await organisation.perform(RotateSecretKey(tenant=TENANT, name="vpn", overlap_hours=2))
    await organisation.perform(RevokeSecretKey(tenant=TENANT, key="vpn"))
    for key in (vpn, newer):
        with pytest.raises(NotSignedIn):
            await organisation.perform(COUNT, Bearer(key.key))


async def test_after_a_breach_all_keys_are_rotated_together(organisation: Organisation) -> None:
    old = [await create(organisation, "vpn", Scope.VERIFY), await create(organisation, "reports")]
    made = (await organisation.perform(RotateSecretKeys(tenant=TENANT))).items
    assert [(key.name, key.scopes) for key in made] == [("reports", (Scope.READ,)), ("vpn", (Scope.VERIFY,))]
    for key in old:
        with pytest.raises(NotSignedIn):
            await organisation.perform(COUNT, Bearer(key.key))
    await organisation.perform(COUNT, Bearer(made[0].key))
    entries = (await organisation.perform(ListAudit(tenant=TENANT, action="secret-key.rotated"))).items
    assert {entry.details["name"] for entry in entries} == {"reports", "vpn"}


@pytest.mark.alike
async def test_names_are_unique_plain_and_few(organisation: Organisation) -> None:
    await create(organisation, "vpn")
    with pytest.raises(Conflict, match="already a secret key named vpn"):
        await create(organisation, "vpn")
    for name in (" ", "a\u202eb", "x" * 101):
        with pytest.raises(Invalid):
            await create(organisation, name)
    with pytest.raises(Invalid):
        await organisation.perform(CreateSecretKey(tenant=TENANT, name="none", scopes=()))
    for number in range(MOST_KEYS - 1):
        await create(organisation, f"app {number}")
    with pytest.raises(Conflict, match="Revoke those"):
        await create(organisation, "one more")


@pytest.mark.alike
async def test_keys_are_for_administrators_of_their_tenant_with_a_step_up(organisation: Organisation) -> None:
    await organisation.add("hana", Role.HELPDESK)
    await organisation.perform(CreateTenant(name="beta"))
    await create(organisation, "vpn")
    hana = await organisation.sign_in("hana")
    for operation in (
        CreateSecretKey(tenant=TENANT, name="x"),
        RevokeSecretKey(tenant=TENANT, key="vpn"),
        RotateSecretKeys(tenant=TENANT),
    ):
        with pytest.raises(NotAllowed):
            await organisation.perform(operation, hana)
    with pytest.raises(NotFound):
        await organisation.perform(RevokeSecretKey(tenant="beta", key="vpn"))
    assert await names(organisation) == ["vpn"]
