"""Bypass codes, and the tenant's limits on how long they last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from secconsole.store.schema import Words

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("tenants", sa.Column("bypass_minutes", sa.BigInteger(), server_default="30", nullable=False))
    op.add_column("tenants", sa.Column("bypass_most", sa.BigInteger(), server_default="1440", nullable=False))
    op.create_table(
        "bypass_codes",
        sa.Column("pk", key, nullable=False),
        sa.Column("id", Words, nullable=False),
        sa.Column("tenant_pk", key, nullable=False),
        sa.Column("user_pk", key, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        *(sa.Column(name, Words, server_default="", nullable=False) for name in ("by_id", "by", "reason", "ticket")),
        *(
            sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)
            for name in ("created", "starts", "expires")
        ),
        sa.Column("used", sa.BigInteger(), nullable=True),
        sa.Column("revoked", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["tenant_pk"], ["tenants.pk"], name=op.f("fk_bypass_codes_tenant_pk")),
        sa.ForeignKeyConstraint(["user_pk"], ["users.pk"], name=op.f("fk_bypass_codes_user_pk")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_bypass_codes")),
        sa.UniqueConstraint("id", name=op.f("uq_bypass_codes_id")),
        sa.UniqueConstraint("tenant_pk", "user_pk", name=op.f("uq_bypass_codes_tenant_pk_user_pk")),
    )
    op.create_index("ix_bypass_codes_user", "bypass_codes", ["user_pk"])
