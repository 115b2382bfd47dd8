"""Secret keys of a tenant, with which its programs act: each has a name and scopes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from secconsole.domain.roles import Permission
from secconsole.domain.scope import Scope
from secconsole.domain.secret import Secret
from secconsole.operations import events
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import KeyChoice, KeyName, Moment, OverlapHours, Scopes, TenantName

DEFAULT_KEY = "default"
USUAL_SCOPES = (Scope.READ, Scope.VERIFY)


@dataclass(frozen=True, slots=True)
class SecretKey:
    """Secret key by its name, without an `id` if there is none.

    The previous key of that name is valid until `previous_until`.
    """

    id: str | None
    created: Moment | None
    last_used: Moment | None
    previous_id: str | None
    previous_until: Moment | None
    name: str = DEFAULT_KEY
    scopes: tuple[Scope, ...] = ()


@dataclass(frozen=True, slots=True)
class SecretKeyPage:
    items: tuple[SecretKey, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class NewSecretKey:
    """New secret key, shown only once.

    The previous key of its name is valid until `previous_until`, if at all.
    """

    id: str
    key: Secret[str]
    created: Moment
    previous_id: str | None
    previous_until: Moment | None
    name: str = DEFAULT_KEY
    scopes: tuple[Scope, ...] = USUAL_SCOPES


@dataclass(frozen=True, slots=True)
class NewSecretKeys:
    """New secret keys, one for each name, shown only once."""

    items: tuple[NewSecretKey, ...]
    next: str | None = None


@declare(
    "secret-key.show",
    "GET",
    "/v1/tenants/{tenant}/secret-key",
    Permission.SEE,
    example=lambda s: (ShowSecretKey(tenant=s.TENANT), s.SECRET_KEY),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ShowSecretKey(Operation[SecretKey]):
    """Show the metadata of a tenant's secret key, by default of the one named `default`, never the key itself."""

    tenant: TenantName
    name: KeyName = DEFAULT_KEY


@declare(
    "secret-key.list",
    "GET",
    "/v1/tenants/{tenant}/secret-keys",
    Permission.SEE,
    example=lambda s: (ListSecretKeys(tenant=s.TENANT), SecretKeyPage((s.SECRET_KEY,))),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ListSecretKeys(Operation[SecretKeyPage]):
    """List the secret keys of a tenant by their names, never the keys themselves."""

    tenant: TenantName


@declare(
    "secret-key.create",
    "POST",
    "/v1/tenants/{tenant}/secret-keys",
    Permission.MANAGE_POLICY,
    dangerous=True,
    step_up="always",
    records=events.SECRET_KEY_CREATED,
    example=lambda s: (
        CreateSecretKey(tenant=s.TENANT, name="vpn", scopes=(Scope.VERIFY,)),
        replace(s.NEW_SECRET_KEY, name="vpn", scopes=(Scope.VERIFY,)),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSecretKey(Operation[NewSecretKey]):
    """Create a secret key for one of a tenant's programs, with a name that no other one has."""

    tenant: TenantName
    name: KeyName
    scopes: Scopes = USUAL_SCOPES


@declare(
    "secret-key.rotate",
    "POST",
    "/v1/tenants/{tenant}/secret-key/rotate",
    Permission.MANAGE_POLICY,
    dangerous=True,
    step_up="always",
    records=events.SECRET_KEY_ROTATED,
    example=lambda s: (
        RotateSecretKey(tenant=s.TENANT, overlap_hours=24),
        replace(s.NEW_SECRET_KEY, previous_id=s.OLD_KEY, previous_until=s.NOW + timedelta(hours=24)),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class RotateSecretKey(Operation[NewSecretKey]):
    """Rotate a secret key of a tenant, which keeps its name and scopes.

    The old one ends, at once or later, so programs need the new one. Keys before the old one end in any case. The key
    named `default` is created if there is none.
    """

    tenant: TenantName
    overlap_hours: OverlapHours = 0
    name: KeyName = DEFAULT_KEY


@declare(
    "secret-key.rotate-all",
    "POST",
    "/v1/tenants/{tenant}/rotate-secret-keys",
    Permission.MANAGE_POLICY,
    dangerous=True,
    step_up="always",
    records=events.SECRET_KEY_ROTATED,
    example=lambda s: (RotateSecretKeys(tenant=s.TENANT), NewSecretKeys((s.NEW_SECRET_KEY,))),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class RotateSecretKeys(Operation[NewSecretKeys]):
    """Rotate all secret keys of a tenant together, as after a breach."""

    tenant: TenantName
    overlap_hours: OverlapHours = 0


@declare(
    "secret-key.revoke",
    "DELETE",
    "/v1/tenants/{tenant}/secret-keys/{key}",
    Permission.MANAGE_POLICY,
    dangerous=True,
    step_up="always",
    records=events.SECRET_KEY_REVOKED,
    example=lambda s: (RevokeSecretKey(tenant=s.TENANT, key="default"), None),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeSecretKey(Operation[None]):
    """Revoke a secret key by its name or id, which becomes invalid at once.

    By its name the previous key of that name ends too.
    """

    tenant: TenantName
    key: KeyChoice
