"""The whitelist: who need not use a second factor, why, since when, until when, by whom."""

from __future__ import annotations

from dataclasses import dataclass

from secconsole.domain.model import BindingStatus
from secconsole.domain.roles import Permission, Role
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import Cursor, Limit, Moment, Reason, Search, TenantName, UserName


@dataclass(frozen=True, slots=True)
class Exemption:
    """One entry. `until` is the first moment at which it no longer holds; None: without an end."""

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
    """What an entry said when somebody began to edit it."""

    reason: str
    until: Moment | None


@dataclass(frozen=True, slots=True)
class WhitelistPage:
    items: tuple[Exemption, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class NotDone:
    """One of many that an operation left as it was, and why."""

    user: str
    login: str
    reason: str


@dataclass(frozen=True, slots=True)
class WhitelistChanged:
    """`changed`: logins put on or taken off; `unchanged`: stood so already; `failed`: with reasons."""

    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    failed: tuple[NotDone, ...]


@declare("whitelist.list", "GET", "/v1/tenants/{tenant}/whitelist", Permission.SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class ListWhitelist(Operation[WhitelistPage]):
    """List the whitelist by login. `search`: part of login or name; `limit`: 1 to 500."""

    tenant: TenantName
    search: Search = ""
    limit: Limit = 500
    cursor: Cursor | None = None


@declare("whitelist.add", "POST", "/v1/tenants/{tenant}/whitelist", Permission.MANAGE_WHITELIST,
         dangerous=True, step_up=True)  # fmt: skip
@dataclass(frozen=True, slots=True, kw_only=True)
class AddToWhitelist(Operation[WhitelistChanged]):
    """Put users on the whitelist, or change reason and end of those who are on it.

    `only_new` leaves those who are on it as they are; with `check_only` nothing is written. Raises `Stale` when
    `expect` is not what the entries say now.
    """

    tenant: TenantName
    users: tuple[UserName, ...]
    reason: Reason
    until: Moment | None = None
    only_new: bool = False
    check_only: bool = False
    expect: Seen | None = None


# Not DELETE: hundreds are taken off at once, more than an address holds, and the body of a DELETE has no meaning
# (RFC 9110 section 9.3.5).
@declare("whitelist.remove", "POST", "/v1/tenants/{tenant}/whitelist/remove", Permission.MANAGE_WHITELIST, step_up=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveFromWhitelist(Operation[WhitelistChanged]):
    """Take users off the whitelist.

    Taking the last platform administrator off it who has no factor bound raises `Conflict`, since it can lock everybody
    out, unless `accept_lockout`.
    """

    tenant: TenantName
    users: tuple[UserName, ...]
    accept_lockout: bool = False
