"""Refused sign-ins counted by origin and minute, beside the audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from secconsole.store.schema import Words

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "refused_sign_ins",
        sa.Column("tenant_pk", key, nullable=False),
        sa.Column("user_id", Words, nullable=False),
        sa.Column("origin", Words, nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=False),
        sa.Column("more", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("channel", Words, server_default="", nullable=False),
        sa.Column("rule", Words, server_default="", nullable=False),
        sa.ForeignKeyConstraint(["tenant_pk"], ["tenants.pk"], name=op.f("fk_refused_sign_ins_tenant_pk")),
        sa.PrimaryKeyConstraint("tenant_pk", "user_id", "origin", name=op.f("pk_refused_sign_ins")),
    )
    op.create_index("ix_refused_sign_ins_due", "refused_sign_ins", ["due"])
