"""Tables of the audit."""

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
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    tenant_column(),
    number_column("seq"),
    number_column("at"),
    text_column("actor"),
    text_column("actor_id"),
    text_column("action"),
    text_column("target"),
    text_column("target_id"),
    text_column("outcome"),
    text_column("reason"),
    text_column("ticket"),
    text_column("channel"),
    text_column("address"),
    text_column("request_id"),
    text_column("details", "{}"),
    sa.Column("mac", sa.LargeBinary, nullable=False),
    sa.Column("bulk", Words),  # the id of the act on many users that it is part of, as its sealed details have it
    flag_column("folded"),  # an earlier entry of the same act represents it in folded lists
    sa.UniqueConstraint("tenant_pk", "seq"),
)
sa.Index("ix_audit_target", audit.c.tenant_pk, audit.c.target_id, audit.c.seq)
sa.Index("ix_audit_action", audit.c.tenant_pk, audit.c.action, audit.c.seq)
_of_many, _unfolded = audit.c.bulk.is_not(None), audit.c.folded.is_(sa.false())
sa.Index(
    "ix_audit_bulk", audit.c.tenant_pk, audit.c.bulk, audit.c.seq, sqlite_where=_of_many, postgresql_where=_of_many
)
sa.Index("ix_audit_unfolded", audit.c.tenant_pk, audit.c.seq, sqlite_where=_unfolded, postgresql_where=_unfolded)

_refused = sa.text("outcome = 'refused'")
sa.Index("ix_audit_refused", audit.c.tenant_pk, audit.c.seq, sqlite_where=_refused, postgresql_where=_refused)

# The signed head of each tenant's audit chain. `turn` counts the transactions that have locked the tenant.
audit_heads = sa.Table(
    "audit_heads",
    metadata,
    sa.Column("tenant_pk", Key, sa.ForeignKey("tenants.pk"), primary_key=True, autoincrement=False),
    number_column("seq"),
    sa.Column("mac", sa.LargeBinary, nullable=False),
    sa.Column("signature", sa.LargeBinary, nullable=False),
    number_column("turn"),
)

# The last entry that retention removed from each chain. Signed, because verification starts from it.
audit_checkpoints = sa.Table(
    "audit_checkpoints",
    metadata,
    sa.Column("tenant_pk", Key, sa.ForeignKey("tenants.pk"), primary_key=True, autoincrement=False),
    sa.Column("chain", Words, primary_key=True),
    number_column("seq"),
    sa.Column("mac", sa.LargeBinary, nullable=False),
    number_column("at"),
    sa.Column("signature", sa.LargeBinary, nullable=False),
)

# How long each tenant keeps its audit. Without a row it is kept for good.
audit_retention = sa.Table(
    "audit_retention",
    metadata,
    sa.Column("tenant_pk", Key, sa.ForeignKey("tenants.pk"), primary_key=True, autoincrement=False),
    number_column("keep_days"),
    number_column("changed"),
    text_column("by"),
)

# Receivers of a tenant's audit. One process at a time sends to each: the holder, until its lease ends.
audit_streams = sa.Table(
    "audit_streams",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    tenant_column(),
    text_column("name"),
    text_column("name_key"),
    text_column("kind"),
    text_column("config", "{}"),
    sa.Column("sealed", sa.LargeBinary),
    number_column("created"),
    text_column("by"),
    flag_column("anywhere"),  # its receiver may have any address, because of who added it
    text_column("holder"),
    number_column("lease_until"),
    number_column("due"),
    number_column("failures"),
    text_column("problem"),
    sa.Column("failed_since", Time),
    sa.Column("last_sent", Time),
    sa.Column("test_wanted", Time),
    sa.Column("tested", Time),
    text_column("test_problem"),
    sa.UniqueConstraint("tenant_pk", "name_key"),
)
sa.Index("ix_audit_streams_due", audit_streams.c.due)

# The last entry that each receiver has, for each chain of its tenant.
audit_positions = sa.Table(
    "audit_positions",
    metadata,
    sa.Column("stream_pk", Key, sa.ForeignKey("audit_streams.pk"), primary_key=True, autoincrement=False),
    sa.Column("chain", Words, primary_key=True),
    number_column("seq"),
    sa.Column("mac", sa.LargeBinary, nullable=False),
)
