"""Streams of the audit: their receivers, and for each chain the last entry that the receiver has.

A process claims a stream with a lease and renews it with each portion, so one stream is never sent by two.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from secconsole.domain.audit.audit_stream import LONGEST_PAUSE, StreamKind
from secconsole.domain.clock import NOTICED
from secconsole.store.audit_log.audit_chain import MAIN
from secconsole.store.schema import audit, audit_heads, audit_positions, audit_streams, tenants

LEASE = 90_000  # milliseconds after which the process that sends is considered dead
_ROW, _AT = audit_streams.c, audit_positions.c
_TEST_WAITS = sa.and_(_ROW.test_wanted.is_not(None), sa.func.coalesce(_ROW.tested, -1) < _ROW.test_wanted)


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """Stream of a tenant. `config` is JSON of everything that is not secret, `sealed` the rest."""

    pk: int
    id: str
    tenant_pk: int
    name: str
    kind: StreamKind
    config: str
    sealed: bytes | None
    created: int
    by: str
    anywhere: bool
    due: int
    failures: int
    problem: str
    failed_since: int | None
    last_sent: int | None
    test_wanted: int | None
    tested: int | None
    test_problem: str

    @property
    def test_waits(self) -> bool:
        return self.test_wanted is not None and (self.tested is None or self.tested < self.test_wanted)


@dataclass(frozen=True, slots=True)
class Position:
    """Last entry of a chain that a receiver has."""

    chain: str
    seq: int
    mac: bytes


def add(connection: sa.Connection, values: dict[str, object], start: Position) -> None:
    """Add a stream that begins after an entry."""
    pk = connection.execute(sa.insert(audit_streams).values(values).returning(_ROW.pk)).scalar_one()
    values = {"stream_pk": pk, "chain": start.chain, "seq": start.seq, "mac": start.mac}
    connection.execute(sa.insert(audit_positions).values(values))


def streams_of(connection: sa.Connection, tenant_pk: int) -> list[StreamRecord]:
    """Return the streams of a tenant by name."""
    query = sa.select(audit_streams).where(_ROW.tenant_pk == tenant_pk).order_by(_ROW.name_key)
    return [_record(row) for row in connection.execute(query)]


def stream_by_name(connection: sa.Connection, tenant_pk: int, name: str) -> StreamRecord | None:
    """Return a stream by its name in any case, or by its id."""
    named = sa.or_(_ROW.name_key == name.strip().casefold(), _ROW.id == name.strip())
    row = connection.execute(sa.select(audit_streams).where(_ROW.tenant_pk == tenant_pk, named)).first()
    return _record(row) if row else None


def remove(connection: sa.Connection, pk: int) -> bool:
    """Remove a stream, or return False if it is gone already."""
    connection.execute(sa.delete(audit_positions).where(_AT.stream_pk == pk))
    return connection.execute(sa.delete(audit_streams).where(_ROW.pk == pk)).rowcount == 1


def positions_of(connection: sa.Connection, pks: Collection[int]) -> dict[int, list[Position]]:
    """Return the positions of streams."""
    found: dict[int, list[Position]] = {pk: [] for pk in pks}
    for row in connection.execute(sa.select(audit_positions).where(_AT.stream_pk.in_(pks)).order_by(_AT.chain)):
        found[row.stream_pk].append(Position(row.chain, row.seq, row.mac))
    return found


def first_unsent(connection: sa.Connection, tenant_pk: int, chain: str = MAIN) -> tuple[int, str] | None:
    """Return the earliest position of all streams of a chain and the name of that stream, or None without streams."""
    query = sa.select(_AT.seq, _ROW.name).join(audit_streams, _ROW.pk == _AT.stream_pk)
    query = query.where(_ROW.tenant_pk == tenant_pk, _AT.chain == chain).order_by(_AT.seq).limit(1)
    row = connection.execute(query).first()
    return (row.seq, row.name) if row else None


def want_test(connection: sa.Connection, pk: int, now: int) -> None:
    """Ask the process that sends to test a receiver, at once."""
    connection.execute(sa.update(audit_streams).where(_ROW.pk == pk).values(test_wanted=now, tested=None, due=now))


def candidates(connection: sa.Connection, now: int, *, but: Collection[int], limit: int) -> list[tuple[int, int, bool]]:
    """Return key, tenant and whether it failed last of streams that have something to send and no process yet."""
    behind = sa.exists().where(
        _AT.stream_pk == _ROW.pk,
        audit_heads.c.tenant_pk == _ROW.tenant_pk,
        _AT.chain == MAIN,
        audit_heads.c.seq > _AT.seq,
    )
    query = (
        sa.select(_ROW.pk, _ROW.tenant_pk, _ROW.failures)
        .where(_free(now), _ROW.pk.not_in(list(but)), sa.or_(behind, _TEST_WAITS))
        .order_by(_ROW.due, _ROW.pk)
        .limit(limit)
    )
    return [(row.pk, row.tenant_pk, row.failures > 0) for row in connection.execute(query)]


def claim(connection: sa.Connection, pk: int, holder: str, now: int) -> StreamRecord | None:
    """Claim a stream against all other processes, or return None if another one has it."""
    taken = sa.update(audit_streams).where(_ROW.pk == pk, _free(now)).values(holder=holder, lease_until=now + LEASE)
    # One conditional statement: of two processes that saw the stream free, one gets it.
    if connection.execute(taken).rowcount != 1:
        return None
    return _record(connection.execute(sa.select(audit_streams).where(_ROW.pk == pk)).one())


def entries_after(connection: sa.Connection, tenant_pk: int, seq: int, limit: int) -> Sequence[sa.Row[Any]]:
    """Return the next entries of a chain with name and id of its tenant, oldest first."""
    query = sa.select(audit, tenants.c.name.label("tenant"), tenants.c.id.label("tenant_id"))
    query = query.join(tenants, tenants.c.pk == audit.c.tenant_pk)
    query = query.where(audit.c.tenant_pk == tenant_pk, audit.c.seq > seq).order_by(audit.c.seq).limit(limit)
    return connection.execute(query).all()


def note_sent(connection: sa.Connection, pk: int, holder: str, to: Position, now: int) -> bool:
    """Move the position of a stream that this process holds, or return False if it does not any more."""
    held = sa.and_(_ROW.pk == pk, _ROW.holder == holder)
    values = {"lease_until": now + LEASE, "last_sent": now, "failures": 0, "problem": "", "failed_since": None}
    if connection.execute(sa.update(audit_streams).where(held).values(values)).rowcount != 1:
        return False
    # Only forwards, so a portion that was sent twice does not move the position back.
    moved = sa.update(audit_positions).where(_AT.stream_pk == pk, _AT.chain == to.chain, _AT.seq < to.seq)
    return connection.execute(moved.values(seq=to.seq, mac=to.mac)).rowcount == 1


def failures_of(connection: sa.Connection, pk: int) -> int:
    """Return how many attempts in a row have failed."""
    return int(connection.execute(sa.select(_ROW.failures).where(_ROW.pk == pk)).scalar() or 0)


def note_failure(
    connection: sa.Connection, record: StreamRecord, holder: str, problem: str, now: int, due: int
) -> None:
    """Record why a stream could not be sent, and let it rest until `due`."""
    query = sa.update(audit_streams).where(_ROW.pk == record.pk, _ROW.holder == holder)
    values = {
        "failures": _ROW.failures + 1,
        "problem": problem,
        "due": due,
        "holder": "",
        "lease_until": 0,
        "failed_since": sa.func.coalesce(_ROW.failed_since, now),
    }
    connection.execute(query.values(values))


def note_test(connection: sa.Connection, record: StreamRecord, holder: str, problem: str, now: int) -> None:
    """Record the outcome of a test."""
    query = sa.update(audit_streams).where(_ROW.pk == record.pk, _ROW.holder == holder)
    ended = max(now, record.test_wanted or 0)  # by a clock that was set back
    connection.execute(query.values(tested=ended, test_problem=problem))


def release(connection: sa.Connection, pk: int, holder: str) -> None:
    """Give a stream back to all processes."""
    # Only if this process still holds it: after a lost lease it may be another process's.
    query = sa.update(audit_streams).where(_ROW.pk == pk, _ROW.holder == holder)
    connection.execute(query.values(holder="", lease_until=0))


def release_all(connection: sa.Connection, holder: str) -> None:
    """Give all streams of a process back."""
    query = sa.update(audit_streams).where(_ROW.holder == holder)
    connection.execute(query.values(holder="", lease_until=0))


def _free(now: int) -> sa.ColumnElement[bool]:
    """Return the condition for streams that are due and not claimed, whatever a wrong clock wrote."""
    rested = sa.or_(_ROW.due <= now, _ROW.due > now + LONGEST_PAUSE * 6 + NOTICED)
    unclaimed = sa.or_(_ROW.lease_until <= now, _ROW.lease_until > now + LEASE + NOTICED)
    return sa.and_(rested, unclaimed)


def _record(row: Any) -> StreamRecord:
    values = {name: getattr(row, name) for name in StreamRecord.__dataclass_fields__}
    return StreamRecord(**{**values, "kind": StreamKind(row.kind), "anywhere": bool(row.anywhere)})
