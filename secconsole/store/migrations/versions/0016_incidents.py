"""Freeze of a tenant, first sign-ins from networks, and an index of open sessions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from secconsole.store.schema import Words

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.add_column("tenants", sa.Column("frozen_since", sa.BigInteger(), nullable=True))
    op.add_column("tenants", sa.Column("frozen_by", Words, server_default="", nullable=False))
    op.add_column("known_networks", sa.Column("first", sa.BigInteger(), server_default="0", nullable=False))
    op.create_index("ix_known_networks_first", "known_networks", ["first"])
    op.create_index("ix_known_networks_network", "known_networks", ["network", "first"])
    unended = sa.text("ended IS NULL")
    op.create_index(
        "ix_sessions_open", "sessions", ["tenant_pk", "expires"], sqlite_where=unended, postgresql_where=unended
    )
