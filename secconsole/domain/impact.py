"""What switching the policy would do, counted before it is done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from secconsole.domain.model import BindingStatus, PolicyMode
from secconsole.domain.roles import Role, rank


@dataclass(frozen=True, slots=True)
class Group:
    """How many users share one set of facts; the store keeps these counted."""

    role: Role
    status: BindingStatus
    whitelisted: bool
    disabled: bool
    must_reset: bool
    weak_only: bool  # bound, but only by e-mail or SMS
    has_recovery: bool  # an unused recovery code
    blocked: bool  # locked until somebody unlocks
    switched_on: bool
    keeps_factor: bool
    count: int


@dataclass(frozen=True, slots=True)
class Impact:
    """Counts of users who are not disabled. `must_enroll`: have to bind at their next sign-in (or when the grace ends).

    `locked_out`: would be asked for a factor that they can no longer use, until somebody unbinds them.
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


def impact(groups: Iterable[Group], mode: PolicyMode) -> Impact:
    """Count what a policy mode means for each group."""
    users = bound = pending = unbound = whitelisted = unaffected = must_enroll = locked_out = weak = admins = 0
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
        if must_bind(group, mode):
            must_enroll += n
            admins += n * (rank(group.role) >= rank(Role.TENANT_ADMIN))
        elif shut_out(group, mode):
            locked_out += n
        else:
            unaffected += n
    return Impact(users, bound, pending, unbound, whitelisted, unaffected, must_enroll, locked_out, weak, admins)


def is_asked(group: Group, mode: PolicyMode) -> bool:
    """Whether somebody of this group is asked for a second factor under a mode (rules 4 to 8, no grace left)."""
    bound = group.status is BindingStatus.BOUND
    if mode is PolicyMode.OFF or (group.whitelisted and not (group.keeps_factor and bound)):
        return False
    return bound or group.switched_on or mode is PolicyMode.REQUIRED


def must_bind(group: Group, mode: PolicyMode) -> bool:
    """Asked for a factor, and has none yet."""
    return is_asked(group, mode) and group.status is not BindingStatus.BOUND


def shut_out(group: Group, mode: PolicyMode) -> bool:
    """Asked for a factor, and locked: no code will be taken until somebody unlocks or unbinds."""
    return is_asked(group, mode) and group.blocked
