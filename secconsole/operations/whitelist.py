"""Whitelist: users exempt from a second factor, with reason, start, end and author."""

from __future__ import annotations

from dataclasses import dataclass

from secconsole.domain.limits import MANY_NAMES_BODY
from secconsole.domain.model import BindingStatus
from secconsole.domain.roles import Permission, Role
from secconsole.operations import events
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import Cursor, Limit, Moment, OptionalReason, Reason, Search, TenantName, UserNames


@dataclass(frozen=True, slots=True)
class Exemption:
    """Whitelist entry.

    `until` is the first moment at which it is no longer valid, None with no end date.
    """

    user: str
    login: str
    name: str
    role: Role
    status: BindingStatus
    reason: str
    since: Moment
    until: Moment | None
    by: str


@dataclass(frozen=True, slots=True)
class Seen:
    """State of an entry when someone began to edit it."""

    reason: OptionalReason
    until: Moment | None


@dataclass(frozen=True, slots=True)
class WhitelistPage:
    items: tuple[Exemption, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class NotDone:
    """User that a bulk operation did not change, and the reason."""

    user: str
    login: str
    reason: str


@dataclass(frozen=True, slots=True)
class WhitelistChanged:
    """Result of a change.

    `changed`: logins added or removed. `unchanged`: already in that state. `failed`: with reasons.
    """

    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    failed: tuple[NotDone, ...]
    sessions_ended: int = 0
    tokens_ended: int = 0


@declare(
    "whitelist.list",
    "GET",
    "/v1/tenants/{tenant}/whitelist",
    Permission.SEE,
    example=lambda s: (ListWhitelist(tenant=s.TENANT, search="ben", limit=100), WhitelistPage((s.EXEMPTION,))),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ListWhitelist(Operation[WhitelistPage]):
    """List the whitelist by login.

    `search`: words as for users, or parts of the reason; `until:none` has no end date, `until:<7d` ends within 7 days.
    `limit`: 1 to 500.
    """

    tenant: TenantName
    search: Search = ""
    limit: Limit = 500
    cursor: Cursor | None = None


@declare(
    "whitelist.add",
    "POST",
    "/v1/tenants/{tenant}/whitelist",
    Permission.MANAGE_WHITELIST,
    dangerous=True,
    step_up="always",
    others_only=True,
    body=MANY_NAMES_BODY,
    records=(events.WHITELIST_ADDED, events.WHITELIST_CHANGED),
    example=lambda s: (
        AddToWhitelist(
            tenant=s.TENANT, users=("ben.ortiz", "cleo"), reason="his phone is being repaired", until=s.EXEMPTION.until
        ),
        WhitelistChanged(("ben.ortiz",), (), (s.MISSING,)),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class AddToWhitelist(Operation[WhitelistChanged]):
    """Add users to the whitelist, or change reason and end of existing entries.

    An e-mail address is taken for the login of the one user who has it.
    `only_new` leaves existing entries unchanged, and with `check_only` nothing is written. Raises `Stale` if `expect`
    differs from the current entries.
    """

    tenant: TenantName
    users: UserNames
    reason: Reason
    until: Moment | None = None
    only_new: bool = False
    check_only: bool = False
    expect: Seen | None = None


# Not DELETE: hundreds are removed at once, more than a URL can hold, and the body of a DELETE has no meaning (RFC 9110
# section 9.3.5).
@declare(
    "whitelist.remove",
    "POST",
    "/v1/tenants/{tenant}/whitelist/remove",
    Permission.MANAGE_WHITELIST,
    step_up="always",
    own_reason="asks for more, not less",
    body=MANY_NAMES_BODY,
    records=events.WHITELIST_REMOVED,
    example=lambda s: (
        RemoveFromWhitelist(tenant=s.TENANT, users=("ben.ortiz",)),
        WhitelistChanged(("ben.ortiz",), (), ()),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveFromWhitelist(Operation[WhitelistChanged]):
    """Remove users from the whitelist.

    Removing the last platform administrator without a bound factor raises `Conflict`, because it can lock everyone out,
    unless `accept_lockout`. Password-only sessions end if their users have to show a factor now, except
    for the actor's own, unless `keep_sessions`.
    """

    tenant: TenantName
    users: UserNames
    accept_lockout: bool = False
    keep_sessions: bool = False
