"""Values entered once by one person that would be in the way of others."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest

from secconsole.domain.errors import Invalid
from secconsole.domain.secret import Secret
from secconsole.domain.users.search import UserFilter
from secconsole.operations.audit import ListAudit
from secconsole.operations.caller import Nobody
from secconsole.operations.factors import EnrollFactor
from secconsole.operations.signin import SignIn
from secconsole.operations.tenants import ListTenants
from secconsole.operations.user_changes import DisableUser
from secconsole.operations.users import CountUsers, ListUsers
from secconsole.operations.whitelist import AddToWhitelist, ListWhitelist
from tests.organisation import TENANT, Organisation

MANY = tuple(f"word{n}" for n in range(3000))


@pytest.mark.parametrize(
    "until",
    [
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=-14))),  # in UTC there is no such year
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),  # and here not further east
    ],
)
async def test_an_end_beyond_the_calendar_does_not_break_the_whitelist(
    organisation: Organisation, until: datetime
) -> None:
    await organisation.add("ana")
    with pytest.raises(Invalid) as refused:
        await organisation.perform(AddToWhitelist(tenant=TENANT, users=("ana",), reason="x", until=until))
    assert refused.value.field == "until"
    assert (await organisation.perform(ListWhitelist(tenant=TENANT))).items == ()


async def test_a_user_cannot_fill_the_store_with_a_label(organisation: Organisation) -> None:
    await organisation.add("ana")
    ana = await organisation.sign_in("ana")
    with pytest.raises(Invalid) as refused:
        await organisation.perform(EnrollFactor(tenant=TENANT, user="ana", label="x" * 101), ana)
    assert refused.value.field == "label"


async def test_a_reason_for_disabling_has_the_usual_limit(organisation: Organisation) -> None:
    await organisation.add("ana")
    with pytest.raises(Invalid) as refused:
        await organisation.perform(DisableUser(tenant=TENANT, user="ana", reason="x" * 501))
    assert refused.value.field == "reason"
    await organisation.perform(DisableUser(tenant=TENANT, user="ana"))


@pytest.mark.parametrize(
    "operation",
    [
        ListUsers(tenant=TENANT, filter=UserFilter(words=MANY)),
        CountUsers(tenant=TENANT, filter=UserFilter(words=MANY)),
        ListAudit(tenant=TENANT, search=" ".join(MANY)),
        ListWhitelist(tenant=TENANT, search=" ".join(MANY)),
        ListUsers(tenant=TENANT, filter=UserFilter(words=("a\0b",))),
        ListAudit(tenant=TENANT, cursor="9" * 5000),
        ListUsers(tenant=TENANT, cursor=base64.urlsafe_b64encode(b"[" * 100_000).decode()),
    ],
    ids=["users", "count", "audit", "whitelist", "nul", "digits", "deep"],
)
async def test_an_invalid_search_is_refused_with_a_message(organisation: Organisation, operation: ListUsers) -> None:
    with pytest.raises(Invalid):
        await organisation.backend.perform(operation)


async def test_another_spelling_of_the_tenant_does_not_reveal_accounts(organisation: Organisation) -> None:
    await organisation.add("ana")
    (tenant,) = (await organisation.perform(ListTenants())).items
    held = []
    for login in ("ana", "nobody"):
        for name in (TENANT, tenant.id):
            for _ in range(3):
                answer = await organisation.perform(
                    SignIn(tenant=name, login=login, password=Secret("wrong")), Nobody()
                )
        held.append(answer.retry_at is not None)
    assert held == [True, True]
