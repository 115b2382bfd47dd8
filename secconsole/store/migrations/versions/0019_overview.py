"""Figures of each day, reminders to bind a factor, and counts of users by the kinds of their factors."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from secconsole.domain.throttling.throttle import FOREVER
from secconsole.store.engine.triggers import BLOCKED, NO_PASSWORD, count_by_triggers, drop_triggers, recount
from secconsole.store.schema import Words

revision = "0019"
down_revision = "0018"

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
    "kinds",
)
COMPUTED = (BLOCKED, NO_PASSWORD)


def upgrade() -> None:
    """Add tables and columns, and recount.

    Existing tenants are due at once, for the figures of the past.
    """
    op.add_column("tenants", sa.Column("reminders", sa.Boolean(), server_default=sa.false(), nullable=False))
    _add_figures()
    connection = op.get_bind()
    for statement in drop_triggers(connection.dialect.name):
        connection.exec_driver_sql(statement)
    op.add_column("users", sa.Column("reminded", sa.BigInteger(), server_default="0", nullable=False))
    sqlite = sa.text("status != 'bound' AND whitelisted IS 0 AND disabled IS 0")
    postgres = sa.text("status != 'bound' AND whitelisted IS FALSE AND disabled IS FALSE")
    op.create_index(
        "ix_users_reminded", "users", ["tenant_pk", "reminded"], sqlite_where=sqlite, postgresql_where=postgres
    )
    _count_kinds()
    connection.exec_driver_sql(recount(COUNTED, FOREVER, COMPUTED))
    for statement in count_by_triggers(connection.dialect.name, COUNTED, FOREVER, COMPUTED):
        connection.exec_driver_sql(statement)


def _add_figures() -> None:
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

    def number(name: str) -> sa.Column[int]:
        return sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)

    op.create_table(
        "adoption_days",
        sa.Column("tenant_pk", key, autoincrement=False, nullable=False),
        sa.Column("day", sa.BigInteger(), autoincrement=False, nullable=False),
        number("users"),
        number("bound"),
        *(sa.Column(name, sa.BigInteger(), nullable=True) for name in ("pending", "whitelisted", "overdue")),
        sa.ForeignKeyConstraint(["tenant_pk"], ["tenants.pk"], name=op.f("fk_adoption_days_tenant_pk")),
        sa.PrimaryKeyConstraint("tenant_pk", "day", name=op.f("pk_adoption_days")),
    )
    op.create_table(
        "upkeep",
        sa.Column("tenant_pk", key, autoincrement=False, nullable=False),
        *(number(name) for name in ("due", "day", "first", "until")),
        sa.Column("user_pk", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["tenant_pk"], ["tenants.pk"], name=op.f("fk_upkeep_tenant_pk")),
        sa.PrimaryKeyConstraint("tenant_pk", name=op.f("pk_upkeep")),
    )
    op.create_index("ix_upkeep_due", "upkeep", ["due"])
    op.execute("INSERT INTO upkeep (tenant_pk) SELECT pk FROM tenants")


def _count_kinds() -> None:
    op.drop_table("user_counts")
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    flags = (
        "whitelisted",
        "disabled",
        "must_reset",
        "weak_only",
        "has_recovery",
        "blocked",
        "no_password",
        "switched_on",
        "keeps_factor",
    )
    op.create_table(
        "user_counts",
        sa.Column("tenant_pk", key, nullable=False),
        *(sa.Column(name, Words, nullable=False) for name in ("role", "status")),
        *(sa.Column(name, sa.Boolean(), nullable=False) for name in flags),
        sa.Column("kinds", Words, nullable=False),
        sa.Column("n", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("tenant_pk", "role", "status", *flags, "kinds", name=op.f("pk_user_counts")),
    )
