"""Mail to a user who has to bind a factor, whenever an operator wants it."""

from __future__ import annotations

from dataclasses import dataclass

from secconsole.domain.roles import Permission
from secconsole.operations import events
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import TenantName, UserName


@dataclass(frozen=True, slots=True)
class ReminderSent:
    """Mail on its way. `to`: its address, masked."""

    user: str
    login: str
    to: str


@declare(
    "user.remind",
    "POST",
    "/v1/tenants/{tenant}/users/{user}/remind",
    Permission.MANAGE_USERS,
    on_lower=True,
    step_up="always",
    own_reason="brings them the same mail as all others",
    records=events.USER_REMINDED,
    example=lambda s: (
        RemindUser(tenant=s.TENANT, user="ana.kral"),
        ReminderSent(s.USER.id, s.USER.login, "a••@acme.example"),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class RemindUser(Operation[ReminderSent]):
    """Mail a user that a factor has to be bound, and until when.

    Raises `Conflict` for a user who need not bind one, or who has no address.
    """

    tenant: TenantName
    user: UserName
