"""Tenants, and the adoption of second factors in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from secconsole.domain.history import MOST_DAYS
from secconsole.domain.impact import Group
from secconsole.domain.model import FactorKind, PolicyMode
from secconsole.domain.roles import Permission, Role
from secconsole.operations import events
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
class ClockJump:
    """Change of a clock to the new time `at`, forward if `seconds` is positive."""

    at: Moment
    seconds: int


@dataclass(frozen=True, slots=True)
class KindCount:
    """Users who are not disabled and have a kind of factor bound. `alone`: of them, those without another kind."""

    kind: FactorKind
    bound: int
    alone: int


@dataclass(frozen=True, slots=True)
class Adoption:
    """Counted groups of a tenant's users, and what needs attention."""

    tenant: TenantName
    policy: PolicyMode
    grace_days: int
    required_since: Moment | None
    groups: tuple[Group, ...]
    locked: int
    whitelisted_open: int
    expiring_soon: int  # whitelist entries that end within seven days
    at: Moment  # by the clock that codes are checked against
    clock_jump: ClockJump | None = None  # in the last seven days, and not repaired since
    refused_by_clock: int = 0  # users whose correct codes are refused, because the clock was ahead
    damaged: int = 0  # sealed secrets that could not be opened in the last seven days, and were not removed since
    damage_reports: int = 0  # audit entries about such secrets in these days, also about removed ones
    overdue: int = 0  # users without a factor whose grace period is over
    kinds: tuple[KindCount, ...] = ()
    weak_keys: int = 0  # users with a live factor whose key has fewer than 128 bits


@dataclass(frozen=True, slots=True)
class DayFigures:
    """Figures of users who are not disabled, at the beginning of a day, UTC.

    Those that are None were not recorded, and cannot be rebuilt from the bindings on record.
    """

    at: Moment
    users: int
    bound: int
    pending: int | None
    whitelisted: int | None
    overdue: int | None


@dataclass(frozen=True, slots=True)
class AdoptionHistory:
    """Figures of the last days, oldest first.

    `complete`: False while days before secconsole kept figures are still being rebuilt, which are left out until then.
    """

    tenant: TenantName
    days: tuple[DayFigures, ...]
    complete: bool


AdminRole = Annotated[
    Role,
    Meta(
        extra_json_schema={"enum": [Role.TENANT_ADMIN.value, Role.PLATFORM_ADMIN.value]},
        description="Whether its administrator manages only this tenant, or all of them.",
    ),
]


@declare(
    "tenant.list",
    "GET",
    "/v1/tenants",
    Permission.OWN_ACCOUNT,
    example=lambda s: (ListTenants(), TenantList((s.TENANT_ROW,))),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ListTenants(Operation[TenantList]):
    """List the tenants visible to the caller: all for a platform administrator, otherwise the caller's own."""


@declare(
    "tenant.create",
    "POST",
    "/v1/tenants",
    Permission.MANAGE_TENANTS,
    step_up="always",
    records=(events.TENANT_CREATED, events.USER_CREATED),
    example=lambda s: (
        CreateTenant(name="beta works", admin="bea", password=s.ANOTHER),
        Tenant("01KAN8Q4S6V8X0Z2B4D6F8H0K2", "beta works", s.NOW, PolicyMode.OFF, 1),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTenant(Operation[Tenant]):
    """Create a tenant, and with `admin` its first administrator.

    The administrator manages that tenant, or all tenants if `role` is `platform-admin`.
    """

    name: NewTenantName
    admin: AdminLogin = ""
    password: AdminPassword | None = None
    role: AdminRole = Role.TENANT_ADMIN


@declare(
    "tenant.adoption",
    "GET",
    "/v1/tenants/{tenant}/adoption",
    Permission.SEE,
    example=lambda s: (ShowAdoption(tenant=s.TENANT), s.SHOW_ADOPTION_REPLY),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ShowAdoption(Operation[Adoption]):
    """Show how many users are bound, by role, and what needs attention."""

    tenant: TenantName


HistoryDays = Annotated[int, Meta(ge=1, le=MOST_DAYS, description="The number of days, up to today.")]


@declare(
    "tenant.history",
    "GET",
    "/v1/tenants/{tenant}/adoption/history",
    Permission.SEE,
    example=lambda s: (ShowAdoptionHistory(tenant=s.TENANT, days=30), s.SHOW_HISTORY_REPLY),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ShowAdoptionHistory(Operation[AdoptionHistory]):
    """Show how many users were bound at the beginning of each of the last days."""

    tenant: TenantName
    days: HistoryDays = MOST_DAYS
