"""Alerts of suspicious activity: one open alert for each rule and subject, and the settings of the rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from secconsole.domain.audit.alert_rules import AlertRule, AlertState, RuleSettings, default_settings
from secconsole.store.engine.upsert import insert_into
from secconsole.store.schema import alert_events, alert_rules, alerts, audit

MOST_EVENTS = 100  # audit entries that one alert names
_ROW = alerts.c


@dataclass(frozen=True, slots=True)
class AlertRecord:
    pk: int
    id: str
    tenant_pk: int
    rule: str
    subject: str
    name: str
    number: int
    minutes: int
    events: int
    others: int
    created: int
    first: int
    last: int
    is_mailed: bool
    acknowledged: int | None
    acknowledged_by: str
    note: str


@dataclass(frozen=True, slots=True)
class OpenAlerts:
    """Number of open alerts of a tenant, and when the oldest was raised."""

    count: int
    oldest: int | None


def rules_of(connection: sa.Connection, tenant_pk: int) -> list[RuleSettings]:
    """Return the settings of all rules in a tenant, in the order of lists."""
    stored = {row.rule: row for row in connection.execute(sa.select(alert_rules).where(_rule(tenant_pk)))}
    found = []
    for rule in AlertRule:
        row = stored.get(rule)
        settings = default_settings(rule)
        if row is not None:
            settings = RuleSettings(rule, row.is_on, row.threshold, row.minutes, row.hours, row.zone)
        found.append(settings)
    return found


def keep_rule(connection: sa.Connection, tenant_pk: int, settings: RuleSettings, *, now: int, by: str) -> None:
    """Store the settings of a rule."""
    values = {
        "is_on": settings.on,
        "threshold": settings.threshold,
        "minutes": settings.minutes,
        "hours": settings.hours,
        "zone": settings.zone,
        "changed": now,
        "changed_by": by,
    }
    upsert = insert_into(connection, alert_rules).values(tenant_pk=tenant_pk, rule=settings.rule, **values)
    connection.execute(upsert.on_conflict_do_update(index_elements=["tenant_pk", "rule"], set_=values))


def open_alert(connection: sa.Connection, tenant_pk: int, rule: AlertRule, subject: str) -> AlertRecord | None:
    """Return the open alert of a rule about a subject."""
    this = (_ROW.tenant_pk == tenant_pk, _ROW.rule == rule, _ROW.subject == subject, _ROW.acknowledged.is_(None))
    return _one(connection, *this)


def alert_by_id(connection: sa.Connection, tenant_pk: int, id: str) -> AlertRecord | None:
    return _one(connection, _ROW.tenant_pk == tenant_pk, _ROW.id == id)


def add_alert(connection: sa.Connection, values: dict[str, object]) -> AlertRecord:
    connection.execute(sa.insert(alerts).values(values))
    found = _one(connection, _ROW.id == values["id"])
    assert found is not None
    return found


def change_alert(connection: sa.Connection, pk: int, **values: object) -> None:
    connection.execute(sa.update(alerts).where(_ROW.pk == pk).values(values))


def acknowledge(connection: sa.Connection, pk: int, *, now: int, by: str, note: str) -> bool:
    """Acknowledge an alert, or return False if it was acknowledged already."""
    # Conditional: of two people who acknowledge at the same time, the second one learns of the first.
    query = sa.update(alerts).where(_ROW.pk == pk, _ROW.acknowledged.is_(None))
    return connection.execute(query.values(acknowledged=now, acknowledged_by=by, note=note)).rowcount == 1


def name_events(connection: sa.Connection, alert_pk: int, seqs: Iterable[int]) -> None:
    """Add audit entries to those that an alert names, as far as there is room."""
    mine = alert_events.c.alert_pk == alert_pk
    named = int(connection.execute(sa.select(sa.func.count()).select_from(alert_events).where(mine)).scalar_one())
    rows = [{"alert_pk": alert_pk, "seq": seq} for seq in sorted(set(seqs))[: max(0, MOST_EVENTS - named)]]
    if rows:
        connection.execute(insert_into(connection, alert_events).on_conflict_do_nothing(), rows)


def events_of(connection: sa.Connection, alert: AlertRecord) -> Sequence[sa.Row[Any]]:
    """Return the audit entries that an alert names, oldest first."""
    seqs = sa.select(alert_events.c.seq).where(alert_events.c.alert_pk == alert.pk)
    query = sa.select(audit).where(audit.c.tenant_pk == alert.tenant_pk, audit.c.seq.in_(seqs))
    return connection.execute(query.order_by(audit.c.seq)).all()


def count_raised(connection: sa.Connection, tenant_pk: int, since: int, *, mailed: bool = False) -> int:
    """Return how many alerts were raised since a time, or only those that were mailed."""
    query = sa.select(sa.func.count()).select_from(alerts).where(_ROW.tenant_pk == tenant_pk, _ROW.created > since)
    return int(connection.execute(query.where(_ROW.is_mailed) if mailed else query).scalar_one())


def open_alerts(connection: sa.Connection, tenant_pk: int) -> OpenAlerts:
    query = sa.select(sa.func.count(), sa.func.min(_ROW.created))
    row = connection.execute(query.where(_ROW.tenant_pk == tenant_pk, _ROW.acknowledged.is_(None))).one()
    return OpenAlerts(int(row[0]), row[1])


def list_alerts(
    connection: sa.Connection,
    tenant_pk: int,
    *,
    limit: int,
    state: AlertState | None = None,
    rule: AlertRule | None = None,
    since: int | None = None,
    until: int | None = None,
    before: int | None = None,
) -> list[AlertRecord]:
    """Return alerts, newest first: those with activity from `since` on, that were raised before `until`."""
    query = sa.select(alerts).where(_ROW.tenant_pk == tenant_pk).order_by(_ROW.pk.desc()).limit(limit)
    if before is not None:
        query = query.where(_ROW.pk < before)
    if state is not None:
        is_open = _ROW.acknowledged.is_(None)
        query = query.where(is_open if state == AlertState.OPEN else sa.not_(is_open))
    if rule is not None:
        query = query.where(_ROW.rule == rule)
    if since is not None:
        query = query.where(_ROW.last >= since)
    if until is not None:
        query = query.where(_ROW.created < until)
    return [AlertRecord(*row) for row in connection.execute(query)]


def delete_old(connection: sa.Connection, tenant_pk: int, before: int) -> None:
    """Delete alerts that were acknowledged and raised before a time, but none of their audit entries."""
    old = sa.and_(_ROW.tenant_pk == tenant_pk, _ROW.created < before, _ROW.acknowledged.is_not(None))
    # Children first, because foreign keys are enforced.
    connection.execute(sa.delete(alert_events).where(alert_events.c.alert_pk.in_(sa.select(_ROW.pk).where(old))))
    connection.execute(sa.delete(alerts).where(old))


def _one(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> AlertRecord | None:
    row = connection.execute(sa.select(alerts).where(*conditions)).one_or_none()
    return AlertRecord(*row) if row else None


def _rule(tenant_pk: int) -> sa.ColumnElement[bool]:
    return alert_rules.c.tenant_pk == tenant_pk


def first_of_open(connection: sa.Connection, tenant_pk: int) -> tuple[int, str] | None:
    """Return the oldest entry that an open alert of a tenant was made from, with the id of the alert."""
    query = sa.select(alert_events.c.seq, alerts.c.id).join(alerts, alerts.c.pk == alert_events.c.alert_pk)
    query = query.where(alerts.c.tenant_pk == tenant_pk, alerts.c.acknowledged.is_(None))
    row = connection.execute(query.order_by(alert_events.c.seq).limit(1)).first()
    return (row.seq, row.id) if row else None
