"""Checkpoints: the last entry that retention removed from a chain, signed, from which verification starts.

Without the key nobody can make one for another entry, so removing or shifting a checkpoint looks like missing entries.
"""

from __future__ import annotations

import sqlalchemy as sa

from secconsole.store.audit_chain import MAIN, Link
from secconsole.store.schema import audit_checkpoints

_ROW = audit_checkpoints.c


def link_before_first(connection: sa.Connection, tenant_pk: int, chain: str = MAIN) -> Link:
    """Return the position before the oldest entry that a chain still has."""
    query = sa.select(_ROW.seq, _ROW.mac).where(_ROW.tenant_pk == tenant_pk, _ROW.chain == chain)
    row = connection.execute(query).first()
    return Link(row.seq, row.mac) if row else Link()
