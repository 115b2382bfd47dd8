"""Minutes that a step-up counts, for each tenant."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.add_column("tenants", sa.Column("step_up_minutes", sa.BigInteger(), server_default="5", nullable=False))
