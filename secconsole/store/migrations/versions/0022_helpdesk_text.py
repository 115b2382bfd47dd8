"""Text of each tenant that says how its users reach the helpdesk."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from secconsole.store.schema.base import Words

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column("tenants", sa.Column("helpdesk_text", Words, server_default="", nullable=False))
