"""Lag of all streams of the audit, for monitoring."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from secconsole.store.audit_log.audit_chain import MAIN, time_after
from secconsole.store.schema import audit_heads, audit_positions, audit_streams

MOST = 1_000  # streams, those with the largest lag first


@dataclass(frozen=True, slots=True)
class StreamLag:
    """Lag of a stream.

    `entries`: how many its receiver lacks. `since`: when the oldest of them was written, in milliseconds, None if it
    lacks none.
    """

    stream: str
    entries: int
    since: int | None


def stream_lags(connection: sa.Connection) -> list[StreamLag]:
    """Return the lag of each stream of the store."""
    row, at, head = audit_streams.c, audit_positions.c, audit_heads.c
    behind = head.seq - at.seq
    joined = audit_streams.join(audit_positions, at.stream_pk == row.pk).join(
        audit_heads, head.tenant_pk == row.tenant_pk
    )
    query = sa.select(row.id, row.tenant_pk, at.seq, behind.label("behind")).select_from(joined)
    query = query.where(at.chain == MAIN).order_by(behind.desc(), row.pk).limit(MOST)
    return [
        StreamLag(
            found.id,
            max(0, found.behind),
            time_after(connection, found.tenant_pk, found.seq) if found.behind > 0 else None,
        )
        for found in connection.execute(query).all()
    ]
