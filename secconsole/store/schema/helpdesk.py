"""Tables of caller checks, approvals, jobs and resets."""

from __future__ import annotations

import sqlalchemy as sa

from secconsole.store.schema.base import (
    Key,
    Time,
    Words,
    flag_column,
    metadata,
    number_column,
    tenant_column,
    text_column,
    user_column,
)

# Checks of callers, each by one operator. One that was confirmed counts for one act.
caller_checks = sa.Table(
    "caller_checks",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    tenant_column(),
    user_column(),
    text_column("by_id"),
    text_column("by"),
    text_column("channel"),
    text_column("masked"),
    flag_column("recent"),
    number_column("created"),
    number_column("expires"),
    number_column("failures"),
    sa.Column("confirmed", Time),
    sa.Column("used", Time),
    sa.Index("ix_caller_checks_user", "user_pk"),
)

# Requests of an operator for the approval of one operation by another operator.
approvals = sa.Table(
    "approvals",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    tenant_column(),
    user_column(),
    text_column("kind"),
    text_column("by_id"),
    text_column("by"),
    text_column("reason"),
    text_column("ticket"),
    number_column("created"),
    number_column("expires"),
    text_column("answer"),
    sa.Column("answered", Time),
    text_column("answer_by_id"),
    text_column("answer_by"),
    sa.Column("used", Time),
    sa.Index("ix_approvals_tenant", "tenant_pk", "expires"),
    sa.Index("ix_approvals_user", "user_pk"),
)

# Number of users that an operator unbound or reset within the last hour, for the limit.
resets = sa.Table(
    "resets",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    tenant_column(),
    text_column("by_id"),
    text_column("by"),
    number_column("at"),
    number_column("users"),
    sa.Index("ix_resets_tenant", "tenant_pk", "at"),
)

# One act on many users, which consoles and commands perform a few users at a time. The counts are those of its items.
jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    tenant_column(),
    text_column("kind"),
    text_column("state", "running"),
    text_column("selection"),
    text_column("parameters", "{}"),
    text_column("events"),  # ids of its unbindings, separated by spaces
    text_column("by_id"),
    text_column("by"),
    text_column("driver_id"),  # who performs it now: only they advance it
    text_column("driver"),
    number_column("created"),
    number_column("progress"),  # the time of its last step
    number_column("ended"),
    number_column("total"),
    number_column("done"),
    number_column("failed"),
    number_column("skipped"),
    sa.Index("ix_jobs_tenant", "tenant_pk", "pk"),
)

job_items = sa.Table(
    "job_items",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("job_pk", Key, sa.ForeignKey("jobs.pk"), nullable=False),
    sa.Column("user_pk", Key, sa.ForeignKey("users.pk")),  # without one for a name that nobody has
    text_column("login"),
    text_column("state", "pending"),
    text_column("reason"),
    number_column("at"),
    sa.Index("ix_job_items_job", "job_pk", "state", "pk"),
)
