"""Index of users without a factor by their creation, for those whose grace period is over."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the index."""
    sqlite = sa.text("status != 'bound' AND whitelisted IS 0 AND disabled IS 0")
    postgres = sa.text("status != 'bound' AND whitelisted IS FALSE AND disabled IS FALSE")
    op.create_index(
        "ix_users_no_factor", "users", ["tenant_pk", "created"], sqlite_where=sqlite, postgresql_where=postgres
    )
