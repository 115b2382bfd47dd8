"""Marks of short keys and of tokens that count, and digests by which an import finds a key again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.add_column("factors", sa.Column("weak_key", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("factors", sa.Column("counts", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("factors", sa.Column("key_digest", sa.LargeBinary()))
    weak = sa.text("weak_key AND removed IS NULL")
    op.create_index("ix_factors_weak_key", "factors", ["tenant_pk"], sqlite_where=weak, postgresql_where=weak)
