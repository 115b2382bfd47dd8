"""The permissions of roles, as specified."""

from __future__ import annotations

from itertools import pairwise, product

import pytest

from secconsole.domain.roles import Permission, Ranks, Role, may, may_act_on, rank, roles_given_by


def test_no_role_acts_on_a_higher_role() -> None:
    for actor, target in product(Role, Role):
        if rank(target) > rank(actor):
            assert not any(may_act_on(actor, target, ranks) for ranks in Ranks)


@pytest.mark.parametrize("actor", Role)
def test_only_platform_administrators_act_on_an_equal(actor: Role) -> None:
    lower = [role for role in Role if rank(role) < rank(actor)]
    peers, equals = [actor] * (actor is Role.PLATFORM_ADMIN), [actor] * may(actor, Permission.MANAGE_USERS)
    assert [role for role in Role if may_act_on(actor, role)] == [*peers, *lower]
    assert [role for role in Role if may_act_on(actor, role, Ranks.STRICTLY_LOWER)] == lower
    assert [role for role in Role if may_act_on(actor, role, Ranks.EQUAL)] == [*equals, *lower]


def test_an_auditor_changes_nothing() -> None:
    changing = {p for p in Permission if may(Role.AUDITOR, p)}
    assert changing == {Permission.NOBODY, Permission.OWN_ACCOUNT, Permission.SEE}


def test_a_user_has_their_own_account_only() -> None:
    assert {p for p in Permission if may(Role.USER, p)} == {Permission.NOBODY, Permission.OWN_ACCOUNT}


def test_a_higher_role_loses_nothing() -> None:
    order = [Role.USER, Role.AUDITOR, Role.HELPDESK, Role.TENANT_ADMIN, Role.PLATFORM_ADMIN]
    for lower, higher in pairwise(order):
        assert {p for p in Permission if may(lower, p)} <= {p for p in Permission if may(higher, p)}


def test_no_role_grants_more_than_it_has() -> None:
    for actor in Role:
        assert all(rank(role) <= rank(actor) for role in roles_given_by(actor))
