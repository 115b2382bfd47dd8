"""Rules for assigning roles, the same for one user and for each line of an import."""

from __future__ import annotations

import sqlalchemy as sa

from secconsole.domain.errors import Conflict, NotAllowed
from secconsole.domain.helpdesk import ApprovalKind
from secconsole.domain.policy import is_always_asked
from secconsole.domain.roles import Role, roles_given_by
from secconsole.service.context import Context
from secconsole.service.factors import approvals
from secconsole.store import users
from secconsole.store.rows import UserRecord

# A lower role opens the account to every reset by the same administrator.
PEERS = (
    "The role of another platform administrator changes with the approval of a second person, as their reset does. "
    "Ask for it with secconsole approval request LOGIN --kind reset, or disable the account."
)


class PlatformAdmins:
    """Count of the remaining platform administrators while one request removes some and adds others.

    They count only if they can sign in: without a password they depend on another administrator. `hold` prevents
    concurrent changes until this transaction ends, which a read-only one cannot.
    """

    def __init__(self, connection: sa.Connection, *, hold: bool = True) -> None:
        self._connection, self._hold = connection, hold
        self._left: set[int] | None = None  # of all tenants; looked up on first use
        self._added = 0

    def lose(self, user: UserRecord) -> None:
        """Count a user out, or raise `Conflict` if no platform administrator would be left."""
        if user.role is not Role.PLATFORM_ADMIN or user.disabled:
            return
        if self._left is None:
            self._left = users.platform_admins(self._connection, hold=self._hold)
        left = self._left - {user.pk}
        if not left and not self._added:
            raise Conflict(f"{user.login} is the last platform administrator. Add another one first.")
        self._left = left

    def gain(self) -> None:
        """Count one more in."""
        self._added += 1


def has_own_password(user: UserRecord) -> bool:
    """Return True if a user has a password other than a first-time one, which may end unused."""
    return user.password_hash is not None and not user.password_until


def check_new_role(context: Context, role: Role) -> None:
    """Raise `NotAllowed` if the actor may not assign this role."""
    if role not in roles_given_by(context.actor.role):
        raise NotAllowed(f"A {context.actor.role} may not assign the role {role}.")


def check_role_change(
    context: Context, user: UserRecord, role: Role, admins: PlatformAdmins, *, has_password: bool
) -> None:
    """Raise if the actor may not change a user's role, and count the change.

    `has_password`: the user has one, or gets one in the same request.
    """
    check_new_role(context, role)
    if context.actor.user is not None and context.actor.user.pk == user.pk:
        raise Conflict("You cannot change your own role. Ask another administrator.")
    if context.is_peer(user) and approvals.lacks(context, user, kind=ApprovalKind.RESET):
        raise NotAllowed(PEERS)
    admins.lose(user)
    if role is Role.PLATFORM_ADMIN and not user.disabled and has_password:
        admins.gain()


def stays_asked(user: UserRecord) -> bool:
    """Return the value of `keeps_factor` when a user's role changes.

    A user who was asked for the factor because of the role is not exempted by an earlier whitelist entry.
    """
    return user.keeps_factor or is_always_asked(user.role, user.status)
