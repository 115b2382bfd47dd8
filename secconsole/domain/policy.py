"""Decision about a sign-in as one pure table, in which the first match wins."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from secconsole.domain.model import BindingStatus, PolicyMode, SignInStatus
from secconsole.domain.roles import Role


class Rule(StrEnum):
    """Line of the table that decided, for the audit and for explanations."""

    REFUSED = "refused"
    NETWORK = "network-not-allowed"
    FROZEN = "frozen"
    PASSWORD_RESET = "password-reset-required"  # noqa: S105 - a rule's name
    PLATFORM_ADMIN = "platform-admin"
    POLICY_OFF = "policy-off"
    WHITELISTED = "whitelisted"
    EXEMPT_NETWORK = "exempt-network"
    HAS_FACTOR = "has-factor"
    SWITCHED_ON = "switched-on"
    OPTIONAL = "policy-optional"
    GRACE = "policy-required-grace"
    REQUIRED = "policy-required"


@dataclass(frozen=True, slots=True)
class SignInFacts:
    """Facts that the decision depends on, and nothing else."""

    known: bool
    password_right: bool
    disabled: bool
    held_back: bool  # throttled or locked, for the network of this request
    network_allowed: bool
    network_exempt: bool  # a bound factor is not asked for from there; binding one is never exempt
    must_reset: bool
    policy: PolicyMode
    whitelisted: bool  # and not expired
    keeps_factor: bool  # the user chose to be asked although whitelisted
    active_factor: bool
    pending_factor: bool  # can be verified now, such as a phone that an administrator entered
    switched_on: bool  # the second factor is required of this user individually
    platform_admin: bool  # manages all tenants, so no tenant's policy or whitelist exempts an active factor
    in_grace: bool
    bypass: bool = False  # a bypass code from the helpdesk works now
    frozen: bool = False  # sign-ins of the tenant are stopped after a breach


@dataclass(frozen=True, slots=True)
class Decision:
    status: SignInStatus
    rule: Rule
    remind: bool = False  # signed in, but has to bind soon


def is_always_asked(role: Role, status: BindingStatus) -> bool:
    """Return True if no policy and no whitelist exempts a user from the bound factor (line 4)."""
    return role is Role.PLATFORM_ADMIN and status is BindingStatus.BOUND


def is_frozen_out(*, frozen: bool, platform_admin: bool) -> bool:
    """Return True if a freeze of the tenant refuses a user, whatever else is true of them.

    Platform administrators are never refused by it, so that a freeze locks no company out.
    """
    return frozen and not platform_admin


def is_switched_on(before: PolicyMode, after: PolicyMode, *, untouched: bool) -> bool:
    """Return True if a change turns the second factor on.

    That is from off, or to required in a tenant whose policy nobody has set yet (`untouched`).
    """
    required = after is PolicyMode.REQUIRED and untouched
    return before is not after and (before is PolicyMode.OFF or required)


def off_words(tenant: str) -> str:
    """Return why individual requirements have no effect, for every interface alike."""
    return (
        f"The policy of {tenant} is off, so a factor required of individual users would not be asked for. "
        "Set the policy to optional first."
    )


def decide_sign_in(facts: SignInFacts) -> Decision:
    """Decide a sign-in after its first step.

    The numbers are the lines of the table in the documentation.
    """
    if not facts.known or not facts.password_right or facts.disabled or facts.held_back:  # 1
        return Decision(SignInStatus.REFUSED, Rule.REFUSED)
    if not facts.network_allowed:  # 2
        return Decision(SignInStatus.REFUSED, Rule.NETWORK)
    if is_frozen_out(frozen=facts.frozen, platform_admin=facts.platform_admin):
        return Decision(SignInStatus.REFUSED, Rule.FROZEN)
    if facts.must_reset:  # 3: then again from 4 on
        return Decision(SignInStatus.NEW_PASSWORD, Rule.PASSWORD_RESET)
    return decide_second_factor(facts)


def decide_second_factor(facts: SignInFacts) -> Decision:
    """Decide what is still required after a correct password (lines 4 to 8)."""
    if facts.platform_admin and facts.active_factor:  # 4
        return Decision(SignInStatus.SECOND_FACTOR, Rule.PLATFORM_ADMIN)
    if facts.policy is PolicyMode.OFF:
        return Decision(SignInStatus.COMPLETE, Rule.POLICY_OFF)
    if facts.whitelisted and not (facts.keeps_factor and facts.active_factor):  # 5
        return Decision(SignInStatus.COMPLETE, Rule.WHITELISTED)
    if facts.active_factor and facts.network_exempt and not facts.keeps_factor:  # 6
        return Decision(SignInStatus.COMPLETE, Rule.EXEMPT_NETWORK)
    if facts.active_factor:
        return Decision(SignInStatus.SECOND_FACTOR, Rule.HAS_FACTOR)
    if facts.switched_on:
        shows = facts.pending_factor or facts.bypass
        status = SignInStatus.SECOND_FACTOR if shows else SignInStatus.ENROLL
        return Decision(status, Rule.SWITCHED_ON)
    if facts.policy is PolicyMode.OPTIONAL:  # 7
        return Decision(SignInStatus.COMPLETE, Rule.OPTIONAL)
    if facts.in_grace:  # 8
        return Decision(SignInStatus.COMPLETE, Rule.GRACE, remind=True)
    # While a bypass code works, a password alone is not enough to bind a factor either.
    return Decision(SignInStatus.SECOND_FACTOR if facts.bypass else SignInStatus.ENROLL, Rule.REQUIRED)
