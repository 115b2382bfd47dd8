"""Conversion of streams between their rows in the store and their use or display."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import sqlalchemy as sa

from secconsole.delivery.streams.receiver import StreamReceiver
from secconsole.domain.audit.audit_stream import Receiver, StreamEntry, stream_reach
from secconsole.domain.networks.reach import Reach
from secconsole.domain.secret import Secret
from secconsole.operations.audit_streams import AuditStream, StreamState, StreamTest
from secconsole.service.context import when, when_or_none
from secconsole.service.outbox.accounts import Sealer
from secconsole.store.audit_log import audit_chain, audit_streams
from secconsole.store.audit_log.audit_streams import StreamRecord
from secconsole.store.sealing.keys import KeyRing

PURPOSE = "audit-stream"


def packed(sealer: Sealer, tenant_pk: int, id: str, receiver: StreamReceiver) -> dict[str, object]:
    """Return the columns of a receiver: what may be seen, and the rest sealed for its row."""
    kind, to = receiver.kind, receiver.to
    config = {"shown": to.words(kind), "ca": receiver.ca, "certificate": receiver.certificate}
    private: dict[str, object] = {"to": asdict(to)}
    private |= {name: value.reveal() for name in ("key", "secret") if (value := getattr(receiver, name)) is not None}
    plain = Secret(json.dumps(private).encode())
    sealed = sealer.seal(plain, purpose=PURPOSE, tenant=str(tenant_pk), row=id)
    return {"kind": kind, "config": json.dumps(config), "sealed": sealed, "anywhere": receiver.reach.anywhere}


def unpacked(keys: KeyRing, record: StreamRecord, reach: Reach) -> StreamReceiver:
    """Return the receiver of a stream, or raise `Unavailable` if this key cannot open it.

    It may have any address if it was added by someone who may use all, otherwise those within `reach`.
    """
    config = _config(record)
    plain = keys.unseal(record.sealed or b"", purpose=PURPOSE, tenant=str(record.tenant_pk), row=record.id)
    private: dict[str, Any] = json.loads(plain.reveal())
    return StreamReceiver(
        kind=record.kind,
        to=Receiver(**private["to"]),
        reach=replace(stream_reach(reach), anywhere=record.anywhere),
        ca=config["ca"],
        certificate=config["certificate"],
        key=_secret(private.get("key")),
        secret=_secret(private.get("secret")),
    )


def shown(connection: sa.Connection, tenant_pk: int, records: list[StreamRecord], now: int) -> list[AuditStream]:
    """Return streams with how far each is behind."""
    positions = audit_streams.positions_of(connection, [record.pk for record in records])
    newest = audit_chain.head_seq(connection, tenant_pk)
    found = []
    for record in records:
        sent = min((position.seq for position in positions[record.pk]), default=0)
        behind = max(0, newest - sent)
        since = audit_chain.time_after(connection, tenant_pk, sent) if behind else None
        found.append(_shown(record, sent, newest, behind, since, now))
    return found


def stream_entry(row: sa.Row[Any]) -> StreamEntry:
    """Return an entry as streams carry it."""
    named = {name: getattr(row, name) for name in StreamEntry.__dataclass_fields__ if name not in ("chain", "mac")}
    return StreamEntry(**named, chain=audit_chain.MAIN, mac=row.mac.hex())


def _shown(record: StreamRecord, sent: int, newest: int, behind: int, since: int | None, now: int) -> AuditStream:
    failing = record.failures > 0
    state = StreamState.FAILING if failing else StreamState.BEHIND if behind else StreamState.CURRENT
    return AuditStream(
        id=record.id,
        name=record.name,
        kind=record.kind,
        to=_config(record)["shown"],
        state=state,
        sent=sent,
        newest=newest,
        behind=behind,
        behind_since=when_or_none(since),
        last_sent=when_or_none(record.last_sent),
        failures=record.failures,
        problem=record.problem,
        failing_since=when_or_none(record.failed_since),
        next_try=when(record.due) if failing and record.due > now else None,
        test=_test(record),
        tested=when_or_none(record.tested),
        test_problem=record.test_problem,
        created=when(record.created),
        by=record.by,
    )


def _test(record: StreamRecord) -> StreamTest:
    if record.test_waits:
        return StreamTest.WAITING
    if record.tested is None:
        return StreamTest.NONE
    return StreamTest.FAILED if record.test_problem else StreamTest.PASSED


def _config(record: StreamRecord) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(record.config)
    return config


def _secret(text: str | None) -> Secret[str] | None:
    return Secret(text) if text is not None else None
