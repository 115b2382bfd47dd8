"""Streams of the audit, its retention, and one row for an act on many users."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from secconsole.store.schema import Words

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    _fold()
    _retain()
    _stream()


def _fold() -> None:
    op.add_column("audit", sa.Column("bulk", Words, nullable=True))
    op.add_column("audit", sa.Column("folded", sa.Boolean(), server_default=sa.false(), nullable=False))
    table = sa.table("audit", sa.column("bulk"), sa.column("folded", sa.Boolean()))
    for name, columns, which in (
        ("ix_audit_bulk", ["tenant_pk", "bulk", "seq"], table.c.bulk.is_not(None)),
        ("ix_audit_unfolded", ["tenant_pk", "seq"], table.c.folded.is_(sa.false())),
    ):
        op.create_index(name, "audit", columns, sqlite_where=which, postgresql_where=which)


def _retain() -> None:
    op.create_table(
        "audit_checkpoints",
        _tenant(),
        sa.Column("chain", Words, nullable=False),
        _number("seq"),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        _number("at"),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_pk"], ["tenants.pk"], name=op.f("fk_audit_checkpoints_tenant_pk")),
        sa.PrimaryKeyConstraint("tenant_pk", "chain", name=op.f("pk_audit_checkpoints")),
    )
    op.create_table(
        "audit_retention",
        _tenant(),
        _number("keep_days"),
        _number("changed"),
        _text("by"),
        sa.ForeignKeyConstraint(["tenant_pk"], ["tenants.pk"], name=op.f("fk_audit_retention_tenant_pk")),
        sa.PrimaryKeyConstraint("tenant_pk", name=op.f("pk_audit_retention")),
    )


def _stream() -> None:
    op.create_table(
        "audit_streams",
        sa.Column("pk", _key(), nullable=False),
        sa.Column("id", Words, nullable=False),
        _tenant(),
        *(_text(name) for name in ("name", "name_key", "kind")),
        _text("config", "{}"),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        _number("created"),
        _text("by"),
        sa.Column("anywhere", sa.Boolean(), server_default=sa.false(), nullable=False),
        _text("holder"),
        *(_number(name) for name in ("lease_until", "due", "failures")),
        _text("problem"),
        *(
            sa.Column(name, sa.BigInteger(), nullable=True)
            for name in ("failed_since", "last_sent", "test_wanted", "tested")
        ),
        _text("test_problem"),
        sa.ForeignKeyConstraint(["tenant_pk"], ["tenants.pk"], name=op.f("fk_audit_streams_tenant_pk")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_audit_streams")),
        sa.UniqueConstraint("id", name=op.f("uq_audit_streams_id")),
        sa.UniqueConstraint("tenant_pk", "name_key", name=op.f("uq_audit_streams_tenant_pk_name_key")),
    )
    op.create_index("ix_audit_streams_due", "audit_streams", ["due"])
    op.create_table(
        "audit_positions",
        sa.Column("stream_pk", _key(), nullable=False, autoincrement=False),
        sa.Column("chain", Words, nullable=False),
        _number("seq"),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["stream_pk"], ["audit_streams.pk"], name=op.f("fk_audit_positions_stream_pk")),
        sa.PrimaryKeyConstraint("stream_pk", "chain", name=op.f("pk_audit_positions")),
    )


def _key() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _tenant() -> sa.Column[int]:
    return sa.Column("tenant_pk", _key(), nullable=False, autoincrement=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)


def _text(name: str, default: str = "") -> sa.Column[str]:
    return sa.Column(name, Words, server_default=default, nullable=False)
