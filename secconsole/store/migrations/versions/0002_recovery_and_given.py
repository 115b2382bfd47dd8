"""Counts of users with recovery codes, and a mark on addresses and numbers that an administrator entered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from secconsole.domain.throttling.throttle import FOREVER
from secconsole.store.engine.triggers import count_by_triggers, drop_triggers, recount
from secconsole.store.schema import Words

revision = "0002"
down_revision = "0001"

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


def upgrade() -> None:
    """Add the two columns and recount.

    It is unknown who entered the unverified addresses and numbers of earlier versions. They are treated as entered with
    a password alone, so they are confirmed where they are bound and not by a sign-in.
    """
    connection = op.get_bind()
    for statement in drop_triggers(connection.dialect.name):
        connection.exec_driver_sql(statement)
    op.add_column("users", sa.Column("has_recovery", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("factors", sa.Column("given", sa.Boolean(), server_default=sa.false(), nullable=False))
    connection.exec_driver_sql(
        "UPDATE users SET has_recovery = TRUE "
        "WHERE pk IN (SELECT user_pk FROM recovery_codes WHERE used IS NULL AND voided IS NULL)"
    )
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
            "switched_on",
            "keeps_factor",
            name=op.f("pk_user_counts"),
        ),
    )
    connection.exec_driver_sql(recount(COUNTED, FOREVER))
    for statement in count_by_triggers(connection.dialect.name, COUNTED, FOREVER):
        connection.exec_driver_sql(statement)
