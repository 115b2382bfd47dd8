"""The impact of a policy agrees with the sign-in table, user by user."""

from __future__ import annotations

from itertools import product

from secconsole.domain.impact import Group, impact
from secconsole.domain.model import BindingStatus, PolicyMode, SignInStatus
from secconsole.domain.policy import SignInFacts, decide_second_factor
from secconsole.domain.roles import Role


def every_group() -> list[Group]:
    return [
        Group(role, status, whitelisted, disabled, False, False, False, blocked, switched_on, keeps, 1)
        for role in (Role.USER, Role.TENANT_ADMIN, Role.PLATFORM_ADMIN)
        for status in BindingStatus
        for whitelisted, disabled, blocked, switched_on, keeps in product((False, True), repeat=5)
    ]


def facts_of(group: Group, mode: PolicyMode) -> SignInFacts:
    return SignInFacts(
        known=True,
        password_right=True,
        disabled=False,
        held_back=False,
        network_allowed=True,
        network_exempt=False,
        must_reset=False,
        policy=mode,
        whitelisted=group.whitelisted,
        keeps_factor=group.keeps_factor,
        active_factor=group.status is BindingStatus.BOUND,
        pending_factor=False,
        switched_on=group.switched_on,
        platform_admin=group.role is Role.PLATFORM_ADMIN,
        in_grace=False,
    )


def test_must_enroll_equals_the_sign_in_table() -> None:
    for mode, group in product(PolicyMode, every_group()):
        answer = impact([group], mode)
        if group.disabled:
            assert answer.users == 0
            continue
        status = decide_second_factor(facts_of(group, mode)).status
        assert answer.must_enroll == (status is SignInStatus.ENROLL)
        assert answer.locked_out == (status is SignInStatus.SECOND_FACTOR and group.blocked)
        assert answer.unaffected + answer.must_enroll + answer.locked_out == answer.users == 1


def test_off_affects_only_platform_administrators_with_a_factor() -> None:
    groups = every_group()
    answer = impact(groups, PolicyMode.OFF)
    always = [g for g in groups if g.role is Role.PLATFORM_ADMIN and g.status is BindingStatus.BOUND and not g.disabled]
    assert answer.must_enroll == 0
    assert answer.always_asked == len(always)
    assert answer.locked_out == sum(group.blocked for group in always)


def test_off_counts_requirements_without_effect() -> None:
    for mode, group in product(PolicyMode, every_group()):
        answer = impact([group], mode).no_longer_required
        required = decide_second_factor(facts_of(group, PolicyMode.OPTIONAL)).status is not SignInStatus.COMPLETE
        asked = decide_second_factor(facts_of(group, mode)).status is not SignInStatus.COMPLETE
        loses = mode is PolicyMode.OFF and group.switched_on and required and not asked and not group.disabled
        assert answer == loses


def test_administrators_who_must_bind_are_counted() -> None:
    group = Group(Role.TENANT_ADMIN, BindingStatus.UNBOUND, False, False, False, False, False, False, False, False, 3)
    assert impact([group], PolicyMode.REQUIRED).admins_must_enroll == 3
