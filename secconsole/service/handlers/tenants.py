"""Operations on tenants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from secconsole.domain.clock import is_in_sight
from secconsole.domain.errors import Conflict, Invalid
from secconsole.domain.history import day_of, start_of
from secconsole.domain.model import FactorKind, Flag
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.domain.tenant_name import check_tenant_name
from secconsole.domain.users.password import SHORTEST_ALONE, check_password
from secconsole.domain.users.search import UserFilter
from secconsole.operations.events import TENANT_CREATED, USER_CREATED
from secconsole.operations.tenants import (
    Adoption,
    AdoptionHistory,
    ClockJump,
    CreateTenant,
    DayFigures,
    KindCount,
    ListTenants,
    ShowAdoption,
    ShowAdoptionHistory,
    Tenant,
    TenantList,
)
from secconsole.operations.user_import import NewUser
from secconsole.service.context import Context, when, when_or_none
from secconsole.service.damage import count_damaged
from secconsole.service.handlers.users.user_fields import check_fields, with_id
from secconsole.service.registry import handles
from secconsole.store import history, tenants, users, whitelist
from secconsole.store.engine.clock import clock_mark
from secconsole.store.rows import TenantRow
from secconsole.store.search.overdue import count_overdue
from secconsole.store.search.user_search import count_users
from secconsole.store.search.weak_keys import count_weak_key_users

SOON = 7 * 24 * 3_600_000


@handles(ListTenants)
def list_tenants(context: Context, operation: ListTenants) -> TenantList:
    actor = context.actor
    known = tenants.all_tenants(context.connection)
    if actor.role is not Role.PLATFORM_ADMIN and actor.tenant_pk is not None:
        known = [tenant for tenant in known if tenant.pk == actor.tenant_pk]
    return TenantList(tuple(_view(context, tenant) for tenant in known))


def _admins_password(context: Context, operation: CreateTenant) -> Sequence[Secret[str]]:
    _check(context, operation)
    return (operation.password,) if operation.admin and operation.password is not None else ()


def _check(context: Context, operation: CreateTenant) -> str:
    """Return the name of a new tenant, or raise what is wrong with it or its administrator."""
    name = check_tenant_name(operation.name)
    if operation.role not in (Role.TENANT_ADMIN, Role.PLATFORM_ADMIN):
        raise Invalid("A tenant's first administrator must be a tenant-admin or a platform-admin.", "role")
    if operation.password is not None:
        check_password(operation.password, shortest=SHORTEST_ALONE, login=operation.admin, tenant=name)
    if operation.admin:
        check_fields(NewUser(0, operation.admin, password=operation.password), name)
    if tenants.tenant_by_name(context.connection, name) is not None:
        raise Conflict("A tenant with that name already exists.")
    return name


@handles(CreateTenant, hashes=_admins_password)
def create_tenant(context: Context, operation: CreateTenant) -> Tenant:
    name = _check(context, operation)
    tenant = tenants.add_tenant(context.connection, id=context.new_id(), name=name, now=context.now)
    context.audit(TENANT_CREATED, tenant=tenant)
    if operation.admin:
        add_admin(context, tenant, operation.admin, operation.password, operation.role)
    return _view(context, tenant)


def add_admin(context: Context, tenant: TenantRow, login: str, password: Secret[str] | None, role: Role) -> None:
    """Create a tenant's first administrator."""
    values = check_fields(NewUser(0, login, role=role, password=password), tenant.name)
    if password is not None:
        values["password_hash"] = context.new_hash
    users.add_users(context.connection, tenant.pk, [with_id(context, values)])
    admin = users.user_by_name(context.connection, tenant.pk, login)
    context.audit(USER_CREATED, admin, tenant=tenant, role=role)


@handles(ShowAdoption)
def show_adoption(context: Context, operation: ShowAdoption) -> Adoption:
    tenant, connection = context.tenant, context.connection
    mark = clock_mark(connection)
    jump = mark.jump if mark else None
    damaged, reported = count_damaged(connection, tenant.pk, context.now)
    return Adoption(
        tenant=tenant.name,
        policy=tenant.policy,
        grace_days=tenant.grace_days,
        required_since=when_or_none(tenant.required_since),
        groups=tenants.groups(connection, tenant.pk),
        locked=users.count_locked(connection, tenant.pk, context.now),
        whitelisted_open=whitelist.count_open(connection, tenant.pk),
        expiring_soon=whitelist.count_ending(connection, tenant.pk, context.now, context.now + SOON),
        at=when(context.now),
        clock_jump=ClockJump(when(jump.at), jump.by // 1000) if jump and is_in_sight(jump, context.now) else None,
        refused_by_clock=_codes_refused(context) if jump else 0,
        damaged=damaged,
        damage_reports=reported,
        overdue=count_overdue(connection, tenant.pk, context.now),
        kinds=_kinds(tenants.count_kinds(connection, tenant.pk)),
        weak_keys=count_weak_key_users(connection, tenant.pk),
    )


def _codes_refused(context: Context) -> int:
    wanted = UserFilter(flag=Flag.CODES_REFUSED)
    return count_users(context.connection, context.tenant.pk, wanted, context.now)[0]


def _kinds(counts: Mapping[tuple[FactorKind, ...], int]) -> tuple[KindCount, ...]:
    """Return the kinds that are bound, from the numbers of users with each set of them."""
    found = (
        KindCount(kind, sum(n for kinds, n in counts.items() if kind in kinds), counts.get((kind,), 0))
        for kind in FactorKind
    )
    return tuple(each for each in found if each.bound)


@handles(ShowAdoptionHistory)
def show_adoption_history(context: Context, operation: ShowAdoptionHistory) -> AdoptionHistory:
    tenant, today = context.tenant, day_of(context.now)
    work = history.upkeep_of(context.connection, tenant.pk)
    first = today - operation.days + 1
    if work.user_pk is not None:  # rows of days that are being rebuilt count only some of the users yet
        first = max(first, work.until)
    found = history.days_from(context.connection, tenant.pk, first, today + 1, most=operation.days)
    days = (
        DayFigures(when(start_of(day.day)), day.users, day.bound, day.pending, day.whitelisted, day.overdue)
        for day in found
    )
    return AdoptionHistory(tenant.name, tuple(days), complete=work.user_pk is None)


def _view(context: Context, tenant: TenantRow) -> Tenant:
    count = sum(group.count for group in tenants.groups(context.connection, tenant.pk))
    return Tenant(tenant.id, tenant.name, when(tenant.created), tenant.policy, count)
