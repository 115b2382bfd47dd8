"""Jobs: one act on many users, with the state of each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from secconsole.store.schema import Words

revision = "0014"
down_revision = "0013"


def _text(name: str, default: str = "") -> sa.Column[str]:
    return sa.Column(name, Words, server_default=default, nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)


def upgrade() -> None:
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "jobs",
        sa.Column("pk", key, nullable=False),
        sa.Column("id", Words, nullable=False),
        sa.Column("tenant_pk", key, nullable=False),
        _text("kind"),
        _text("state", "running"),
        _text("selection"),
        _text("parameters", "{}"),
        *(_text(name) for name in ("events", "by_id", "by", "driver_id", "driver")),
        *(_number(name) for name in ("created", "progress", "ended", "total", "done", "failed", "skipped")),
        sa.ForeignKeyConstraint(["tenant_pk"], ["tenants.pk"], name=op.f("fk_jobs_tenant_pk")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_jobs")),
        sa.UniqueConstraint("id", name=op.f("uq_jobs_id")),
    )
    op.create_index("ix_jobs_tenant", "jobs", ["tenant_pk", "pk"])
    op.create_table(
        "job_items",
        sa.Column("pk", key, nullable=False),
        sa.Column("job_pk", key, nullable=False),
        sa.Column("user_pk", key, nullable=True),
        _text("login"),
        _text("state", "pending"),
        _text("reason"),
        _number("at"),
        sa.ForeignKeyConstraint(["job_pk"], ["jobs.pk"], name=op.f("fk_job_items_job_pk")),
        sa.ForeignKeyConstraint(["user_pk"], ["users.pk"], name=op.f("fk_job_items_user_pk")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_job_items")),
    )
    op.create_index("ix_job_items_job", "job_items", ["job_pk", "state", "pk"])
