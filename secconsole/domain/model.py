"""Terms of the domain as types.

Their values are a contract: the store, JSON and the screens use them.
"""

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


class OfferedKind(StrEnum):
    """Kind of a choice at the second step of a sign-in: a factor's kind, or a bypass code from the helpdesk."""

    TOTP = "totp"
    EMAIL = "email"
    SMS = "sms"
    BYPASS = "bypass"


SENT_KINDS = (FactorKind.EMAIL, FactorKind.SMS)  # whose codes are sent


class FactorState(StrEnum):
    PENDING = "pending"
    ACTIVE = "active"


class BindingStatus(StrEnum):
    BOUND = "bound"
    PENDING = "pending"
    UNBOUND = "unbound"


class Flag(StrEnum):
    """Flags that users are searched by and marked with.

    NO_RECOVERY, NO_PASSWORD, OVERDUE, CODES_REFUSED and WEAK_KEY are not marks: a user's `recovery_left`,
    `has_password` and `must_bind_from` show the first three.
    """

    WHITELISTED = "whitelisted"
    LOCKED = "locked"
    DISABLED = "disabled"
    MUST_RESET = "must-reset"
    WEAK_ONLY = "weak-only"  # bound, but only by e-mail or SMS
    NO_RECOVERY = "no-recovery"  # bound, without an unused recovery code
    OVERDUE = "overdue"  # the policy requires a factor, the grace period is over, and none is bound
    NO_PASSWORD = "no-password"  # noqa: S105 - cannot sign in yet: has no password, not even a first-time one
    CODES_REFUSED = "codes-refused"  # correct codes are refused, because one was used while the clock was ahead
    WEAK_KEY = "weak-key"  # has an imported key of fewer than 128 bits


class SignInStatus(StrEnum):
    COMPLETE = "complete"
    SECOND_FACTOR = "second-factor"
    ENROLL = "enroll"
    NEW_PASSWORD = "new-password"  # noqa: S105 - a state's name
    REFUSED = "refused"


def binding_status(states: frozenset[FactorState] | set[FactorState]) -> BindingStatus:
    """Return a user's status from the states of their live factors.

    One active factor is enough for bound. An unfinished enrollment alone is pending.
    """
    if FactorState.ACTIVE in states:
        return BindingStatus.BOUND
    return BindingStatus.PENDING if states else BindingStatus.UNBOUND
