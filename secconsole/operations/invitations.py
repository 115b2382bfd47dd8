"""Invitations: a first-time password by mail for users who cannot sign in yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from secconsole.domain.limits import MANY_NAMES_BODY, MOST_INVITED
from secconsole.domain.roles import Permission
from secconsole.domain.users.invitation import USUAL_DAYS
from secconsole.operations import events
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import InvitationDays, Moment, TenantName, UserName, UserNames
from secconsole.operations.whitelist import NotDone


@dataclass(frozen=True, slots=True)
class Invited:
    """User who is sent a first-time password, and the masked address."""

    id: str
    login: str
    masked: str


@dataclass(frozen=True, slots=True)
class InvitationPreview:
    """Users who would be invited, and the others with reasons.

    `again`: how many of them have a first-time password already, which a new one replaces. `room`: how many mails the
    limit of a day allows now. `mails`: whether mail can be sent at all.
    """

    invited: tuple[Invited, ...]
    again: int
    failed: tuple[NotDone, ...]
    room: int
    mails: bool


@dataclass(frozen=True, slots=True)
class InvitationResult:
    """Users who were sent a first-time password, and the others with reasons.

    `until`: the end of these passwords, None if there are none.
    """

    invited: tuple[Invited, ...]
    failed: tuple[NotDone, ...]
    until: Moment | None


@declare(
    "user.invite-preview",
    "POST",
    "/v1/tenants/{tenant}/user-invite/preview",
    Permission.MANAGE_USERS,
    writes=False,
    others_only=True,
    body=MANY_NAMES_BODY,
    example=lambda s: (
        PreviewInvitation(tenant=s.TENANT, users=("ana.kral", "cleo")),
        InvitationPreview((s.INVITED,), 0, (s.MISSING,), 10_000, True),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewInvitation(Operation[InvitationPreview]):
    """Preview who would be sent a first-time password."""

    tenant: TenantName
    users: UserNames


@declare(
    "user.invite",
    "POST",
    "/v1/tenants/{tenant}/user-invite",
    Permission.MANAGE_USERS,
    step_up="always",
    others_only=True,
    records=events.USER_INVITED,
    example=lambda s: (
        InviteUsers(tenant=s.TENANT, users=("ana.kral", "cleo")),
        InvitationResult((s.INVITED,), (s.MISSING,), s.EXEMPTION.until),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class InviteUsers(Operation[InvitationResult]):
    """Mail a first-time password to up to 25 users who have no password.

    It goes to the address on record and is shown nowhere. The first sign-in with it asks for a new password. Inviting
    again replaces an earlier first-time password. Users who chose a password keep it.
    """

    tenant: TenantName
    users: Annotated[tuple[UserName, ...], Meta(max_length=MOST_INVITED)]
    days: InvitationDays = USUAL_DAYS
