"""First-time passwords that end, and counts of users without a password."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from secconsole.domain.throttling.throttle import FOREVER
from secconsole.store.engine.triggers import BLOCKED, NO_PASSWORD, count_by_triggers, drop_triggers, recount
from secconsole.store.schema import Words

revision = "0011"
down_revision = "0010"

COUNTED = (
    "role",
    "status",
    "whitelisted",
    "disabled",
    "must_reset",
    "weak_only",
    "has_recovery",
    "switched_on",
    "keeps_factor",
)
COMPUTED = (BLOCKED, NO_PASSWORD)


def upgrade() -> None:
    """Add the column with its indexes, and recount."""
    connection = op.get_bind()
    for statement in drop_triggers(connection.dialect.name):
        connection.exec_driver_sql(statement)
    op.add_column("users", sa.Column("password_until", sa.BigInteger(), server_default="0", nullable=False))
    none, first = sa.text("password_hash IS NULL"), sa.text("password_until > 0")
    op.create_index(
        "ix_users_no_password", "users", ["tenant_pk", "login_key"], sqlite_where=none, postgresql_where=none
    )
    op.create_index("ix_users_password_until", "users", ["password_until"], sqlite_where=first, postgresql_where=first)
    op.drop_table("user_counts")
    op.create_table(
        "user_counts",
        sa.Column("tenant_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("role", Words, nullable=False),
        sa.Column("status", Words, nullable=False),
        sa.Column("whitelisted", sa.Boolean(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("must_reset", sa.Boolean(), nullable=False),
        sa.Column("weak_only", sa.Boolean(), nullable=False),
        sa.Column("has_recovery", sa.Boolean(), nullable=False),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.Column("no_password", sa.Boolean(), nullable=False),
        sa.Column("switched_on", sa.Boolean(), nullable=False),
        sa.Column("keeps_factor", sa.Boolean(), nullable=False),
        sa.Column("n", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant_pk",
            "role",
            "status",
            "whitelisted",
            "disabled",
            "must_reset",
            "weak_only",
            "has_recovery",
            "blocked",
            "no_password",
            "switched_on",
            "keeps_factor",
            name=op.f("pk_user_counts"),
        ),
    )
    connection.exec_driver_sql(recount(COUNTED, FOREVER, COMPUTED))
    for statement in count_by_triggers(connection.dialect.name, COUNTED, FOREVER, COMPUTED):
        connection.exec_driver_sql(statement)
