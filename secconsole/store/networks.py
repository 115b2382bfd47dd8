"""Networks that tenants allow.

Those that decide about sign-ins are read with the tenant, as one text.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from secconsole.domain.clock import NOTICED
from secconsole.domain.networks.network_rules import CONFIRM_WITHIN, NetworkRule, Origin, known_origin
from secconsole.domain.roles import Role
from secconsole.store.rows import NetworkRecord
from secconsole.store.schema import known_networks, networks, users
from secconsole.store.users import in_parts

_FIELD, _RULE = "|", "\n"  # neither is in any of the values


class _Joined(FunctionElement[str]):
    """Values of a group in one text, with line feeds between them."""

    name = "joined"
    type = sa.Text()
    inherit_cache = True


@compiles(_Joined, "sqlite")
def _in_sqlite(element: _Joined, compiler: SQLCompiler, **options: Any) -> str:
    return f"group_concat({compiler.process(element.clauses, **options)}, char(10))"


@compiles(_Joined, "postgresql")
def _in_postgresql(element: _Joined, compiler: SQLCompiler, **options: Any) -> str:
    return f"string_agg({compiler.process(element.clauses, **options)}, chr(10))"


_VALUES: tuple[sa.ColumnElement[str], ...] = (
    networks.c.id,
    networks.c.network,
    networks.c.roles,
    sa.cast(networks.c.until, sa.Text),
    sa.cast(sa.cast(networks.c.no_challenge, sa.Integer), sa.Text),
    sa.cast(networks.c.pending_until, sa.Text),
    networks.c.pending_by,
    sa.cast(sa.cast(networks.c.leaving, sa.Integer), sa.Text),
)


def rules_of(tenant_pk: sa.Column[int]) -> sa.ScalarSelect[str]:
    """Return the rules of a tenant in a query as one text, so that they need no further statement."""
    line: sa.ColumnElement[str] = _VALUES[0]
    for value in _VALUES[1:]:
        line = line + sa.literal_column(f"'{_FIELD}'", sa.Text) + value
    return (
        sa.select(_Joined(line)).where(networks.c.tenant_pk == tenant_pk).correlate_except(networks).scalar_subquery()
    )


# Every operation reads the rules of its tenant, which hardly ever change.
@lru_cache(maxsize=1_024)
def read_rules(text: str) -> tuple[NetworkRule, ...]:
    """Return the rules in such a text, in a fixed order."""
    # The database joins the lines in no particular order.
    return tuple(sorted((_rule(*line.split(_FIELD)) for line in text.split(_RULE) if line), key=lambda rule: rule.id))


def _rule(
    id: str, network: str, roles: str, until: str, no_challenge: str, pending_until: str, pending_by: str, leaving: str
) -> NetworkRule:
    return NetworkRule(
        id, network, _roles(roles), int(until), no_challenge == "1", int(pending_until), pending_by, leaving == "1"
    )


def records(connection: sa.Connection, tenant_pk: int) -> list[NetworkRecord]:
    """Return all networks of a tenant, oldest first."""
    query = sa.select(networks).where(networks.c.tenant_pk == tenant_pk).order_by(networks.c.pk)
    return [_record(row) for row in connection.execute(query)]


def record_by_id(connection: sa.Connection, tenant_pk: int, id: str) -> NetworkRecord | None:
    query = sa.select(networks).where(networks.c.tenant_pk == tenant_pk, networks.c.id == id)
    row = connection.execute(query).one_or_none()
    return _record(row) if row else None


def add(connection: sa.Connection, tenant_pk: int, record: NetworkRecord) -> None:
    rule = record.rule
    values = {
        "id": rule.id,
        "tenant_pk": tenant_pk,
        "network": rule.network,
        "note": record.note,
        "roles": ",".join(rule.roles),
        "until": rule.until,
        "no_challenge": rule.no_challenge,
        "created": record.created,
        "by": record.by,
        "pending_until": rule.pending_until,
        "pending_by": rule.pending_by,
    }
    connection.execute(sa.insert(networks).values(values))


def remove(connection: sa.Connection, tenant_pk: int, id: str) -> bool:
    """Remove a network, or return False if it was gone."""
    query = sa.delete(networks).where(networks.c.tenant_pk == tenant_pk, networks.c.id == id)
    return connection.execute(query).rowcount == 1


def mark_leaving(connection: sa.Connection, tenant_pk: int, id: str, *, until: int, by: str) -> bool:
    """Take a network out of use until a moment, unless that is confirmed, or return False if it was gone."""
    query = sa.update(networks).where(networks.c.tenant_pk == tenant_pk, networks.c.id == id)
    return connection.execute(query.values(pending_until=until, pending_by=by, leaving=True)).rowcount == 1


def settle(connection: sa.Connection, tenant_pk: int) -> None:
    """Make a tenant's change that waits final."""
    _end_change(connection, tenant_pk, gone=networks.c.leaving.is_(sa.true()))


def undo(connection: sa.Connection, tenant_pk: int) -> None:
    """Undo a tenant's change that waits."""
    _end_change(connection, tenant_pk, gone=networks.c.leaving.is_(sa.false()))


def _end_change(connection: sa.Connection, tenant_pk: int, *, gone: sa.ColumnElement[bool]) -> None:
    changed = sa.and_(networks.c.tenant_pk == tenant_pk, networks.c.pending_until > 0)
    connection.execute(sa.delete(networks).where(changed, gone))
    connection.execute(sa.update(networks).where(changed).values(pending_until=0, pending_by="", leaving=False))


def tenants_with_due(connection: sa.Connection, now: int) -> list[int]:
    """Return the tenants with a network that has ended, or a change that is to be undone."""
    ended = networks.c.until.between(1, now)
    overdue = networks.c.pending_until.between(1, now)
    ahead = networks.c.pending_until > now + CONFIRM_WITHIN + NOTICED
    query = sa.select(networks.c.tenant_pk).distinct().where(sa.or_(ended, overdue, ahead))
    return list(connection.execute(query).scalars())


def latest_origins(
    connection: sa.Connection, tenant_pk: int, *, since: int, limit: int
) -> list[tuple[str, Role, list[Origin]]]:
    """Return login, role and known origins of the users who signed in last."""
    query = (
        sa.select(users.c.pk, users.c.login, users.c.role)
        .where(users.c.tenant_pk == tenant_pk, users.c.last_sign_in > since, users.c.disabled.is_(sa.false()))
        .order_by(users.c.last_sign_in.desc(), users.c.pk.desc())
        .limit(limit)
    )
    found: dict[int, tuple[str, Role, list[Origin]]] = {
        row.pk: (row.login, Role(row.role), []) for row in connection.execute(query)
    }
    for part in in_parts(list(found)):
        seen = sa.select(known_networks.c.user_pk, known_networks.c.network)
        for row in connection.execute(seen.where(known_networks.c.user_pk.in_(part), known_networks.c.seen > since)):
            found[row.user_pk][2].append(known_origin(row.network))
    return list(found.values())


def _roles(text: str) -> tuple[Role, ...]:
    return tuple(Role(role) for role in text.split(",") if role)


def _record(row: sa.Row[tuple[object, ...]]) -> NetworkRecord:
    values = dict(row._mapping)
    for name in ("pk", "tenant_pk"):
        del values[name]
    note, created, by = (values.pop(name) for name in ("note", "created", "by"))
    return NetworkRecord(NetworkRule(**{**values, "roles": _roles(str(values["roles"]))}), note, created, by)
