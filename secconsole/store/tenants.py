"""Tenants and their policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from secconsole.domain.helpdesk import HelpdeskRules, UnbindNeeds
from secconsole.domain.impact import Group
from secconsole.domain.model import BindingStatus, FactorKind, PolicyMode
from secconsole.domain.roles import Role
from secconsole.store.engine.compiled import Prepared
from secconsole.store.history import add_upkeep
from secconsole.store.networks import read_rules, rules_of
from secconsole.store.rows import TenantRow, kinds_from, kinds_to
from secconsole.store.schema import tenants, user_counts

_TENANTS = sa.select(tenants, rules_of(tenants.c.pk))  # one statement, as every operation begins with it
BY_NAME = Prepared(
    _TENANTS.where(sa.or_(tenants.c.name_key == sa.bindparam("key"), tenants.c.id == sa.bindparam("name")))
)
BY_PK = Prepared(_TENANTS.where(tenants.c.pk == sa.bindparam("this")))


def tenant_by_name(connection: sa.Connection, name: str) -> TenantRow | None:
    """Return a tenant by its name (in any case) or id."""
    name = name.strip()
    row = BY_NAME.row(connection, key=name.casefold(), name=name)
    return _tenant(row) if row else None


def tenant_by_pk(connection: sa.Connection, pk: int) -> TenantRow:
    row = BY_PK.row(connection, this=pk)
    if row is None:
        raise LookupError(pk)
    return _tenant(row)


def all_tenants(connection: sa.Connection) -> list[TenantRow]:
    return [_tenant(row) for row in connection.execute(_TENANTS.order_by(tenants.c.name_key))]


def add_tenant(connection: sa.Connection, *, id: str, name: str, now: int) -> TenantRow:
    """Add a tenant with the policy optional.

    Rows of earlier versions have the column's default, off.
    """
    values = {"id": id, "name": name, "name_key": name.casefold(), "created": now, "policy": PolicyMode.OPTIONAL.value}
    pk = connection.execute(sa.insert(tenants).values(values).returning(tenants.c.pk)).scalar_one()
    add_upkeep(connection, pk, now)
    return tenant_by_pk(connection, pk)


def set_policy(
    connection: sa.Connection,
    tenant: TenantRow,
    *,
    mode: PolicyMode,
    grace_days: int,
    kinds: tuple[FactorKind, ...],
    required_since: int | None,
    recovery_view: bool,
    reminders: bool,
    helpdesk: HelpdeskRules,
    now: int,
    by: str,
) -> bool:
    """Change the policy, or return False if someone else changed it since it was read."""
    done = connection.execute(
        sa.update(tenants)
        .where(tenants.c.pk == tenant.pk, tenants.c.version == tenant.version)
        .values(
            policy=mode,
            grace_days=grace_days,
            kinds=kinds_to(kinds),
            required_since=required_since,
            recovery_view=recovery_view,
            reminders=reminders,
            **asdict(helpdesk),
            version=tenants.c.version + 1,
            changed=now,
            changed_by=by,
        )
    )
    return done.rowcount == 1


def groups(connection: sa.Connection, tenant_pk: int) -> tuple[Group, ...]:
    """Return the counted groups of a tenant's users, a few dozen for any number of users."""
    c = user_counts.c
    facts = [column for column in user_counts.primary_key if column.name != "kinds"]
    total = sa.func.sum(c.n)
    query = sa.select(*facts, total.label("n")).where(c.tenant_pk == tenant_pk, c.n > 0).group_by(*facts)
    return tuple(
        Group(
            role=Role(row.role),
            status=BindingStatus(row.status),
            whitelisted=row.whitelisted,
            disabled=row.disabled,
            must_reset=row.must_reset,
            weak_only=row.weak_only,
            has_recovery=row.has_recovery,
            blocked=row.blocked,
            switched_on=row.switched_on,
            keeps_factor=row.keeps_factor,
            count=int(row.n),
            no_password=row.no_password,
        )
        for row in connection.execute(query)
    )


def count_kinds(connection: sa.Connection, tenant_pk: int) -> dict[tuple[FactorKind, ...], int]:
    """Return how many users who are not disabled have each set of kinds bound."""
    c = user_counts.c
    bound = (c.tenant_pk == tenant_pk, c.status == BindingStatus.BOUND.value, c.disabled.is_(sa.false()), c.n > 0)
    query = sa.select(c.kinds, sa.func.sum(c.n)).where(*bound).group_by(c.kinds)
    return {kinds_from(kinds): int(number) for kinds, number in connection.execute(query)}


def _tenant(row: Sequence[Any]) -> TenantRow:
    values = dict(zip(_COLUMNS, row, strict=True))
    del values["name_key"]
    for name in ("unbind_needs", "unbind_admins_need"):
        values[name] = UnbindNeeds(values[name])
    values["policy"] = PolicyMode(values["policy"])
    values["kinds"] = kinds_from(values["kinds"])
    for name in ("recovery_view", "reminders"):  # SQLite has no booleans
        values[name] = bool(values[name])
    values["networks"] = read_rules(values["networks"] or "")
    return TenantRow(**values)


_COLUMNS = (*(column.name for column in tenants.c), "networks")
