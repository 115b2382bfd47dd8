"""Audit entries that the rules of suspicious activity have not seen yet, positions of tenants, and their signals."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from secconsole.domain.audit.alert_rules import AlertRule
from secconsole.domain.audit.alert_signals import MOST_SIGNALS, Entry, Signal
from secconsole.store.engine.upsert import insert_into
from secconsole.store.schema import alert_positions, alert_signals, audit, audit_heads, tenants

_FIELDS = ("seq", "at", "action", "outcome", "actor", "actor_id", "target", "target_id", "address")
_ENTRY = sa.select(*(audit.c[name] for name in _FIELDS), audit.c.details)
_IS_REFUSED = sa.text("outcome = 'refused'")  # the very words of the index
_SIGNAL = alert_signals.c


@dataclass(frozen=True, slots=True)
class Behind:
    """A tenant whose audit has entries after the position up to which the rules were applied."""

    tenant_pk: int
    tenant_id: str
    position: int
    head: int


def tenants_behind(connection: sa.Connection) -> list[Behind]:
    """Return the tenants with new audit entries."""
    position = sa.func.coalesce(alert_positions.c.seq, 0)
    joined = audit_heads.join(tenants, tenants.c.pk == audit_heads.c.tenant_pk).outerjoin(
        alert_positions, alert_positions.c.tenant_pk == audit_heads.c.tenant_pk
    )
    query = sa.select(audit_heads.c.tenant_pk, tenants.c.id, position, audit_heads.c.seq).select_from(joined)
    return [Behind(*row) for row in connection.execute(query.where(audit_heads.c.seq > position))]


def position_of(connection: sa.Connection, tenant_pk: int) -> int:
    """Return the number of the last entry that the rules were applied to."""
    query = sa.select(alert_positions.c.seq).where(alert_positions.c.tenant_pk == tenant_pk)
    return int(connection.execute(query).scalar() or 0)


def move_position(connection: sa.Connection, tenant_pk: int, before: int, after: int) -> bool:
    """Move a position, or return False if another process has moved it since it was read.

    The caller holds the lock of the tenant.
    """
    if position_of(connection, tenant_pk) != before:
        return False
    upsert = insert_into(connection, alert_positions).values(tenant_pk=tenant_pk, seq=after)
    connection.execute(upsert.on_conflict_do_update(index_elements=["tenant_pk"], set_={"seq": after}))
    return True


def entries_between(
    connection: sa.Connection,
    tenant_pk: int,
    after: int,
    until: int,
    refused: Sequence[str],
    others: Sequence[str],
    limit: int,
) -> list[Entry]:
    """Return entries after a position and up to another one, oldest first: refused ones, and others, of these actions.

    Each part comes from an index in its order, so the cost depends on what is returned and not on the length of the
    audit.
    """
    base = _ENTRY.where(audit.c.tenant_pk == tenant_pk, audit.c.seq > after, audit.c.seq <= until)
    base = base.order_by(audit.c.seq).limit(limit)
    queries = [base.where(audit.c.action == action, audit.c.outcome != "refused") for action in others]
    if refused:
        queries.append(base.where(_IS_REFUSED, audit.c.action.in_(refused)))
    # Each query stops at the limit, so the oldest `limit` entries of all are among these.
    found = [row for query in queries for row in connection.execute(query)]
    found.sort(key=lambda row: row.seq)
    return [_entry(row) for row in found[:limit]]


def _entry(row: Any) -> Entry:
    values = {name: getattr(row, name) for name in _FIELDS}
    return Entry(**values, details=json.loads(row.details))


def seq_at(connection: sa.Connection, tenant_pk: int, at: int) -> int:
    """Return the number of the last entry before a time, 0 if there is none.

    Entries are ordered by time but for corrections of the clock, so a few look-ups by number replace an index by time.
    """
    head = sa.select(audit_heads.c.seq).where(audit_heads.c.tenant_pk == tenant_pk)
    low, high = 0, int(connection.execute(head).scalar() or 0)
    while low < high:
        middle = (low + high + 1) // 2
        then = connection.execute(
            sa.select(audit.c.at).where(audit.c.tenant_pk == tenant_pk, audit.c.seq == middle)
        ).scalar()
        if then is None or then < at:  # old entries may have been removed
            low = middle
        else:
            high = middle - 1
    return low


def signals_before(connection: sa.Connection, tenant_pk: int, rule: AlertRule, subject: str) -> list[Signal]:
    """Return the stored signals of a subject, oldest first."""
    query = sa.select(_SIGNAL.name, _SIGNAL.key, _SIGNAL.at, _SIGNAL.seq, _SIGNAL.weight)
    query = query.where(*_of(tenant_pk, rule, subject)).order_by(_SIGNAL.seq.desc()).limit(MOST_SIGNALS)
    rows = connection.execute(query).all()
    return [Signal(rule, subject, *row) for row in reversed(rows)]


def keep_signals(connection: sa.Connection, tenant_pk: int, signals: Sequence[Signal], after: int) -> None:
    """Store the signals of a subject that came after a position, and delete those that no longer count."""
    rule, subject = signals[-1].rule, signals[-1].subject
    oldest = min(signal.seq for signal in signals)
    connection.execute(sa.delete(alert_signals).where(*_of(tenant_pk, rule, subject), _SIGNAL.seq < oldest))
    rows = [
        {
            "tenant_pk": tenant_pk,
            "rule": rule,
            "subject": subject,
            "key": one.key,
            "name": one.name,
            "at": one.at,
            "seq": one.seq,
            "weight": one.weight,
        }
        for one in signals
        # Those up to the position are stored already.
        if one.seq > after
    ]
    insert = insert_into(connection, alert_signals)
    new = {name: insert.excluded[name] for name in ("name", "at", "seq", "weight")}
    # A signal of the same key, for example another one of the same user, counts once and with its newest time.
    upsert = insert.on_conflict_do_update(index_elements=["tenant_pk", "rule", "subject", "key"], set_=new)
    if rows:
        connection.execute(upsert, rows)


def forget_signals(connection: sa.Connection, tenant_pk: int, rule: AlertRule, subject: str) -> None:
    """Delete what counts for a subject, so that it counts from zero again."""
    connection.execute(sa.delete(alert_signals).where(*_of(tenant_pk, rule, subject)))


def forget_old(connection: sa.Connection, tenant_pk: int, oldest: Iterable[tuple[AlertRule, int]]) -> None:
    """Delete signals of rules from before a time each, also of subjects that are quiet by now."""
    for rule, at in oldest:
        this = (_SIGNAL.tenant_pk == tenant_pk, _SIGNAL.rule == rule, _SIGNAL.at < at)
        connection.execute(sa.delete(alert_signals).where(*this))


def _of(tenant_pk: int, rule: AlertRule, subject: str) -> tuple[sa.ColumnElement[bool], ...]:
    return _SIGNAL.tenant_pk == tenant_pk, _SIGNAL.rule == rule, _SIGNAL.subject == subject
