"""What a program may do with a token: never more than its scopes, whoever the token belongs to."""

from __future__ import annotations

from enum import StrEnum

from secconsole.domain.roles import Permission, Role, may


class Scope(StrEnum):
    READ = "read"  # what its owner may see
    VERIFY = "verify"  # check users' codes


_READING = frozenset({Permission.SEE, Permission.OWN_ACCOUNT})
_NEEDS = {Scope.READ: Permission.OWN_ACCOUNT, Scope.VERIFY: Permission.VERIFY}


def scope_for(permission: Permission, *, writes: bool, guarded: bool) -> Scope | None:
    """The scope by which a token may do what an operation declares; None: no token may.

    Named is what tokens may; all else they may not, whatever is declared later. `guarded`: dangerous, or in need of a
    proof that a person is there, which no token gives.
    """
    if guarded:
        return None
    if permission is Permission.VERIFY:
        return Scope.VERIFY
    return Scope.READ if permission in _READING and not writes else None


def may_have(role: Role, scope: Scope) -> bool:
    """Whether a scope is within what a role may do."""
    return may(role, _NEEDS[scope])


def scope_phrase(scopes: tuple[Scope, ...]) -> str:
    """Scopes in words."""
    return " and ".join(scopes) or "none"
