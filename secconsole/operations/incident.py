"""Handling of a breach: what is known, freezing sign-ins, ending all sessions, and the report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from msgspec import Meta

from secconsole.domain.limits import MOST_ENDED_AT_ONCE, MOST_PER_PAGE
from secconsole.domain.roles import Permission, Ranks, Role
from secconsole.operations import events
from secconsole.operations.audit import AuditEntry
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import Limit, Moment, NumberCursor, OptionalReason, TenantName, UserName

USUAL_WINDOW = timedelta(hours=24)
CHANGES: tuple[events.EventGroup, ...] = (
    events.EventGroup.WHITELIST,
    events.EventGroup.POLICY,
    events.EventGroup.USERS,
)
AtOnce = Annotated[
    int, Meta(ge=1, le=MOST_ENDED_AT_ONCE, description="The maximum number of sessions to end in one request.")
]


@dataclass(frozen=True, slots=True)
class ActionCount:
    """Number of entries of an action with an outcome. `capped`: there are more, which were not counted."""

    action: str
    outcome: str
    count: int
    capped: bool = False


@dataclass(frozen=True, slots=True)
class NewNetwork:
    """Network from which nobody of the tenant had signed in before. `login`: the first user who did, at `first`."""

    network: str
    users: int
    login: str
    first: Moment


@dataclass(frozen=True, slots=True)
class KeyUse:
    """Use of the tenant's secret key from an address, as the newest entries of the audit show it."""

    address: str
    last: Moment
    checks: int


@dataclass(frozen=True, slots=True)
class RoleCount:
    """Number of enabled users with a role. `bound`: those with an active factor. `passwords`: those with a password."""

    role: Role
    users: int
    bound: int
    passwords: int


@dataclass(frozen=True, slots=True)
class StepDone:
    """Latest time within the window that a step was taken, with the audit entry that shows it."""

    action: str
    at: Moment
    by: str
    entry: str


@dataclass(frozen=True, slots=True)
class Incident:
    """State of a tenant as far as it matters after a breach.

    `since`: the beginning of the window that `networks`, `changes`, `latest`, `refused` and `done` are about.
    `sessions`, `tokens`: open ones that the caller can end. `spared`: open sessions and tokens of users who outrank the
    caller. `platform_admins`: users of the tenant who can sign in while it is frozen. `key_uses`: programs that stop
    working when the secret key is rotated, newest first.
    """

    at: Moment
    since: Moment
    frozen_since: Moment | None
    frozen_by: str
    sessions: int
    tokens: int
    spared: int
    platform_admins: int
    roles: tuple[RoleCount, ...]
    networks: tuple[NewNetwork, ...]
    networks_capped: bool
    changes: tuple[ActionCount, ...]
    latest: tuple[AuditEntry, ...]
    refused: int
    refused_capped: bool
    key_id: str | None
    key_last_used: Moment | None
    key_uses: tuple[KeyUse, ...]
    done: tuple[StepDone, ...]


