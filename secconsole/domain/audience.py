"""Visibility of change notices: readers hear of changes only within what their role lets them see."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from secconsole.domain.roles import Permission, Role, may

# Changes that concern no single user, and still alter the account page of everyone in the tenant.
FOR_EVERY_ACCOUNT = frozenset({"policy.set"})

UNKNOWN = ""  # mark of a change whose request is not known, or of too many requests to name


def mark_of(request_id: str) -> str:
    """Return the mark by which a console recognises its own write in a notice, `UNKNOWN` without a request.

    The id itself stays in the audit: with a copy of it, another request could pass as the console's own.
    """
    return hashlib.sha256(request_id.encode()).hexdigest()[:16] if request_id else UNKNOWN


@dataclass(frozen=True, slots=True)
class Change:
    """Changes in one tenant, with what is needed to decide who hears of them.

    `users`: ids of the users concerned, of those asked about. `every_account`: all users are concerned. `marks`: of the
    requests that made the changes, and `marks_by_user` of those that concern one user, or all of them (empty id).
    """

    tenant: int
    users: frozenset[str] = frozenset()
    every_account: bool = False
    marks: frozenset[str] = frozenset({UNKNOWN})
    marks_by_user: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Audience:
    """Part of the store that one reader sees: all tenants, one `tenant`, or one `user` in it."""

    tenant: int | None
    user: str | None = None

    def hears(self, change: Change) -> bool:
        """Return True if a change lies within what the reader sees."""
        if self.tenant is None:
            return True
        if self.tenant != change.tenant:
            return False
        return self.user is None or change.every_account or self.user in change.users

    def heard(self, change: Change) -> frozenset[str]:
        """Return the marks of a change as far as it lies within what the reader sees, empty if it does not."""
        if not self.hears(change):
            return frozenset()
        if self.tenant is None or self.user is None:
            return change.marks
        own = frozenset(mark for user, mark in change.marks_by_user if user in ("", self.user))
        return own or frozenset({UNKNOWN})


def audience_of(role: Role, tenant: int | None, user: str) -> Audience:
    """Return what a caller with this role sees.

    `tenant` is None for the owner of the store, `user` is empty for programs.
    """
    if role is Role.PLATFORM_ADMIN:
        return Audience(None)
    if tenant is None:
        raise ValueError("only a platform administrator belongs to no tenant")
    if may(role, Permission.SEE):
        return Audience(tenant)
    if not user:
        raise ValueError("a role that cannot see its tenant belongs to a user")
    return Audience(tenant, user)
