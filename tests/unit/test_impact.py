"""The impact of a policy agrees with the sign-in table, user by user."""

from __future__ import annotations

from itertools import product

from secconsole.domain.impact import Group, impact
from secconsole.domain.model import BindingStatus, PolicyMode, SignInStatus
from secconsole.domain.policy import SignInFacts, decide_second_factor
from secconsole.domain.roles import Role


def every_group() -> list[Group]:
    return [
        Group(Role.USER, status, whitelisted, disabled, False, False, False, blocked, switched_on, keeps, 1)
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
        must_reset=False,
        policy=mode,
        whitelisted=group.whitelisted,
        keeps_factor=group.keeps_factor,
        active_factor=group.status is BindingStatus.BOUND,
        pending_factor=False,
        switched_on=group.switched_on,
        in_grace=False,
    )


def test_must_enroll_is_exactly_who_the_table_sends_to_enroll() -> None:
    for mode, group in product(PolicyMode, every_group()):
        told = impact([group], mode)
        if group.disabled:
            assert told.users == 0
            continue
        status = decide_second_factor(facts_of(group, mode)).status
        assert told.must_enroll == (status is SignInStatus.ENROLL)
        assert told.locked_out == (status is SignInStatus.SECOND_FACTOR and group.blocked)
        assert told.unaffected + told.must_enroll + told.locked_out == told.users == 1


def test_off_affects_nobody() -> None:
    told = impact(every_group(), PolicyMode.OFF)
    assert told.must_enroll == told.locked_out == 0


def test_administrators_who_must_bind_are_counted() -> None:
    group = Group(Role.TENANT_ADMIN, BindingStatus.UNBOUND, False, False, False, False, False, False, False, False, 3)
    assert impact([group], PolicyMode.REQUIRED).admins_must_enroll == 3
