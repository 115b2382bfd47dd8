"""Requests for approval, and what unbinding needs in a tenant."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from secconsole.store.schema import Words

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("tenants", sa.Column("unbind_needs", Words, server_default="none", nullable=False))
    op.create_table(
        "approvals",
        sa.Column("pk", key, nullable=False),
        sa.Column("id", Words, nullable=False),
        sa.Column("tenant_pk", key, nullable=False),
        sa.Column("user_pk", key, nullable=False),
        *(
            sa.Column(name, Words, server_default="", nullable=False)
            for name in ("kind", "by_id", "by", "reason", "ticket")
        ),
        *(sa.Column(name, sa.BigInteger(), server_default="0", nullable=False) for name in ("created", "expires")),
        sa.Column("answer", Words, server_default="", nullable=False),
        sa.Column("answered", sa.BigInteger(), nullable=True),
        *(sa.Column(name, Words, server_default="", nullable=False) for name in ("answer_by_id", "answer_by")),
        sa.Column("used", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["tenant_pk"], ["tenants.pk"], name=op.f("fk_approvals_tenant_pk")),
        sa.ForeignKeyConstraint(["user_pk"], ["users.pk"], name=op.f("fk_approvals_user_pk")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_approvals")),
        sa.UniqueConstraint("id", name=op.f("uq_approvals_id")),
    )
    op.create_index("ix_approvals_tenant", "approvals", ["tenant_pk", "expires"])
    op.create_index("ix_approvals_user", "approvals", ["user_pk"])
