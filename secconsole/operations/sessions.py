"""Open sessions: listing and ending them."""

from __future__ import annotations

from dataclasses import dataclass

from secconsole.domain.roles import Permission, Ranks
from secconsole.operations import events
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import Cursor, Id, Limit, Moment, TenantName, UserName


@dataclass(frozen=True, slots=True)
class SessionRow:
    """Open session, without its token.

    `address`: the origin of the sign-in, if known. `current`: the caller's own. `channel`: console, command or api. It
    ends at `expires`, or earlier after an hour without use.
    """

    id: str
    created: Moment
    last_seen: Moment
    expires: Moment
    channel: str
    address: str
    current: bool
    factor: str


@dataclass(frozen=True, slots=True)
class SessionPage:
    items: tuple[SessionRow, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class SessionsEnded:
    ended: int


@declare(
    "session.list",
    "GET",
    "/v1/tenants/{tenant}/users/{user}/sessions",
    Permission.SEE,
    own=True,
    example=lambda s: (ListSessions(tenant=s.TENANT, user="ana.kral"), s.LIST_SESSIONS_REPLY),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ListSessions(Operation[SessionPage]):
    """List a user's open sessions, newest first.

    `limit`: 1 to 500.
    """

    tenant: TenantName
    user: UserName
    limit: Limit = 50
    cursor: Cursor | None = None


@declare(
    "session.end",
    "DELETE",
    "/v1/tenants/{tenant}/users/{user}/sessions/{session}",
    Permission.MANAGE_USERS,
    own=True,
    on_lower=True,
    ranks=Ranks.EQUAL,
    records=events.SESSION_ENDED,
    step_up="sometimes",
    why="for what belongs to another user, because protecting your own account must not wait",
    example=lambda s: (EndSession(tenant=s.TENANT, user="ana.kral", session=s.SESSION), SessionsEnded(ended=1)),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class EndSession(Operation[SessionsEnded]):
    """End a session.

    That of another user needs a recent step-up.
    """

    tenant: TenantName
    user: UserName
    session: Id


@declare(
    "session.end-others",
    "POST",
    "/v1/tenants/{tenant}/users/{user}/end-sessions",
    Permission.MANAGE_USERS,
    own=True,
    on_lower=True,
    ranks=Ranks.EQUAL,
    dangerous=True,
    records=events.SESSION_ENDED,
    step_up="sometimes",
    why="for what belongs to another user, because protecting your own account must not wait",
    example=lambda s: (EndOtherSessions(tenant=s.TENANT, user="ana.kral"), SessionsEnded(ended=3)),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class EndOtherSessions(Operation[SessionsEnded]):
    """End all of a user's sessions and sign-ins in progress except for the caller's session.

    Those of another user need a recent step-up.
    """

    tenant: TenantName
    user: UserName
