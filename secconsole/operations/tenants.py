"""Tenants, and how far one has come."""

from __future__ import annotations

from dataclasses import dataclass

from secconsole.domain.impact import Group
from secconsole.domain.model import PolicyMode
from secconsole.domain.roles import Permission
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import AdminLogin, AdminPassword, Moment, NewTenantName, TenantName


@dataclass(frozen=True, slots=True)
class Tenant:
    id: str
    name: str
    created: Moment
    policy: PolicyMode
    users: int


@dataclass(frozen=True, slots=True)
class TenantList:
    items: tuple[Tenant, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Adoption:
    """The counted groups of a tenant's users, and what wants a look today."""

    tenant: TenantName
    policy: PolicyMode
    grace_days: int
    required_since: Moment | None
    groups: tuple[Group, ...]
    locked: int
    whitelisted_open: int
    expiring_soon: int  # whitelist entries that end within seven days
    at: Moment  # by the clock that codes are checked against


@declare("tenant.list", "GET", "/v1/tenants", Permission.OWN_ACCOUNT)
@dataclass(frozen=True, slots=True, kw_only=True)
class ListTenants(Operation[TenantList]):
    """List the tenants that one may know of: all for a platform administrator, else one's own."""


@declare("tenant.create", "POST", "/v1/tenants", Permission.MANAGE_TENANTS, step_up=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTenant(Operation[Tenant]):
    """Create a tenant, and with `admin` its first administrator."""

    name: NewTenantName
    admin: AdminLogin = ""
    password: AdminPassword | None = None


@declare("tenant.adoption", "GET", "/v1/tenants/{tenant}/adoption", Permission.SEE)
@dataclass(frozen=True, slots=True, kw_only=True)
class ShowAdoption(Operation[Adoption]):
    """Show how many users are bound, by role, and what wants attention."""

    tenant: TenantName
