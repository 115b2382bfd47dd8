"""The audit's entries: a chain per tenant, each entry sealed over the one before, and a signed head.

Changing, deleting or inserting an entry breaks the chain there; cutting off the end contradicts the head.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from secconsole.store.claim import head_moved, head_of
from secconsole.store.contains import contains
from secconsole.store.keys import KeyRing
from secconsole.store.prepared import Prepared
from secconsole.store.schema import audit, audit_heads

_SEALED = (
    "id", "tenant_pk", "seq", "at", "actor", "actor_id", "action", "target", "target_id", "outcome", "reason",
    "ticket", "channel", "address", "request_id", "details",
)  # fmt: skip
_START = b"\0" * 32
_ENCODER = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"))

_HEAD = Prepared(
    sa.select(audit_heads.c.seq, audit_heads.c.mac)
    .where(audit_heads.c.tenant_pk == sa.bindparam("tenant"))
    .with_for_update()
)
_ADD = Prepared(sa.insert(audit), [*_SEALED, "mac"])
# Both in one statement, for where each is a way to another machine and back.
_ADD_AND_MOVE = Prepared(
    sa.insert(audit)
    .values({name: sa.bindparam(f"new_{name}") for name in (*_SEALED, "mac")})
    .add_cte(
        sa.update(audit_heads)
        .where(audit_heads.c.tenant_pk == sa.bindparam("new_tenant_pk"))
        .values(seq=sa.bindparam("new_seq"), mac=sa.bindparam("new_mac"), signature=sa.bindparam("signed"))
        .cte("moved")
    )
)
_MOVE_HEAD = Prepared(
    sa.update(audit_heads).where(audit_heads.c.tenant_pk == sa.bindparam("tenant")), ["seq", "mac", "signature"]
)


@dataclass(frozen=True, slots=True)
class Broken:
    """Where a chain stops fitting: the first such entry (None: the end is missing), and why."""

    entry: str | None
    problem: str


def append(connection: sa.Connection, keys: KeyRing, tenant_pk: int, values: dict[str, object]) -> None:
    """Add an entry to a tenant's chain, in the transaction of the change it speaks of."""
    head = head_of(connection, tenant_pk) or _HEAD.row(connection, tenant=tenant_pk)
    last, before = head or (0, _START)
    seq = last + 1
    entry = {**values, "tenant_pk": tenant_pk, "seq": seq}
    mac = _mac(keys, before, entry)
    if head and connection.dialect.name == "postgresql":
        new = {f"new_{name}": value for name, value in {**entry, "mac": mac}.items()}
        _ADD_AND_MOVE.change(connection, **new, signed=_sign(keys, tenant_pk, seq, mac))
        head_moved(connection, tenant_pk, seq, mac)
        return
    _ADD.change(connection, **entry, mac=mac)
    new = {"seq": seq, "mac": mac, "signature": _sign(keys, tenant_pk, seq, mac)}
    if head:
        _MOVE_HEAD.change(connection, tenant=tenant_pk, **new)
    else:
        connection.execute(sa.insert(audit_heads), {"tenant_pk": tenant_pk, **new})


def check_chain(connection: sa.Connection, keys: KeyRing, tenant_pk: int) -> tuple[int, Broken | None]:
    """Walk a tenant's chain; how many entries fit, and where it breaks."""
    head = connection.execute(sa.select(audit_heads).where(audit_heads.c.tenant_pk == tenant_pk)).first()
    before, seq = _START, 0
    query = sa.select(audit).where(audit.c.tenant_pk == tenant_pk).order_by(audit.c.seq)
    for row in connection.execute(query.execution_options(yield_per=1000)):
        if row.seq != seq + 1:
            return seq, Broken(row.id, "entries before this one are missing")
        if row.mac != _mac(keys, before, dict(row._mapping)):
            return seq, Broken(row.id, "this entry was changed or put in")
        before, seq = row.mac, row.seq
    if head is None:
        return seq, Broken(None, "the signed head is missing")  # making a tenant is its first entry: none is empty
    if head.signature != _sign(keys, tenant_pk, head.seq, head.mac):
        return seq, Broken(None, "the signed head was changed")
    if head.seq != seq or head.mac != before:
        return seq, Broken(None, f"the newest entries are missing: the head speaks of {head.seq}")
    return seq, None


def entries(
    connection: sa.Connection,
    tenant_pk: int,
    *,
    limit: int,
    before: int | None = None,
    search: str = "",
    actions: Sequence[str] = (),
    outcome: str = "",
    target_id: str = "",
    since: int | None = None,
) -> list[sa.Row[tuple[object, ...]]]:
    """Entries, newest first; `before` is a sequence number."""
    query = sa.select(audit).where(audit.c.tenant_pk == tenant_pk).order_by(audit.c.seq.desc()).limit(limit)
    if before is not None:
        query = query.where(audit.c.seq < before)
    if actions:
        query = query.where(audit.c.action.in_(actions))
    if outcome:
        query = query.where(audit.c.outcome == outcome)
    if target_id:
        query = query.where(audit.c.target_id == target_id)
    if since is not None:
        query = query.where(audit.c.at >= since)
    for word in search.split():
        fields = (audit.c.actor, audit.c.action, audit.c.target, audit.c.reason, audit.c.ticket)
        query = query.where(sa.or_(*(contains(field, word) for field in fields)))
    return list(connection.execute(query))


def _mac(keys: KeyRing, before: bytes, entry: dict[str, object]) -> bytes:
    return keys.audit_mac(before + _ENCODER.encode([entry[name] for name in _SEALED]).encode())


def _sign(keys: KeyRing, tenant_pk: int, seq: int, mac: bytes) -> bytes:
    return keys.audit_mac(b"head" + json.dumps([tenant_pk, seq]).encode() + mac)
