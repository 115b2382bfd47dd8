"""Locking of tenants, so that a store with several writers has one write per tenant at a time.

SQLite has one writer anyway. On PostgreSQL a write first locks the head of its tenant's audit chain, which it needs at
its end in any case. From then on nobody changes what it reads, so the same transaction bodies are correct on both. It
counts its turn there, by which a write on rows that were read ahead sees that they may have changed since.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from secconsole.store.engine.compiled import Prepared
from secconsole.store.schema import audit_heads, challenges, sessions, tenants, tokens


@dataclass(frozen=True, slots=True)
class TenantLock:
    """Reference to the tenant of a write: a name or id, or the hash of a challenge, session or token in it."""

    tenant: str = ""
    challenge: bytes | None = None
    session: bytes | None = None
    token: bytes | None = None


NO_LOCK = TenantLock()
_HEADS = "heads"  # heads of the chains that the transaction of a connection has locked


def acquire(connection: sa.Connection, lock: TenantLock, *, wait: bool) -> float:
    """Lock a tenant until the transaction ends, and return the database's time after that, in seconds.

    The head of the chain is known then too (`head_of`). Without `wait` the driver raises 55P03 if another transaction
    has the lock. Locking something that does not exist succeeds: the body will not find it either.
    """
    # The connection comes from a pool, with the heads of an earlier transaction.
    connection.info[_HEADS] = {}
    if lock.tenant:
        name = lock.tenant.strip()
        row = _BY_TENANT[wait].row(connection, key=name.casefold(), name=name)
    elif lock.challenge is not None:
        row = _BY_CHALLENGE[wait].row(connection, hashed=lock.challenge)
    elif lock.session is not None:
        row = _BY_SESSION[wait].row(connection, hashed=lock.session)
    elif lock.token is not None:
        row = _BY_TOKEN[wait].row(connection, hashed=lock.token)
    else:
        return time_of(connection)
    assert row is not None
    now, tenant_pk, seq, mac = row
    if tenant_pk is not None:
        connection.info[_HEADS][tenant_pk] = (seq, mac)
    return float(now)


def acquire_free(connection: sa.Connection, tenant_pks: Iterable[int]) -> list[int]:
    """Lock those of these tenants that are free until the transaction ends, and return them."""
    wanted = sorted(set(tenant_pks))
    if not wanted:
        return []
    query = _HEAD.where(audit_heads.c.tenant_pk.in_(wanted)).with_for_update(skip_locked=True)
    rows = connection.execute(query).all()
    if rows:
        mine = audit_heads.c.tenant_pk.in_([tenant_pk for tenant_pk, _, _ in rows])
        connection.execute(sa.update(audit_heads).where(mine).values(turn=audit_heads.c.turn + 1))
    if _HEADS in connection.info:
        connection.info[_HEADS].update({tenant_pk: (seq, mac) for tenant_pk, seq, mac in rows})
    return [tenant_pk for tenant_pk, _, _ in rows]


def head_of(connection: sa.Connection, tenant_pk: int) -> tuple[int, bytes] | None:
    """Return the head of a chain that this transaction has locked, or None if it has not."""
    found: tuple[int, bytes] | None = connection.info.get(_HEADS, {}).get(tenant_pk)
    return found


def head_moved(connection: sa.Connection, tenant_pk: int, seq: int, mac: bytes) -> None:
    """Record that the transaction has added an entry to a chain."""
    if tenant_pk in connection.info.get(_HEADS, {}):
        connection.info[_HEADS][tenant_pk] = (seq, mac)


def time_of(connection: sa.Connection) -> float:
    """Return the database's time, which is the same for all servers whatever their clocks show."""
    row = _TIME.row(connection)
    assert row is not None
    return float(row[0])


def _acquiring(wanted: sa.Select[Any]) -> tuple[Prepared, Prepared]:
    """Return statements that lock a chain without and with waiting, and read the clock afterwards."""
    return _statement(wanted, wait=False), _statement(wanted, wait=True)


def _statement(wanted: sa.Select[Any], *, wait: bool) -> Prepared:
    # MATERIALIZED: the lock is taken first, and the clock is read while it is held. Otherwise an entry could be older
    # than the one before it.
    taken = wanted.with_for_update(of=audit_heads, nowait=not wait).cte("taken").prefix_with("MATERIALIZED")
    # Writes whose rows were read ahead see by it that something may have changed since.
    turned = (
        sa.update(audit_heads)
        .where(audit_heads.c.tenant_pk == taken.c.tenant_pk)
        .values(turn=audit_heads.c.turn + sa.literal_column("1"))
        .cte("turned")
    )
    one = sa.select(sa.literal_column("1")).subquery("one")  # returns a row even if nothing is locked
    return Prepared(sa.select(_NOW, *taken.c).select_from(one.outerjoin(taken, sa.true())).add_cte(turned))


_NOW: Any = sa.literal_column("extract(epoch from clock_timestamp())::float8")
_TIME = Prepared(sa.select(_NOW))
_HEAD = sa.select(audit_heads.c.tenant_pk, audit_heads.c.seq, audit_heads.c.mac)
_BY_TENANT = _acquiring(
    _HEAD.join(tenants, tenants.c.pk == audit_heads.c.tenant_pk).where(
        sa.or_(tenants.c.name_key == sa.bindparam("key"), tenants.c.id == sa.bindparam("name"))
    )
)
_BY_CHALLENGE = _acquiring(
    _HEAD.join(challenges, challenges.c.tenant_pk == audit_heads.c.tenant_pk).where(
        challenges.c.token_hash == sa.bindparam("hashed")
    )
)
_BY_SESSION = _acquiring(
    _HEAD.join(sessions, sessions.c.tenant_pk == audit_heads.c.tenant_pk).where(
        sessions.c.token_hash == sa.bindparam("hashed")
    )
)
_BY_TOKEN = _acquiring(
    _HEAD.join(tokens, tokens.c.tenant_pk == audit_heads.c.tenant_pk).where(
        tokens.c.token_hash == sa.bindparam("hashed")
    )
)
