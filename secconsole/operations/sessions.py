"""Sessions that are open: see them, and end them."""

from __future__ import annotations

from dataclasses import dataclass

from secconsole.domain.roles import Permission
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import Cursor, Id, Limit, Moment, TenantName, UserName


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One open session; never its token. `address`: where the sign-in came from, if known; `current`: the asker's own.

    `channel`: console, command or api. It ends at `expires`, and earlier when it is not used for an hour.
    """

    id: str
    created: Moment
    last_seen: Moment
    expires: Moment
    channel: str
    address: str
    current: bool


@dataclass(frozen=True, slots=True)
class SessionPage:
    items: tuple[SessionRow, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class SessionsEnded:
    ended: int


@declare("session.list", "GET", "/v1/tenants/{tenant}/users/{user}/sessions", Permission.SEE, own=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class ListSessions(Operation[SessionPage]):
    """List a user's open sessions, newest first. `limit`: 1 to 500."""

    tenant: TenantName
    user: UserName
    limit: Limit = 50
    cursor: Cursor | None = None


@declare("session.end", "DELETE", "/v1/tenants/{tenant}/users/{user}/sessions/{session}", Permission.MANAGE_USERS,
         own=True, on_lower=True)  # fmt: skip
@dataclass(frozen=True, slots=True, kw_only=True)
class EndSession(Operation[SessionsEnded]):
    """End one session; another user's only with a proof of password and factor that is at most five minutes old."""

    tenant: TenantName
    user: UserName
    session: Id


@declare("session.end-others", "POST", "/v1/tenants/{tenant}/users/{user}/end-sessions", Permission.MANAGE_USERS,
         own=True, on_lower=True, dangerous=True)  # fmt: skip
@dataclass(frozen=True, slots=True, kw_only=True)
class EndOtherSessions(Operation[SessionsEnded]):
    """End all of a user's sessions and sign-ins under way, but for the session that asks.

    Another user's only with a proof of password and factor that is at most five minutes old.
    """

    tenant: TenantName
    user: UserName
