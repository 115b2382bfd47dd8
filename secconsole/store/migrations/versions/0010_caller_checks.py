"""Caller checks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from secconsole.store.schema import Words

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "caller_checks",
        sa.Column("pk", key, nullable=False),
        sa.Column("id", Words, nullable=False),
        sa.Column("tenant_pk", key, nullable=False),
        sa.Column("user_pk", key, nullable=False),
        *(sa.Column(name, Words, server_default="", nullable=False) for name in ("by_id", "by", "channel", "masked")),
        sa.Column("recent", sa.Boolean(), server_default=sa.false(), nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)
            for name in ("created", "expires", "failures")
        ),
        sa.Column("confirmed", sa.BigInteger(), nullable=True),
        sa.Column("used", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["tenant_pk"], ["tenants.pk"], name=op.f("fk_caller_checks_tenant_pk")),
        sa.ForeignKeyConstraint(["user_pk"], ["users.pk"], name=op.f("fk_caller_checks_user_pk")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_caller_checks")),
        sa.UniqueConstraint("id", name=op.f("uq_caller_checks_id")),
    )
    op.create_index("ix_caller_checks_user", "caller_checks", ["user_pk"])
