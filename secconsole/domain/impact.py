"""Preview of what a change of policy would do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from secconsole.domain.model import BindingStatus, PolicyMode
from secconsole.domain.policy import is_always_asked
from secconsole.domain.roles import Role, rank


@dataclass(frozen=True, slots=True)
class Group:
    """Number of users who share one set of facts, kept up to date by the store."""

    role: Role
    status: BindingStatus
    whitelisted: bool
    disabled: bool
    must_reset: bool
    weak_only: bool  # bound, but only by e-mail or SMS
    has_recovery: bool  # has an unused recovery code
    blocked: bool  # locked until an administrator unlocks the account
    switched_on: bool
    keeps_factor: bool
    count: int
    no_password: bool = False  # cannot sign in until they get one


@dataclass(frozen=True, slots=True)
class Impact:
    """Effects of a policy on users who are not disabled, as counts.

    `must_enroll`: have to bind at their next sign-in, or when the grace period ends. `locked_out`: would be asked for a
    factor that is locked until an administrator unbinds it. `always_asked`: platform administrators with a bound
    factor, who are asked for it under every policy. `no_longer_required`: users with a factor required individually,
    which has no effect under `off`.
    """

    users: int
    bound: int
    pending: int
    unbound: int
    whitelisted: int
    unaffected: int
    must_enroll: int
    locked_out: int
    weak_only: int
    admins_must_enroll: int
    always_asked: int
    no_longer_required: int


def is_harmless(impact: Impact) -> bool:
    """Return True if a policy makes nobody bind, locks nobody out and takes no requirement away."""
    return not (impact.must_enroll or impact.locked_out or impact.no_longer_required)


def impact(groups: Iterable[Group], mode: PolicyMode) -> Impact:
    """Count what a policy mode means for each group."""
    users = bound = pending = unbound = whitelisted = unaffected = must_enroll = locked_out = weak = admins = 0
    always = no_longer = 0
    for group in groups:
        if group.disabled:
            continue
        n = group.count
        users += n
        bound += n * (group.status is BindingStatus.BOUND)
        pending += n * (group.status is BindingStatus.PENDING)
        unbound += n * (group.status is BindingStatus.UNBOUND)
        whitelisted += n * group.whitelisted
        weak += n * group.weak_only
        always += n * is_always_asked(group.role, group.status)
        no_longer += n * _loses_requirement(group, mode)
        if must_bind(group, mode):
            must_enroll += n
            admins += n * (rank(group.role) >= rank(Role.TENANT_ADMIN))
        elif shut_out(group, mode):
            locked_out += n
        else:
            unaffected += n
    return Impact(
        users,
        bound,
        pending,
        unbound,
        whitelisted,
        unaffected,
        must_enroll,
        locked_out,
        weak,
        admins,
        always,
        no_longer,
    )


def is_asked(group: Group, mode: PolicyMode) -> bool:
    """Return True if a mode asks this group for a second factor (rules 4 to 8, without grace)."""
    if is_always_asked(group.role, group.status):
        return True
    bound = group.status is BindingStatus.BOUND
    if mode is PolicyMode.OFF or (group.whitelisted and not (group.keeps_factor and bound)):
        return False
    return bound or group.switched_on or mode is PolicyMode.REQUIRED


def is_asked_now(group: Group, mode: PolicyMode, *, in_grace: bool, exempt: bool = False) -> bool:
    """Return True if a group is asked for a factor at its next sign-in.

    `exempt` treats the group as whitelisted. During the grace period *required* asks only those that *optional* asks.
    """
    group = replace(group, whitelisted=True) if exempt else group
    return is_asked(group, PolicyMode.OPTIONAL if mode is PolicyMode.REQUIRED and in_grace else mode)


def _loses_requirement(group: Group, mode: PolicyMode) -> bool:
    """Return True if an individual requirement has no effect because the policy is off."""
    is_off = mode is PolicyMode.OFF and not is_asked(group, mode)
    return is_off and group.switched_on and is_asked(group, PolicyMode.OPTIONAL)


def must_bind(group: Group, mode: PolicyMode) -> bool:
    """Return True if a group is asked for a factor and has none yet."""
    return is_asked(group, mode) and group.status is not BindingStatus.BOUND


def shut_out(group: Group, mode: PolicyMode) -> bool:
    """Return True if a group is asked for a factor that is locked until an administrator unlocks or unbinds it."""
    return is_asked(group, mode) and group.blocked
