"""Alerts of suspicious activity: rules, signals that count for them, and positions in the audit.

Activity before the migration raises no alerts: the positions are the heads of the audit.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from secconsole.store.schema import Words

revision = "0015"
down_revision = "0014"

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables and the index of refused attempts."""
    _rules_and_signals()
    _alerts()
    refused = sa.text("outcome = 'refused'")
    op.create_index("ix_audit_refused", "audit", ["tenant_pk", "seq"], sqlite_where=refused, postgresql_where=refused)
    op.get_bind().exec_driver_sql("INSERT INTO alert_positions (tenant_pk, seq) SELECT tenant_pk, seq FROM audit_heads")


def _rules_and_signals() -> None:
    op.create_table(
        "alert_rules",
        sa.Column("tenant_pk", _KEY, nullable=False, autoincrement=False),
        sa.Column("rule", Words, nullable=False),
        sa.Column("is_on", sa.Boolean(), server_default=sa.false(), nullable=False),
        *(_number(name) for name in ("threshold", "minutes")),
        *(_text(name) for name in ("hours", "zone")),
        _number("changed"),
        _text("changed_by"),
        sa.ForeignKeyConstraint(["tenant_pk"], ["tenants.pk"], name=op.f("fk_alert_rules_tenant_pk")),
        sa.PrimaryKeyConstraint("tenant_pk", "rule", name=op.f("pk_alert_rules")),
    )
    op.create_table(
        "alert_signals",
        sa.Column("tenant_pk", _KEY, nullable=False, autoincrement=False),
        *(sa.Column(name, Words, nullable=False) for name in ("rule", "subject", "key")),
        _text("name"),
        *(_number(name) for name in ("at", "seq", "weight")),
        sa.ForeignKeyConstraint(["tenant_pk"], ["tenants.pk"], name=op.f("fk_alert_signals_tenant_pk")),
        sa.PrimaryKeyConstraint("tenant_pk", "rule", "subject", "key", name=op.f("pk_alert_signals")),
    )
    op.create_index("ix_alert_signals_at", "alert_signals", ["tenant_pk", "rule", "at"])
    op.create_table(
        "alert_positions",
        sa.Column("tenant_pk", _KEY, nullable=False, autoincrement=False),
        _number("seq"),
        sa.ForeignKeyConstraint(["tenant_pk"], ["tenants.pk"], name=op.f("fk_alert_positions_tenant_pk")),
        sa.PrimaryKeyConstraint("tenant_pk", name=op.f("pk_alert_positions")),
    )


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("pk", _KEY, nullable=False),
        sa.Column("id", Words, nullable=False),
        sa.Column("tenant_pk", _KEY, nullable=False),
        *(_text(name) for name in ("rule", "subject", "name")),
        *(_number(name) for name in ("number", "minutes", "events", "others", "created", "first", "last")),
        sa.Column("is_mailed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("acknowledged", sa.BigInteger(), nullable=True),
        *(_text(name) for name in ("acknowledged_by", "note")),
        sa.ForeignKeyConstraint(["tenant_pk"], ["tenants.pk"], name=op.f("fk_alerts_tenant_pk")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_alerts")),
        sa.UniqueConstraint("id", name=op.f("uq_alerts_id")),
    )
    is_open = sa.text("acknowledged IS NULL")
    op.create_index(
        "ix_alerts_open",
        "alerts",
        ["tenant_pk", "rule", "subject"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_index("ix_alerts_created", "alerts", ["tenant_pk", "created"])
    op.create_table(
        "alert_events",
        sa.Column("alert_pk", _KEY, nullable=False, autoincrement=False),
        sa.Column("seq", _KEY, nullable=False, autoincrement=False),
        sa.ForeignKeyConstraint(["alert_pk"], ["alerts.pk"], name=op.f("fk_alert_events_alert_pk")),
        sa.PrimaryKeyConstraint("alert_pk", "seq", name=op.f("pk_alert_events")),
    )


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, Words, server_default="", nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)
