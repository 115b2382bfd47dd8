"""Requirements for unbinding administrators, and the limit on resets of one operator within an hour."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from secconsole.store.schema import Words

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("tenants", sa.Column("unbind_admins_need", Words, server_default="none", nullable=False))
    op.add_column("tenants", sa.Column("resets_warn", sa.BigInteger(), server_default="10", nullable=False))
    op.add_column("tenants", sa.Column("resets_most", sa.BigInteger(), server_default="20", nullable=False))
    op.create_table(
        "resets",
        sa.Column("pk", key, nullable=False),
        sa.Column("tenant_pk", key, nullable=False),
        *(sa.Column(name, Words, server_default="", nullable=False) for name in ("by_id", "by")),
        *(sa.Column(name, sa.BigInteger(), server_default="0", nullable=False) for name in ("at", "users")),
        sa.ForeignKeyConstraint(["tenant_pk"], ["tenants.pk"], name=op.f("fk_resets_tenant_pk")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_resets")),
    )
    op.create_index("ix_resets_tenant", "resets", ["tenant_pk", "at"])
