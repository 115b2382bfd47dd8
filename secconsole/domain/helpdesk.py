"""Rules of a tenant for its helpdesk, part of the policy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from secconsole.domain.errors import Invalid
from secconsole.domain.factors.bypass import MOST_MINUTES, USUAL_MINUTES
from secconsole.domain.model import FactorKind
from secconsole.domain.roles import Role

APPROVAL_LASTS = 30 * 60_000  # from the request; a grant must be used within that time too
MOST_ASKED, MOST_WAITING = 20, 500  # open requests of one operator, and of a tenant
HOUR = 3_600_000
USUAL_WARNING, USUAL_RESETS, MOST_RESETS = 10, 20, 1_000  # users that one operator resets within an hour
USUAL_STEP_UP, MOST_STEP_UP = 5, 15  # minutes that a step-up counts


class UnbindNeeds(StrEnum):
    """Proof that unbinding needs: none, a checked caller, or the approval of a second person."""

    NONE = "none"
    CHECK = "check"
    APPROVAL = "approval"


class ApprovalKind(StrEnum):
    """Operation that a second person approves."""

    UNBIND = "unbind"
    RESET = "reset"


_RECENT = {
    FactorKind.TOTP: "That app was bound in the last 24 hours: the caller may have bound it.",
    FactorKind.EMAIL: "That e-mail address was set in the last 24 hours: the caller may have set it.",
    FactorKind.SMS: "That phone number was set in the last 24 hours: the caller may have set it.",
}


def recent_words(channel: FactorKind) -> str:
    """Return the warning about a caller who was checked by what is on record only recently."""
    return _RECENT[channel]


class ApprovalState(StrEnum):
    """State of a request for approval.

    One that is over or was used is not shown.
    """

    PENDING = "pending"
    GRANTED = "granted"
    DENIED = "denied"


class PasswordChange(StrEnum):
    """Change of the password by a reset: none, a first-time one by mail, or a one-time one that is shown once."""

    KEEP = "keep"
    MAIL = "mail"
    SHOW = "show"


@dataclass(frozen=True, slots=True)
class HelpdeskRules:
    """Minutes that a bypass code works, by default and at most, what unbinding needs, and how often it is done.

    `unbind_admins_need` is for users above the role *user*, where the stricter of both rules applies. `resets_warn`,
    `resets_most`: users that one operator resets within an hour, before a warning and at most. `step_up_minutes`: how
    long the second factor counts for acts that need it again. `helpdesk_text`: how users reach the helpdesk.
    """

    bypass_minutes: int = USUAL_MINUTES
    bypass_most: int = MOST_MINUTES
    unbind_needs: UnbindNeeds = UnbindNeeds.NONE
    unbind_admins_need: UnbindNeeds = UnbindNeeds.NONE
    resets_warn: int = USUAL_WARNING
    resets_most: int = USUAL_RESETS
    step_up_minutes: int = USUAL_STEP_UP
    helpdesk_text: str = ""

    def needs_for(self, role: Role) -> UnbindNeeds:
        """Return what unbinding a user with a role needs."""
        if role is Role.USER:
            return self.unbind_needs
        return stricter(self.unbind_needs, self.unbind_admins_need)


def stricter(one: UnbindNeeds, other: UnbindNeeds) -> UnbindNeeds:
    order = list(UnbindNeeds)
    return max(one, other, key=order.index)


def is_weaker(after: HelpdeskRules, before: HelpdeskRules) -> bool:
    """Return True if a change takes protection away from some user, which all administrators are notified of."""
    order = list(UnbindNeeds)
    less = any(order.index(after.needs_for(r)) < order.index(before.needs_for(r)) for r in (Role.USER, Role.HELPDESK))
    return less or after.resets_most > before.resets_most or after.step_up_minutes > before.step_up_minutes


def check_reset_limits(warn: int, most: int) -> None:
    """Raise `Invalid` for limits that cannot be."""
    if not 1 <= most <= MOST_RESETS:
        raise Invalid(f"The maximum of resets within an hour must be between 1 and {MOST_RESETS:,}.", "resets_most")
    if not 1 <= warn <= most:
        raise Invalid(f"The warning must come between 1 and {most:,} resets.", "resets_warn")


def check_step_up(minutes: int) -> None:
    """Raise `Invalid` for minutes that cannot be."""
    if not 1 <= minutes <= MOST_STEP_UP:
        raise Invalid(f"A step-up must count for 1 to {MOST_STEP_UP} minutes.", "step_up_minutes")


def approves(asked: ApprovalKind, wanted: ApprovalKind) -> bool:
    """Return True if an approval of one kind is enough for another: a reset includes unbinding."""
    return asked is wanted or asked is ApprovalKind.RESET


def is_same_person(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Return True if two pairs of id and login are one operator, whose login may have changed in between.

    The owner of the store has a name only.
    """
    return one[0] == other[0] if one[0] or other[0] else one[1] == other[1]


def lacks_for_unbinding(needs: UnbindNeeds, *, checked: bool, approved: bool) -> str:
    """Return what is missing before a user may be unbound, empty if nothing is.

    An approval is enough where a check is needed: not everyone has an address on record.
    """
    if approved or needs is UnbindNeeds.NONE or (checked and needs is UnbindNeeds.CHECK):
        return ""
    if needs is UnbindNeeds.CHECK:
        return "The policy needs a caller check first, or the approval of a second person."
    return "The policy needs the approval of a second person first."
