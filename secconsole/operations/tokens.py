"""Personal access tokens, with which programs act for their owners."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from secconsole.domain.limits import MOST_PER_PAGE
from secconsole.domain.roles import Permission, Ranks
from secconsole.domain.scope import Scope
from secconsole.domain.secret import Secret
from secconsole.operations import events
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import (
    Cursor,
    Id,
    Limit,
    Moment,
    Scopes,
    TenantName,
    TokenDays,
    TokenName,
    UserName,
)

READ_ONLY = (Scope.READ,)


@dataclass(frozen=True, slots=True)
class TokenRow:
    """Valid token.

    `user`: the owner's id, empty for the owner of the store. `owner`: as in the audit.
    """

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
    """New token, shown only once."""

    id: str
    token: Secret[str]
    name: str
    scopes: tuple[Scope, ...]
    created: Moment
    expires: Moment


@declare(
    "token.create",
    "POST",
    "/v1/me/tokens",
    Permission.OWN_ACCOUNT,
    step_up="always",
    records=events.TOKEN_CREATED,
    example=lambda s: (
        CreateToken(name="ci", scopes=(Scope.READ,), days=30),
        NewToken(
            id=s.TOKEN_ROW.id,
            token=Secret("secconsole_pat_V2pT9xQe5mZr7LkB1nYw3uHc8sJf4gDa6oNi0bXvKqE"),
            name="ci",
            scopes=(Scope.READ,),
            created=s.NOW,
            expires=s.NOW + timedelta(days=30),
        ),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class CreateToken(Operation[NewToken]):
    """Create a personal access token for programs of the caller, with limited scopes and an expiry.

    It is limited to its owner's role, and ends if the owner is disabled, changes the role, or has password or factors
    reset. `tenant` is for the owner of the store, who belongs to none.
    """

    name: TokenName
    scopes: Scopes = READ_ONLY
    days: TokenDays = 30
    tenant: TenantName | None = None


@declare(
    "token.list",
    "GET",
    "/v1/me/tokens",
    Permission.OWN_ACCOUNT,
    example=lambda s: (ListOwnTokens(), TokenPage((s.TOKEN_ROW,))),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ListOwnTokens(Operation[TokenPage]):
    """List the caller's tokens."""


@declare(
    "token.list-all",
    "GET",
    "/v1/tenants/{tenant}/tokens",
    Permission.SEE,
    example=lambda s: (ListTokens(tenant=s.TENANT, user="root", limit=100), TokenPage((s.TOKEN_ROW,))),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ListTokens(Operation[TokenPage]):
    """List the tokens of a tenant, or of one user, newest first."""

    tenant: TenantName
    user: UserName = ""
    limit: Limit = MOST_PER_PAGE
    cursor: Cursor | None = None


@declare(
    "token.revoke",
    "DELETE",
    "/v1/tenants/{tenant}/tokens/{token}",
    Permission.MANAGE_USERS,
    own=True,
    on_lower=True,
    ranks=Ranks.EQUAL,
    records=events.TOKEN_REVOKED,
    step_up="sometimes",
    why="for what belongs to another user, because protecting your own account must not wait",
    example=lambda s: (RevokeToken(tenant=s.TENANT, token=s.TOKEN_ROW.id), None),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeToken(Operation[None]):
    """Revoke a token, which becomes invalid at once.

    That of another user or of a program needs a recent step-up.
    """

    tenant: TenantName
    token: Id
