"""Sign-ins that open no session, those that an application started, and a name for each secret key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from secconsole.store.schema.base import Words

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.add_column("challenges", sa.Column("no_session", sa.Boolean(), server_default=sa.false(), nullable=False))
    for name in ("application", "application_key", "client"):
        op.add_column("challenges", sa.Column(name, Words, server_default="", nullable=False))
    columns = ("user_pk", "owner", "name")
    tokens = sa.table("tokens", *(sa.column(name) for name in columns))
    is_key = sa.and_(tokens.c.user_pk.is_(None), tokens.c.owner == "", tokens.c.name == "")
    op.execute(sa.update(tokens).where(is_key).values(name="default"))
