"""Indexes for every order of the list of users but the one by flags."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.drop_index("ix_users_few_role", "users")
    op.create_index("ix_users_role", "users", ["tenant_pk", "role", "login_key", "pk"])
    op.create_index("ix_users_factors", "users", ["tenant_pk", "kinds", "login_key", "pk"])
    for column in ("email", "phone", "created"):
        op.create_index(f"ix_users_{column}", "users", ["tenant_pk", column, "pk"])
    connection = op.get_bind()
    # If SQLite knows the other indexes of a table, it takes one that it does not know for the most selective.
    if connection.dialect.name == "sqlite" and sa.inspect(connection).has_table("sqlite_stat1"):
        op.execute("ANALYZE users")
