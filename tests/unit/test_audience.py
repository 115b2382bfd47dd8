"""A14: the changes that a reader is notified of follow from what their role may see."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secconsole.domain.audience import Audience, Change, audience_of
from secconsole.domain.roles import Role

TENANTS = st.integers(1, 4)
USERS = st.sampled_from(["u1", "u2", "u3"])
CHANGES = st.builds(Change, TENANTS, st.frozensets(USERS), st.booleans())


@given(st.sampled_from([role for role in Role if role is not Role.PLATFORM_ADMIN]), TENANTS, USERS, CHANGES)
def test_a14_only_a_platform_administrator_receives_changes_of_another_tenant(
    role: Role, tenant: int, user: str, change: Change
) -> None:
    heard = audience_of(role, tenant, user).hears(change)
    if change.tenant != tenant:
        assert not heard
    elif role is Role.USER:
        assert heard == (change.every_account or user in change.users)
    else:
        assert heard


@given(TENANTS | st.none(), USERS, CHANGES)
def test_a_platform_administrator_receives_changes_of_every_tenant(
    tenant: int | None, user: str, change: Change
) -> None:
    assert audience_of(Role.PLATFORM_ADMIN, tenant, user).hears(change)


def test_a_program_receives_changes_of_its_tenant() -> None:
    assert audience_of(Role.TENANT_ADMIN, 1, "") == Audience(1)


@pytest.mark.parametrize(("role", "tenant", "user"), [(Role.AUDITOR, None, "u1"), (Role.USER, 1, "")])
def test_a_caller_without_a_tenant_does_not_see_everything(role: Role, tenant: int | None, user: str) -> None:
    with pytest.raises(ValueError, match="tenant"):
        audience_of(role, tenant, user)
