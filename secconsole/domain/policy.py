"""How a sign-in is decided: one pure table, first match wins."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from secconsole.domain.model import PolicyMode, SignInStatus


class Rule(StrEnum):
    """Which line of the table decided; in the audit and in explanations."""

    REFUSED = "refused"
    NETWORK = "network-not-allowed"
    PASSWORD_RESET = "password-reset-required"  # noqa: S105 - a rule's name
    POLICY_OFF = "policy-off"
    WHITELISTED = "whitelisted"
    HAS_FACTOR = "has-factor"
    SWITCHED_ON = "switched-on"
    OPTIONAL = "policy-optional"
    GRACE = "policy-required-grace"
    REQUIRED = "policy-required"


@dataclass(frozen=True, slots=True)
class SignInFacts:
    """All that the decision depends on; nothing else may."""

    known: bool
    password_right: bool
    disabled: bool
    held_back: bool  # throttled or locked
    network_allowed: bool
    must_reset: bool
    policy: PolicyMode
    whitelisted: bool  # and not expired
    keeps_factor: bool  # this user chose to be asked although whitelisted
    active_factor: bool
    pending_factor: bool  # can be verified now: a phone that an administrator entered, say
    switched_on: bool  # the second factor is required of this user in particular
    in_grace: bool


@dataclass(frozen=True, slots=True)
class Decision:
    status: SignInStatus
    rule: Rule
    remind: bool = False  # in, but will have to bind soon


def decide_sign_in(facts: SignInFacts) -> Decision:
    """Decide a sign-in after its first step; the numbers are the lines of the table in the documentation."""
    if not facts.known or not facts.password_right or facts.disabled or facts.held_back:  # 1
        return Decision(SignInStatus.REFUSED, Rule.REFUSED)
    if not facts.network_allowed:  # 2
        return Decision(SignInStatus.REFUSED, Rule.NETWORK)
    if facts.must_reset:  # 3: and then again from 4 on
        return Decision(SignInStatus.NEW_PASSWORD, Rule.PASSWORD_RESET)
    return decide_second_factor(facts)


def decide_second_factor(facts: SignInFacts) -> Decision:
    """Lines 4 to 8: what somebody who has shown the right password still owes."""
    if facts.policy is PolicyMode.OFF:  # 4
        return Decision(SignInStatus.COMPLETE, Rule.POLICY_OFF)
    if facts.whitelisted and not (facts.keeps_factor and facts.active_factor):  # 5
        return Decision(SignInStatus.COMPLETE, Rule.WHITELISTED)
    if facts.active_factor:  # 6
        return Decision(SignInStatus.SECOND_FACTOR, Rule.HAS_FACTOR)
    if facts.switched_on:
        status = SignInStatus.SECOND_FACTOR if facts.pending_factor else SignInStatus.ENROLL
        return Decision(status, Rule.SWITCHED_ON)
    if facts.policy is PolicyMode.OPTIONAL:  # 7
        return Decision(SignInStatus.COMPLETE, Rule.OPTIONAL)
    if facts.in_grace:  # 8
        return Decision(SignInStatus.COMPLETE, Rule.GRACE, remind=True)
    return Decision(SignInStatus.ENROLL, Rule.REQUIRED)
