"""Networks that a tenant allows, and without any of them everything, as before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from secconsole.store.schema import Words

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add an empty table."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "networks",
        sa.Column("pk", key, nullable=False),
        sa.Column("id", Words, nullable=False),
        sa.Column("tenant_pk", key, nullable=False),
        sa.Column("network", Words, nullable=False),
        sa.Column("note", Words, server_default="", nullable=False),
        sa.Column("roles", Words, server_default="", nullable=False),
        sa.Column("until", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("no_challenge", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("created", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("by", Words, server_default="", nullable=False),
        sa.Column("pending_until", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("pending_by", Words, server_default="", nullable=False),
        sa.Column("leaving", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_pk"], ["tenants.pk"], name=op.f("fk_networks_tenant_pk")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_networks")),
        sa.UniqueConstraint("id", name=op.f("uq_networks_id")),
        sa.UniqueConstraint("tenant_pk", "network", "roles", name=op.f("uq_networks_tenant_pk_network_roles")),
    )
    op.create_index("ix_networks_until", "networks", ["until"])
    op.create_index("ix_networks_pending_until", "networks", ["pending_until"])
