"""Heads of the audit chains that this machine has seen, in a file beside the key.

A store that was restored by other means is older than that. The file is a reminder and no proof: anyone who can write
to the store may be able to change it too.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import sqlalchemy as sa

from secconsole.config.private import read_private, write_private
from secconsole.domain.errors import Unavailable
from secconsole.store.copies.backup import chain_heads
from secconsole.store.schema import audit, audit_checkpoints, audit_heads, tenants

FILE = "audit-heads.json"


@dataclass(frozen=True, slots=True)
class SeenHead:
    """Entry of a tenant's audit that was the newest one when it was seen, at a time in seconds."""

    seq: int
    mac: str
    at: float


@dataclass(frozen=True, slots=True)
class OlderChain:
    """Tenant whose audit lacks an entry that was seen here. `seq` is its last entry now, 0 if the tenant is gone."""

    tenant: str
    seq: int
    seen: SeenHead


def file_of(key: Path) -> Path:
    """Return the file beside a key."""
    return key.with_name(FILE)


def older_chains(connection: sa.Connection, file: Path) -> list[OlderChain]:
    """Return the tenants whose audit lacks what was seen here, none if nothing was."""
    seen = _read(file)
    names = {row.id: row.name for row in connection.execute(sa.select(tenants.c.id, tenants.c.name))} if seen else {}
    found = []
    for id, head in seen.items():
        # Retention has removed that entry since, which is no sign of an older store.
        if head.seq < _removed(connection, id):
            continue
        mac = sa.select(audit.c.mac).join(tenants, tenants.c.pk == audit.c.tenant_pk)
        stored = connection.execute(mac.where(tenants.c.id == id, audit.c.seq == head.seq)).scalar_one_or_none()
        if stored is None:
            # If it was the last entry that retention removed, the checkpoint has its MAC.
            stored = _checkpoint(connection, id, head.seq)
        if stored is None or stored.hex() != head.mac:
            last = sa.select(audit_heads.c.seq).join(tenants, tenants.c.pk == audit_heads.c.tenant_pk)
            seq = connection.execute(last.where(tenants.c.id == id)).scalar_one_or_none()
            found.append(OlderChain(names.get(id, id), seq or 0, head))
    return found


def _removed(connection: sa.Connection, tenant_id: str) -> int:
    """Return the last entry that retention removed from a tenant's audit."""
    seq = sa.select(audit_checkpoints.c.seq).join(tenants, tenants.c.pk == audit_checkpoints.c.tenant_pk)
    return int(connection.execute(seq.where(tenants.c.id == tenant_id)).scalar() or 0)


def _checkpoint(connection: sa.Connection, tenant_id: str, seq: int) -> bytes | None:
    """Return the MAC of an entry that was the last one removed."""
    mac = sa.select(audit_checkpoints.c.mac).join(tenants, tenants.c.pk == audit_checkpoints.c.tenant_pk)
    found: bytes | None = connection.execute(
        mac.where(tenants.c.id == tenant_id, audit_checkpoints.c.seq == seq)
    ).scalar()
    return found


def note_heads(connection: sa.Connection, file: Path) -> bool:
    """Store the present heads, or return False for a store that is older than what was seen: that has to be noticed."""
    if older_chains(connection, file):
        return False
    replace_heads(connection, file)
    return True


def replace_heads(connection: sa.Connection, file: Path) -> None:
    """Store the present heads whatever was seen before, after a restore that is known."""
    at = time.time()
    heads = {head.tenant_id: asdict(SeenHead(head.seq, head.mac.hex(), at)) for head in chain_heads(connection)}
    with suppress(OSError):  # a full disk prevents nothing else
        write_private(file, json.dumps(heads) + "\n")


def _read(file: Path) -> dict[str, SeenHead]:
    try:
        content = json.loads(read_private(file))
        return {str(id): SeenHead(**head) for id, head in content.items()}
    except (Unavailable, ValueError, TypeError, AttributeError):
        return {}
