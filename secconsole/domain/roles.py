"""Roles, their rank, and their permissions."""

from __future__ import annotations

from enum import StrEnum
from functools import cache


class Role(StrEnum):
    PLATFORM_ADMIN = "platform-admin"
    TENANT_ADMIN = "tenant-admin"
    HELPDESK = "helpdesk"
    AUDITOR = "auditor"
    USER = "user"


class Permission(StrEnum):
    """Permission that an operation needs.

    NOBODY marks the few operations before a sign-in. OWN_ACCOUNT belongs to everyone. CHALLENGE belongs to no role: it
    is for programs, because a person could bind a factor for another user with it.
    """

    NOBODY = "nobody"
    OWN_ACCOUNT = "own-account"
    SEE = "see"
    VERIFY = "verify"
    CHALLENGE = "challenge"
    UNBIND = "unbind"
    UNLOCK = "unlock"
    MANAGE_USERS = "manage-users"
    MANAGE_POLICY = "manage-policy"
    MANAGE_WHITELIST = "manage-whitelist"
    HANDLE_INCIDENTS = "handle-incidents"
    MANAGE_TENANTS = "manage-tenants"


class Ranks(StrEnum):
    """Users that an operation on others is for, by their rank.

    `LOWER`: users of lower rank. Platform administrators have nobody above them, so another one may act on them too.
    `STRICTLY_LOWER`: not even that, because it would open their account. `EQUAL`: administrators may do it to an equal
    as well, because it only ends or answers something.
    """

    LOWER = "lower"
    STRICTLY_LOWER = "strictly-lower"
    EQUAL = "equal"


_RANK = {Role.USER: 0, Role.AUDITOR: 1, Role.HELPDESK: 2, Role.TENANT_ADMIN: 3, Role.PLATFORM_ADMIN: 4}

_OWN = frozenset({Permission.NOBODY, Permission.OWN_ACCOUNT})
_HELPDESK = _OWN | {Permission.SEE, Permission.VERIFY, Permission.UNBIND, Permission.UNLOCK}
_TENANT = _HELPDESK | {
    Permission.MANAGE_USERS,
    Permission.MANAGE_POLICY,
    Permission.MANAGE_WHITELIST,
    Permission.HANDLE_INCIDENTS,
}

_MAY: dict[Role, frozenset[Permission]] = {
    Role.USER: _OWN,
    Role.AUDITOR: _OWN | {Permission.SEE},
    Role.HELPDESK: _HELPDESK,
    Role.TENANT_ADMIN: _TENANT,
    Role.PLATFORM_ADMIN: _TENANT | {Permission.MANAGE_TENANTS},
}


NOT_YOURSELF = (
    "You cannot do this to your own account. Ask another administrator. Your own factors and password are in "
    "My account (secconsole account)."
)


def may(role: Role, permission: Permission) -> bool:
    """Return True if a role has a permission at all.

    `may_act_on` decides about the target.
    """
    return permission in _MAY[role]


def rank(role: Role) -> int:
    """Return the rank from 0 for a user to 4 for a platform administrator."""
    return _RANK[role]


def outranks(actor: Role, target: Role) -> bool:
    """Return True if the actor ranks above the target."""
    return rank(actor) > rank(target)


def is_peer(actor: Role, target: Role) -> bool:
    """Return True if both are platform administrators."""
    return actor is target is Role.PLATFORM_ADMIN


@cache
def may_act_on(actor: Role, target: Role, ranks: Ranks = Ranks.LOWER) -> bool:
    """Return True if the actor may do an operation to another user, given the ranks that it is for.

    Nobody may get at an account that can do as much as their own. Otherwise an administrator could demote an equal, and
    then reset them.
    """
    if outranks(actor, target):
        return True
    match ranks:
        case Ranks.STRICTLY_LOWER:
            return False
        case Ranks.LOWER:
            return is_peer(actor, target)
        case Ranks.EQUAL:
            return actor is target and rank(actor) >= rank(Role.TENANT_ADMIN)


def outranked_words(actor: Role, target: Role, ranks: Ranks, login: str = "") -> str:
    """Return why an actor may not do an operation to a user with a role."""
    if ranks is Ranks.STRICTLY_LOWER:
        return f"A {actor} may do this only for users of lower rank, and {login or 'this user'} is a {target}."
    return f"A {actor} may not act on a {target}."


def needs_proof_to_create(role: Role, *, own_tenant: bool) -> bool:
    """Return True if creating a user with a role needs a step-up.

    Otherwise a session left open would be enough to create an administrator, or an account in another tenant.
    """
    return rank(role) > rank(Role.USER) or not own_tenant


def roles_given_by(actor: Role) -> tuple[Role, ...]:
    """Return the roles that an actor may assign, highest first and none above their own."""
    return tuple(r for r in sorted(_RANK, key=rank, reverse=True) if rank(r) <= rank(actor))


def may_phrase(permission: Permission) -> str:
    """Describe who has a permission, to explain why a key is unavailable."""
    names = [str(r) for r in sorted(_RANK, key=rank, reverse=True) if permission in _MAY[r]]
    return ", ".join(names)
