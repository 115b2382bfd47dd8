"""Scopes of tokens: what a program may do, never more than the owner of its token."""

from __future__ import annotations

from enum import StrEnum

from secconsole.domain.roles import Permission, Role, may


class Scope(StrEnum):
    READ = "read"  # what its owner may see
    VERIFY = "verify"  # check users' codes
    CHALLENGE = "challenge"  # ask users for a second factor in an application, only with a secret key


_READING = frozenset({Permission.SEE, Permission.OWN_ACCOUNT})
_NEEDS = {
    Scope.READ: Permission.OWN_ACCOUNT,
    Scope.VERIFY: Permission.VERIFY,
    Scope.CHALLENGE: Permission.CHALLENGE,
}


def scope_for(permission: Permission, *, writes: bool, guarded: bool) -> Scope | None:
    """Return the scope that a token needs for an operation, or None if tokens may not use it.

    This is an allow-list: tokens may do nothing else, whatever is declared later. `guarded`: dangerous, or requires
    proof that a person is present, which a token cannot provide.
    """
    if guarded:
        return None
    if permission is Permission.VERIFY:
        return Scope.VERIFY
    if permission is Permission.CHALLENGE:
        return Scope.CHALLENGE
    return Scope.READ if permission in _READING and not writes else None


def may_have(role: Role, scope: Scope) -> bool:
    """Return True if a scope is within what a role may do."""
    return may(role, _NEEDS[scope])


def scope_phrase(scopes: tuple[Scope, ...]) -> str:
    """Describe scopes in words."""
    return " and ".join(scopes) or "none"
