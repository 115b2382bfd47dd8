"""Tenants, and how far one has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from secconsole.domain.impact import Group
from secconsole.domain.model import PolicyMode
from secconsole.domain.roles import Permission
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation, declare


@dataclass(frozen=True, slots=True)
class Tenant:
    id: str
    name: str
    created: datetime
    policy: PolicyMode
    users: int


@dataclass(frozen=True, slots=True)
class TenantList:
    items: tuple[Tenant, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Adoption:
    """The counted groups of a tenant's users, and what wants a look today."""

    tenant: str
    policy: PolicyMode
    grace_days: int
    required_since: datetime | None
    groups: tuple[Group, ...]
    locked: int
    whitelisted_open: int
    expiring_soon: int  # whitelist entries that end within seven days


@declare("tenant.list", "GET", "/v1/tenants", Permission.OWN_ACCOUNT)
@dataclass(frozen=True, slots=True, kw_only=True)
class ListTenants(Operation[TenantList]):
    """List the tenants that one may know of: all for a platform administrator, else one's own."""


@declare("tenant.create", "POST", "/v1/tenants", Permission.MANAGE_TENANTS, step_up=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTenant(Operation[Tenant]):
    """Create a tenant, and with `admin` its first administrator."""

    name: str
    admin: str = ""
    password: Secret[str] | None = None


@declare("tenant.adoption", "GET", "/v1/tenants/{tenant}/adoption", Permission.SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class ShowAdoption(Operation[Adoption]):
    """Show how many users are bound, by role, and what wants attention."""

    tenant: str
