"""Tenants."""

from __future__ import annotations

import re
from collections.abc import Sequence

from secconsole.domain.errors import Conflict, Invalid
from secconsole.domain.limits import LONGEST_TENANT
from secconsole.domain.password import SHORTEST_ALONE, check_password
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.tenants import Adoption, CreateTenant, ListTenants, ShowAdoption, Tenant, TenantList
from secconsole.operations.users import NewUser
from secconsole.service.context import Context, when, when_or_none
from secconsole.service.fields import check_fields, with_id
from secconsole.service.handlers import handles
from secconsole.store import tenants, users, whitelist
from secconsole.store.rows import TenantRow

SOON = 7 * 24 * 3_600_000
_NAME = re.compile(r"[\w][\w.\- ]*\Z")


@handles(ListTenants)
def list_tenants(context: Context, operation: ListTenants) -> TenantList:
    actor = context.actor
    known = tenants.all_tenants(context.connection)
    if actor.role is not Role.PLATFORM_ADMIN and actor.tenant_pk is not None:
        known = [tenant for tenant in known if tenant.pk == actor.tenant_pk]
    return TenantList(tuple(_view(context, tenant) for tenant in known))


def _password(operation: CreateTenant) -> Sequence[Secret[str]]:
    return (operation.password,) if operation.admin and operation.password else ()


@handles(CreateTenant, hashes=_password)
def create_tenant(context: Context, operation: CreateTenant) -> Tenant:
    name = operation.name.strip()
    if len(operation.name) > LONGEST_TENANT or not _NAME.match(name):
        raise Invalid(f"A tenant's name is 1 to {LONGEST_TENANT} letters, digits, dots, dashes and blanks.", "name")
    if operation.password is not None:
        check_password(operation.password, shortest=SHORTEST_ALONE, login=operation.admin, tenant=name)
    if tenants.tenant_by_name(context.connection, name) is not None:
        raise Conflict("There is a tenant of that name already.")
    tenant = tenants.add_tenant(context.connection, id=context.new_id(), name=name, now=context.now)
    context.audit("tenant.created", tenant=tenant)
    if operation.admin:
        role = Role.TENANT_ADMIN if context.actor.user else Role.PLATFORM_ADMIN
        add_admin(context, tenant, operation.admin, operation.password, role)
    return _view(context, tenant)


def add_admin(context: Context, tenant: TenantRow, login: str, password: Secret[str] | None, role: Role) -> None:
    """A tenant's first administrator; the one that the store's owner makes is a platform administrator."""
    values = check_fields(NewUser(0, login, role=role, password=password), tenant.name)
    if password is not None:
        values["password_hash"] = context.hashes[0]
    users.add_users(context.connection, tenant.pk, [with_id(context, values)])
    admin = users.user_by_name(context.connection, tenant.pk, login)
    context.audit("user.created", admin, tenant=tenant, role=role)


@handles(ShowAdoption)
def show_adoption(context: Context, operation: ShowAdoption) -> Adoption:
    tenant, connection = context.tenant, context.connection
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
    )


def _view(context: Context, tenant: TenantRow) -> Tenant:
    count = sum(group.count for group in tenants.groups(context.connection, tenant.pk))
    return Tenant(tenant.id, tenant.name, when(tenant.created), tenant.policy, count)
