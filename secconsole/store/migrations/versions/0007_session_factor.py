"""Factor used in each session, empty for earlier sessions as if a password alone had opened them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from secconsole.store.schema import Words

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column and the index that finds such sessions.

    At worst, users with an earlier session sign in again.
    """
    op.add_column("sessions", sa.Column("factor", Words, server_default="", nullable=False))
    op.create_index("ix_sessions_factor", "sessions", ["tenant_pk", "factor", "expires"])