@declare(
    "incident.show",
    "GET",
    "/v1/tenants/{tenant}/incident",
    Permission.HANDLE_INCIDENTS,
    example=lambda s: (ShowIncident(tenant=s.TENANT, since=s.NOW - USUAL_WINDOW), s.INCIDENT),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ShowIncident(Operation[Incident]):
    """Show what is known about a breach, and what each step against it would affect.

    `since`: the beginning of the window, by default 24 hours ago. Only the newest entries are read, never all.
    """

    tenant: TenantName
    since: Moment | None = None


@dataclass(frozen=True, slots=True)
class Freeze:
    """Freeze of a tenant, None in `frozen_since` while users can sign in.

    `platform_admins`: users of the tenant who can sign in meanwhile.
    """

    frozen_since: Moment | None
    frozen_by: str
    platform_admins: int


@declare(
    "incident.freeze",
    "POST",
    "/v1/tenants/{tenant}/incident/freeze",
    Permission.HANDLE_INCIDENTS,
    dangerous=True,
    step_up="always",
    records=events.INCIDENT_FROZEN,
    example=lambda s: (FreezeSignIns(tenant=s.TENANT, reason="stolen passwords"), Freeze(s.NOW, "root", 2)),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeSignIns(Operation[Freeze]):
    """Refuse all sign-ins except those of platform administrators.

    Sign-ins in progress are refused too, and so are codes that programs check. Open sessions and tokens stay.
    Tenant administrators with an open session, platform administrators and the owner of the store can thaw.
    """

    tenant: TenantName
    reason: OptionalReason = ""


@declare(
    "incident.thaw",
    "POST",
    "/v1/tenants/{tenant}/incident/thaw",
    Permission.HANDLE_INCIDENTS,
    step_up="always",
    records=events.INCIDENT_THAWED,
    example=lambda s: (ThawSignIns(tenant=s.TENANT), Freeze(None, "", 2)),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ThawSignIns(Operation[Freeze]):
    """Let users sign in again after a freeze."""

    tenant: TenantName
    reason: OptionalReason = ""


@dataclass(frozen=True, slots=True)
class AllSessionsEnded:
    """Sessions and tokens that ended. `left`: how many are still open: repeat the request with the same `before`.

    `spared`: open sessions and tokens of users who outrank the caller. `own_ended`: the caller's session ended too.
    """

    sessions: int
    tokens: int
    left: int
    spared: int
    before: Moment
    own_ended: bool = False


@declare(
    "incident.end-sessions",
    "POST",
    "/v1/tenants/{tenant}/incident/end-sessions",
    Permission.HANDLE_INCIDENTS,
    dangerous=True,
    step_up="always",
    records=events.INCIDENT_SESSIONS_ENDED,
    example=lambda s: (
        EndTenantSessions(tenant=s.TENANT),
        AllSessionsEnded(sessions=214, tokens=9, left=0, spared=1, before=s.NOW),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class EndTenantSessions(Operation[AllSessionsEnded]):
    """End all sessions, tokens and sign-ins in progress of a tenant, but not those of users who outrank the caller.

    The caller's own session stays unless `own` is true; it then ends last. The tenant's secret key stays: it is rotated
    instead. At most `limit` end in one request, so that others are not held up. `before`: those opened later stay, by
    default now.
    """

    tenant: TenantName
    before: Moment | None = None
    own: bool = False
    limit: AtOnce = MOST_ENDED_AT_ONCE


@dataclass(frozen=True, slots=True)
class IncidentReport:
    """Audit of a window: counts of all actions, and the entries of those that changed something, newest first."""

    tenant: TenantName
    at: Moment
    since: Moment
    until: Moment
    frozen_since: Moment | None
    counts: tuple[ActionCount, ...]
    items: tuple[AuditEntry, ...]
    next: str | None = None


@declare(
    "incident.report",
    "GET",
    "/v1/tenants/{tenant}/incident/report",
    Permission.HANDLE_INCIDENTS,
    example=lambda s: (ReportIncident(tenant=s.TENANT, since=s.NOW - USUAL_WINDOW), s.INCIDENT_REPORT),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ReportIncident(Operation[IncidentReport]):
    """Report from the audit who did what in a window, and when.

    `counts` are on the first page only, up to 10,000 for each action. Completed sign-ins and checks of codes are
    counted but not listed.
    """

    tenant: TenantName
    since: Moment | None = None
    until: Moment | None = None
    limit: Limit = MOST_PER_PAGE
    cursor: NumberCursor | None = None


@dataclass(frozen=True, slots=True)
class Advice:
    """Text to send to users."""

    subject: str
    body: str


@declare(
    "incident.advice",
    "GET",
    "/v1/tenants/{tenant}/incident/advice",
    Permission.HANDLE_INCIDENTS,
    example=lambda s: (
        ShowAdvice(tenant=s.TENANT),
        Advice("Check your devices: your account at acme", "Attackers may have reached accounts of acme. …"),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ShowAdvice(Operation[Advice]):
    """Show the advice for users whose devices may be infected, which the owner of the store can replace."""

    tenant: TenantName


@dataclass(frozen=True, slots=True)
class AdviceSent:
    """User who was mailed the advice. `to`: the address, masked."""

    user: str
    login: str
    to: str


@declare(
    "incident.send-advice",
    "POST",
    "/v1/tenants/{tenant}/users/{user}/advice",
    Permission.HANDLE_INCIDENTS,
    on_lower=True,
    ranks=Ranks.EQUAL,
    step_up="always",
    own_reason="brings them the same mail as all others",
    records=events.INCIDENT_ADVISED,
    example=lambda s: (
        SendAdvice(tenant=s.TENANT, user="ana.kral"),
        AdviceSent(s.USER.id, s.USER.login, "a••@acme.example"),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class SendAdvice(Operation[AdviceSent]):
    """Mail the advice to the address on record of a user."""

    tenant: TenantName
    user: UserName
