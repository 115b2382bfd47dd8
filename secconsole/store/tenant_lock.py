"""What a write is about, so that a store with several writers lets only one at a time into a tenant.

On SQLite there is one writer anyway. On PostgreSQL a write first takes its tenant's chain of audit entries, which it
would need at its end in any case; what it reads from then on nobody changes until it is done. So the same transaction
bodies are right on both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from secconsole.store.prepared import Prepared
from secconsole.store.schema import audit_heads, challenges, sessions, tenants, tokens


@dataclass(frozen=True, slots=True)
class Claim:
    """How a write names its tenant: by name or id, or by the hash of the challenge, session or token that is in it."""

    tenant: str = ""
    challenge: bytes | None = None
    session: bytes | None = None
    token: bytes | None = None


NOTHING = Claim()
_HEADS = "heads"  # of the chains that a connection's transaction has taken


def take(connection: sa.Connection, claim: Claim, *, wait: bool) -> float:
    """Take a tenant's chain until the transaction ends; return the database's time after that, in seconds.

    Where the chain stands is then known too (`head_of`). Without `wait` the driver's error (55P03) is raised where
    another transaction has it. A claim on what does not exist is granted: the body will not find it either.
    """
    connection.info[_HEADS] = {}
    if claim.tenant:
        name = claim.tenant.strip()
        row = _BY_TENANT[wait].row(connection, key=name.casefold(), name=name)
    elif claim.challenge is not None:
        row = _BY_CHALLENGE[wait].row(connection, hashed=claim.challenge)
    elif claim.session is not None:
        row = _BY_SESSION[wait].row(connection, hashed=claim.session)
    elif claim.token is not None:
        row = _BY_TOKEN[wait].row(connection, hashed=claim.token)
    else:
        return time_of(connection)
    assert row is not None
    now, tenant_pk, seq, mac = row
    if tenant_pk is not None:
        connection.info[_HEADS][tenant_pk] = (seq, mac)
    return float(now)


def take_free(connection: sa.Connection, tenant_pks: Iterable[int]) -> list[int]:
    """Take the chains of these tenants that nobody is at until the transaction ends; which ones that are."""
    wanted = sorted(set(tenant_pks))
    if not wanted:
        return []
    query = _HEAD.where(audit_heads.c.tenant_pk.in_(wanted)).with_for_update(skip_locked=True)
    rows = connection.execute(query).all()
    if _HEADS in connection.info:
        connection.info[_HEADS].update({tenant_pk: (seq, mac) for tenant_pk, seq, mac in rows})
    return [tenant_pk for tenant_pk, _, _ in rows]


def head_of(connection: sa.Connection, tenant_pk: int) -> tuple[int, bytes] | None:
    """Where a chain stands that this transaction has taken: nobody else moves it. None if it has not."""
    found: tuple[int, bytes] | None = connection.info.get(_HEADS, {}).get(tenant_pk)
    return found


def head_moved(connection: sa.Connection, tenant_pk: int, seq: int, mac: bytes) -> None:
    """The transaction has added an entry to a chain."""
    if tenant_pk in connection.info.get(_HEADS, {}):
        connection.info[_HEADS][tenant_pk] = (seq, mac)


def time_of(connection: sa.Connection) -> float:
    """The database's time: the same for all servers, whatever their own clocks say."""
    row = _TIME.row(connection)
    assert row is not None
    return float(row[0])


def _taking(wanted: sa.Select[Any]) -> tuple[Prepared, Prepared]:
    """Statements that take a chain without waiting, and with; the clock is read when that is done."""
    return _statement(wanted, wait=False), _statement(wanted, wait=True)


def _statement(wanted: sa.Select[Any], *, wait: bool) -> Prepared:
    taken = wanted.with_for_update(of=audit_heads, nowait=not wait).cte("taken").prefix_with("MATERIALIZED")
    one = sa.select(sa.literal_column("1")).subquery("one")  # there is a row where nothing is taken, too
    return Prepared(sa.select(_NOW, *taken.c).select_from(one.outerjoin(taken, sa.true())))


_NOW: Any = sa.literal_column("extract(epoch from clock_timestamp())::float8")
_TIME = Prepared(sa.select(_NOW))
_HEAD = sa.select(audit_heads.c.tenant_pk, audit_heads.c.seq, audit_heads.c.mac)
_BY_TENANT = _taking(
    _HEAD.join(tenants, tenants.c.pk == audit_heads.c.tenant_pk).where(
        sa.or_(tenants.c.name_key == sa.bindparam("key"), tenants.c.id == sa.bindparam("name"))
    )
)
_BY_CHALLENGE = _taking(
    _HEAD.join(challenges, challenges.c.tenant_pk == audit_heads.c.tenant_pk).where(
        challenges.c.token_hash == sa.bindparam("hashed")
    )
)
_BY_SESSION = _taking(
    _HEAD.join(sessions, sessions.c.tenant_pk == audit_heads.c.tenant_pk).where(
        sessions.c.token_hash == sa.bindparam("hashed")
    )
)
_BY_TOKEN = _taking(
    _HEAD.join(tokens, tokens.c.tenant_pk == audit_heads.c.tenant_pk).where(
        tokens.c.token_hash == sa.bindparam("hashed")
    )
)
