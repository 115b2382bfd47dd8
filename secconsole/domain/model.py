"""The field's words as types. The values are the contract: they stand in the store, in JSON and on the screen."""

from __future__ import annotations

from enum import StrEnum


class PolicyMode(StrEnum):
    OFF = "off"
    OPTIONAL = "optional"
    REQUIRED = "required"


class FactorKind(StrEnum):
    TOTP = "totp"
    EMAIL = "email"
    SMS = "sms"


class FactorState(StrEnum):
    PENDING = "pending"
    ACTIVE = "active"


class BindingStatus(StrEnum):
    BOUND = "bound"
    PENDING = "pending"
    UNBOUND = "unbound"


class Flag(StrEnum):
    """What users are found by, and marked with, but for NO_RECOVERY: a user's `recovery_left` says it."""

    WHITELISTED = "whitelisted"
    LOCKED = "locked"
    DISABLED = "disabled"
    MUST_RESET = "must-reset"
    WEAK_ONLY = "weak-only"  # bound, but only by e-mail or SMS
    NO_RECOVERY = "no-recovery"  # bound, and no recovery code left


class SignInStatus(StrEnum):
    COMPLETE = "complete"
    SECOND_FACTOR = "second-factor"
    ENROLL = "enroll"
    NEW_PASSWORD = "new-password"  # noqa: S105 - a state's name
    REFUSED = "refused"


def binding_status(states: frozenset[FactorState] | set[FactorState]) -> BindingStatus:
    """What a user's live factors amount to: one active makes bound; a half-done enrollment is only pending."""
    if FactorState.ACTIVE in states:
        return BindingStatus.BOUND
    return BindingStatus.PENDING if states else BindingStatus.UNBOUND
