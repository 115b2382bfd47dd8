"""Tables of alerts of suspicious activity, and of their rules."""

from __future__ import annotations

import sqlalchemy as sa

from secconsole.store.schema.base import (
    Key,
    Time,
    Words,
    flag_column,
    metadata,
    number_column,
    tenant_column,
    text_column,
)

# Settings of rules of suspicious activity that differ from the defaults, see domain/audit/alert_rules.py.
alert_rules = sa.Table(
    "alert_rules",
    metadata,
    sa.Column("tenant_pk", Key, sa.ForeignKey("tenants.pk"), primary_key=True, autoincrement=False),
    sa.Column("rule", Words, primary_key=True),
    flag_column("is_on"),
    number_column("threshold"),
    number_column("minutes"),
    text_column("hours"),
    text_column("zone"),
    number_column("changed"),
    text_column("changed_by"),
)

# What counts for a rule within its window, see domain/audit/alert_signals.py.
alert_signals = sa.Table(
    "alert_signals",
    metadata,
    sa.Column("tenant_pk", Key, sa.ForeignKey("tenants.pk"), primary_key=True, autoincrement=False),
    sa.Column("rule", Words, primary_key=True),
    sa.Column("subject", Words, primary_key=True),
    sa.Column("key", Words, primary_key=True),
    text_column("name"),
    number_column("at"),
    number_column("seq"),
    number_column("weight"),
    sa.Index("ix_alert_signals_at", "tenant_pk", "rule", "at"),
)

# The last audit entry of each tenant that the rules were applied to.
alert_positions = sa.Table(
    "alert_positions",
    metadata,
    sa.Column("tenant_pk", Key, sa.ForeignKey("tenants.pk"), primary_key=True, autoincrement=False),
    number_column("seq"),
)

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    tenant_column(),
    text_column("rule"),
    text_column("subject"),
    text_column("name"),
    number_column("number"),
    number_column("minutes"),
    number_column("events"),
    number_column("others"),  # alerts above the limit of an hour that this one sums up
    number_column("created"),
    number_column("first"),
    number_column("last"),
    flag_column("is_mailed"),
    sa.Column("acknowledged", Time),
    text_column("acknowledged_by"),
    text_column("note"),
    sa.Index("ix_alerts_created", "tenant_pk", "created"),
)
_open = alerts.c.acknowledged.is_(None)
sa.Index(
    "ix_alerts_open",
    alerts.c.tenant_pk,
    alerts.c.rule,
    alerts.c.subject,
    unique=True,
    sqlite_where=_open,
    postgresql_where=_open,
)

# The audit entries that an alert was made from.
alert_events = sa.Table(
    "alert_events",
    metadata,
    sa.Column("alert_pk", Key, sa.ForeignKey("alerts.pk"), primary_key=True, autoincrement=False),
    sa.Column("seq", Key, primary_key=True, autoincrement=False),
)
