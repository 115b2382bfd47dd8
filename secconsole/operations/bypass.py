"""Bypass codes: one short-lived code for a user whose phone is not at hand, in place of unbinding."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from msgspec import Meta

from secconsole.domain.factors.bypass import MOST_MINUTES
from secconsole.domain.roles import Permission, Ranks
from secconsole.domain.secret import Secret
from secconsole.operations import events
from secconsole.operations.base import Operation, declare
from secconsole.operations.caller_check import CallerCheck
from secconsole.operations.fields import Moment, Reason, TenantName, Ticket, UserName

BypassMinutes = Annotated[
    int, Meta(ge=1, le=MOST_MINUTES, description="The number of minutes that a bypass code works.")
]


@dataclass(frozen=True, slots=True)
class BypassState:
    """Bypass code of a user that works now or will, without the code itself."""

    starts: Moment
    until: Moment
    by: str
    reason: str
    ticket: str


@dataclass(frozen=True, slots=True)
class BypassIssued:
    """New bypass code, shown once.

    `replaced`: an earlier code no longer works. `caller_check`: the check of the caller that it belongs to.
    `message` is for people: the code is not needed now, and why.
    """

    id: str
    login: str
    code: Secret[str]
    starts: Moment
    until: Moment
    replaced: bool
    message: str = ""
    caller_check: CallerCheck | None = None


@dataclass(frozen=True, slots=True)
class BypassRevoked:
    """User whose bypass code no longer works."""

    id: str
    login: str


@declare(
    "bypass.issue",
    "POST",
    "/v1/tenants/{tenant}/users/{user}/bypass",
    Permission.UNBIND,
    on_lower=True,
    ranks=Ranks.STRICTLY_LOWER,
    dangerous=True,
    step_up="always",
    others_only=True,
    records=events.BYPASS_ISSUED,
    example=lambda s: (
        IssueBypass(tenant=s.TENANT, user="ana.kral", reason="phone left at home", ticket=s.TICKET, minutes=30),
        BypassIssued(s.ANA, "ana.kral", s.BYPASS, s.NOW, s.NOW + timedelta(minutes=30), replaced=False),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class IssueBypass(Operation[BypassIssued]):
    """Issue a bypass code for a user of lower rank, which replaces the second factor of one sign-in.

    An earlier code of the user no longer works. `minutes`: by default what the policy says, and never more than it
    allows. `starts`: when the code begins to work, by default now, at most seven days ahead. A sign-in with it binds no
    factor, and does not count as a proof where one is asked for.
    """

    tenant: TenantName
    user: UserName
    reason: Reason
    ticket: Ticket = ""
    minutes: BypassMinutes | None = None
    starts: Moment | None = None


@declare(
    "bypass.revoke",
    "POST",
    "/v1/tenants/{tenant}/users/{user}/bypass/revoke",
    Permission.UNBIND,
    on_lower=True,
    ranks=Ranks.EQUAL,
    step_up="never",
    why="only takes away a way to sign in",
    others_only=True,
    records=events.BYPASS_REVOKED,
    example=lambda s: (RevokeBypass(tenant=s.TENANT, user="ana.kral"), BypassRevoked(s.ANA, "ana.kral")),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeBypass(Operation[BypassRevoked]):
    """Revoke the unused bypass code of a user.

    Raises `Conflict` if there is none.
    """

    tenant: TenantName
    user: UserName
