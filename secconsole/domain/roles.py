"""Who may do what: roles, their rank, and the permissions each one has."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    PLATFORM_ADMIN = "platform-admin"
    TENANT_ADMIN = "tenant-admin"
    HELPDESK = "helpdesk"
    AUDITOR = "auditor"
    USER = "user"


class Permission(StrEnum):
    """What an operation needs. NOBODY marks the few that come before a sign-in; OWN_ACCOUNT is everybody's."""

    NOBODY = "nobody"
    OWN_ACCOUNT = "own-account"
    SEE = "see"
    VERIFY = "verify"
    UNBIND = "unbind"
    UNLOCK = "unlock"
    MANAGE_USERS = "manage-users"
    MANAGE_POLICY = "manage-policy"
    MANAGE_WHITELIST = "manage-whitelist"
    MANAGE_TENANTS = "manage-tenants"


_RANK = {Role.USER: 0, Role.AUDITOR: 1, Role.HELPDESK: 2, Role.TENANT_ADMIN: 3, Role.PLATFORM_ADMIN: 4}

_OWN = frozenset({Permission.NOBODY, Permission.OWN_ACCOUNT})
_HELPDESK = _OWN | {Permission.SEE, Permission.VERIFY, Permission.UNBIND, Permission.UNLOCK}
_TENANT = _HELPDESK | {Permission.MANAGE_USERS, Permission.MANAGE_POLICY, Permission.MANAGE_WHITELIST}

_MAY: dict[Role, frozenset[Permission]] = {
    Role.USER: _OWN,
    Role.AUDITOR: _OWN | {Permission.SEE},
    Role.HELPDESK: _HELPDESK,
    Role.TENANT_ADMIN: _TENANT,
    Role.PLATFORM_ADMIN: _TENANT | {Permission.MANAGE_TENANTS},
}


def may(role: Role, permission: Permission) -> bool:
    """Whether a role has a permission at all; on whom it may be used is `may_act_on`."""
    return permission in _MAY[role]


def rank(role: Role) -> int:
    """0 for a user up to 4 for a platform administrator."""
    return _RANK[role]


def may_act_on(actor: Role, target: Role) -> bool:
    """Whether the actor may change the target: nobody acts on someone who outranks them, helpdesk only on lower ranks.

    An administrator may act on an equal: somebody has to be able to unbind the other administrator's lost phone.
    """
    if rank(actor) < rank(Role.TENANT_ADMIN):
        return rank(target) < rank(actor)
    return rank(target) <= rank(actor)


def roles_given_by(actor: Role) -> tuple[Role, ...]:
    """The roles an actor may hand out, highest first: none above their own."""
    return tuple(r for r in sorted(_RANK, key=rank, reverse=True) if rank(r) <= rank(actor))


def may_phrase(permission: Permission) -> str:
    """Who has a permission, in words, for telling somebody why a key does not act."""
    names = [str(r) for r in sorted(_RANK, key=rank, reverse=True) if permission in _MAY[r]]
    return ", ".join(names)
