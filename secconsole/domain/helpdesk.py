"""Rules of a tenant for its helpdesk, part of the policy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from secconsole.domain.bypass import MOST_MINUTES, USUAL_MINUTES

APPROVAL_LASTS = 30 * 60_000  # from the request; a grant must be used within that time too


class UnbindNeeds(StrEnum):
    """Proof that unbinding needs: none, a checked caller, or the approval of a second person."""

    NONE = "none"
    CHECK = "check"
    APPROVAL = "approval"


class ApprovalKind(StrEnum):
    """Operation that a second person approves."""

    UNBIND = "unbind"


class ApprovalState(StrEnum):
    """State of a request for approval.

    One that is over or was used is not shown.
    """

    PENDING = "pending"
    GRANTED = "granted"
    DENIED = "denied"


@dataclass(frozen=True, slots=True)
class HelpdeskRules:
    """Minutes that a bypass code works, by default and at most, and what unbinding needs."""

    bypass_minutes: int = USUAL_MINUTES
    bypass_most: int = MOST_MINUTES
    unbind_needs: UnbindNeeds = UnbindNeeds.NONE


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
