"""Number of the transactions that have locked a tenant, by which others see that something may have changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.add_column("audit_heads", sa.Column("turn", sa.BigInteger, server_default="0", nullable=False))
