"""What programs sign in with: personal access tokens, and a tenant's secret key."""

from __future__ import annotations

from dataclasses import dataclass

from secconsole.domain.limits import MOST_PER_PAGE
from secconsole.domain.roles import Permission
from secconsole.domain.scope import Scope
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import (
    Cursor,
    Id,
    Limit,
    Moment,
    OverlapHours,
    Scopes,
    TenantName,
    TokenDays,
    TokenName,
    UserName,
)

READ_ONLY = (Scope.READ,)


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token that works now. `user`: the owner's id, empty for the owner of the store; `owner`: as the audit says."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    owner: str
    user: str
    created: Moment
    expires: Moment
    last_used: Moment | None


@dataclass(frozen=True, slots=True)
class TokenPage:
    items: tuple[TokenRow, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token, shown this once."""

    id: str
    token: Secret[str]
    name: str
    scopes: tuple[Scope, ...]
    created: Moment
    expires: Moment


@dataclass(frozen=True, slots=True)
class SecretKey:
    """Which secret key a tenant has: no `id` while it has none. The previous one works until `previous_until`."""

    id: str | None
    created: Moment | None
    last_used: Moment | None
    previous_id: str | None
    previous_until: Moment | None


@dataclass(frozen=True, slots=True)
class NewSecretKey:
    """A tenant's new secret key, shown this once; the previous one works until `previous_until`, if at all."""

    id: str
    key: Secret[str]
    created: Moment
    previous_id: str | None
    previous_until: Moment | None


@declare("token.create", "POST", "/v1/me/tokens", Permission.OWN_ACCOUNT, step_up=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class CreateToken(Operation[NewToken]):
    """Create a personal access token for oneself, with which programs act within its scopes until it expires.

    It works within its owner's role, and ends when the owner is disabled, gets another role, or has password or factors
    reset. `tenant` is for the owner of the store, who is in none.
    """

    name: TokenName
    scopes: Scopes = READ_ONLY
    days: TokenDays = 30
    tenant: TenantName | None = None


@declare("token.list", "GET", "/v1/me/tokens", Permission.OWN_ACCOUNT)
@dataclass(frozen=True, slots=True, kw_only=True)
class ListOwnTokens(Operation[TokenPage]):
    """List one's own tokens."""


@declare("token.list-all", "GET", "/v1/tenants/{tenant}/tokens", Permission.SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class ListTokens(Operation[TokenPage]):
    """List the tokens of everybody in a tenant, or of one user, newest first."""

    tenant: TenantName
    user: UserName = ""
    limit: Limit = MOST_PER_PAGE
    cursor: Cursor | None = None


@declare("token.revoke", "DELETE", "/v1/tenants/{tenant}/tokens/{token}", Permission.MANAGE_USERS,
         own=True, on_lower=True)  # fmt: skip
@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeToken(Operation[None]):
    """Revoke a token: it stops working at once.

    Another user's, or a program's, only with a proof of password and factor that is at most five minutes old.
    """

    tenant: TenantName
    token: Id


@declare("secret-key.show", "GET", "/v1/tenants/{tenant}/secret-key", Permission.SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class ShowSecretKey(Operation[SecretKey]):
    """Show which secret key a tenant has; never the key itself."""

    tenant: TenantName


@declare("secret-key.rotate", "POST", "/v1/tenants/{tenant}/secret-key/rotate", Permission.MANAGE_POLICY,
         dangerous=True, step_up=True)  # fmt: skip
@dataclass(frozen=True, slots=True, kw_only=True)
class RotateSecretKey(Operation[NewSecretKey]):
    """Make a tenant's secret key anew, with which programs check codes and read; the old one ends, at once or later.

    Whatever used the old one has to be given the new one. Of keys before the old one none works on.
    """

    tenant: TenantName
    overlap_hours: OverlapHours = 0
