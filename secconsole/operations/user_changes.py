"""Changes of one user: name and addresses, access, role, password and what is required of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from secconsole.domain.model import Flag
from secconsole.domain.roles import Permission, Ranks, Role
from secconsole.domain.secret import Secret
from secconsole.operations import events
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import (
    Email,
    Login,
    OptionalReason,
    PersonName,
    Phone,
    TenantName,
    UserName,
)
from secconsole.operations.users import PasswordReset, UserChanged

RENAMED = events.event("user.renamed", events.EventGroup.USERS, "corrected")


@declare(
    "user.rename",
    "POST",
    "/v1/tenants/{tenant}/users/{user}/rename",
    Permission.MANAGE_USERS,
    on_lower=True,
    step_up="always",
    own_reason="corrects what is on record, and every address on record is notified",
    records=(RENAMED, events.ACCOUNT_CONTACT_CHANGED, events.ACCOUNT_PHONE_CHANGED),
    example=lambda s: (
        RenameUser(tenant=s.TENANT, user="ana.kral", name="Ana Králová"),
        UserChanged(s.USER, version=8),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class RenameUser(Operation[UserChanged]):
    """Correct login, name, e-mail or phone of a user.

    A field that is left out stays; an empty name, e-mail or phone is removed. Sessions stay open, and factors keep the
    addresses that they were bound to. A login that another user has is refused, and one that looks like another
    user's is reported in the reply. Every address on record is notified of another e-mail or phone, the previous
    address and a first one included. With `check_only` nothing is changed: the reply shows the user as they would be.
    """

    tenant: TenantName
    user: UserName
    login: Login | None = None
    name: PersonName | None = None
    email: Email | None = None
    phone: Phone | None = None
    check_only: bool = False


@declare(
    "user.disable",
    "POST",
    "/v1/tenants/{tenant}/users/{user}/disable",
    Permission.MANAGE_USERS,
    on_lower=True,
    dangerous=True,
    step_up="always",
    others_only=True,
    records=(events.USER_DISABLED, events.BYPASS_REVOKED),
    example=lambda s: (
        DisableUser(tenant=s.TENANT, user="ana.kral", reason="has left the company"),
        UserChanged(replace(s.USER, flags=(Flag.DISABLED,)), version=8),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class DisableUser(Operation[UserChanged]):
    """Keep a user from signing in, and end their sessions."""

    tenant: TenantName
    user: UserName
    reason: OptionalReason = ""


@declare(
    "user.enable",
    "POST",
    "/v1/tenants/{tenant}/users/{user}/enable",
    Permission.MANAGE_USERS,
    on_lower=True,
    step_up="always",
    others_only=True,
    records=events.USER_ENABLED,
    example=lambda s: (EnableUser(tenant=s.TENANT, user="ana.kral"), s.CHANGED),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class EnableUser(Operation[UserChanged]):
    """Let a disabled user sign in again."""

    tenant: TenantName
    user: UserName


@declare(
    "user.role",
    "POST",
    "/v1/tenants/{tenant}/users/{user}/role",
    Permission.MANAGE_USERS,
    on_lower=True,
    step_up="always",
    others_only=True,
    records=(events.USER_ROLE_CHANGED, events.BYPASS_REVOKED),
    example=lambda s: (
        ChangeRole(tenant=s.TENANT, user="ana.kral", role=Role.AUDITOR),
        UserChanged(replace(s.USER, role=Role.AUDITOR), version=8),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRole(Operation[UserChanged]):
    """Give a user another role, and end their sessions and tokens: what they may do has changed."""

    tenant: TenantName
    user: UserName
    role: Role


@declare(
    "user.reset-password",
    "POST",
    "/v1/tenants/{tenant}/users/{user}/reset-password",
    Permission.MANAGE_USERS,
    on_lower=True,
    ranks=Ranks.STRICTLY_LOWER,
    dangerous=True,
    step_up="always",
    others_only=True,
    records=events.USER_PASSWORD_RESET,
    example=lambda s: (
        ResetPassword(tenant=s.TENANT, user="ana.kral"),
        PasswordReset(replace(s.USER, flags=(Flag.MUST_RESET,)), Secret("tulip-anchor-mirror-forty")),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ResetPassword(Operation[PasswordReset]):
    """Replace a password by a one-time one that must be changed at the next sign-in, and end the sessions.

    The user must rank below the actor.
    """

    tenant: TenantName
    user: UserName


@declare(
    "user.unlock",
    "POST",
    "/v1/tenants/{tenant}/users/{user}/unlock",
    Permission.UNLOCK,
    on_lower=True,
    step_up="always",
    others_only=True,
    records=events.USER_UNLOCKED,
    example=lambda s: (UnlockUser(tenant=s.TENANT, user="ana.kral"), s.CHANGED),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class UnlockUser(Operation[UserChanged]):
    """Forget the wrong entries of all networks and sessions: as many guesses are free again."""

    tenant: TenantName
    user: UserName


@declare(
    "user.require-mfa",
    "POST",
    "/v1/tenants/{tenant}/users/{user}/require-mfa",
    Permission.MANAGE_USERS,
    on_lower=True,
    step_up="always",
    own_reason="asks for more, not less, and taking it back is refused",
    records=(events.USER_MFA_REQUIRED, events.USER_MFA_NOT_REQUIRED),
    example=lambda s: (RequireMfa(tenant=s.TENANT, user="ana.kral", required=True), s.CHANGED),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class RequireMfa(Operation[UserChanged]):
    """Require a second factor of one user, or stop requiring it.

    Refused while the policy is off, which would leave it without effect. Their password-only sessions end if they are
    asked for a factor now, unless `keep_sessions`.
    """

    tenant: TenantName
    user: UserName
    required: bool = True
    keep_sessions: bool = False
