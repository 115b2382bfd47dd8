"""Tables of messages and of the settings that send them."""

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

# Outgoing messages, and the outcomes of those of the last days. Text and address are wiped when the outcome is known.
outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    tenant_column(),
    sa.Column("user_pk", Key, sa.ForeignKey("users.pk")),
    text_column("kind"),
    text_column("purpose"),
    text_column("attempt"),
    text_column("masked"),
    sa.Column("address", sa.LargeBinary, nullable=False),  # a keyed digest for counting
    sa.Column("sealed", sa.LargeBinary),
    text_column("settings"),  # the id of the settings to use; empty: those in effect
    text_column("state", "waiting"),
    number_column("attempts"),
    number_column("due"),
    number_column("created"),
    number_column("expires"),
    sa.Column("ended", Time),
    text_column("problem"),
    flag_column("answered"),  # its code was typed back
    sa.Index("ix_outbox_due", "state", "due"),
    sa.Index("ix_outbox_tenant", "tenant_pk", "kind", "created"),
    sa.Index("ix_outbox_user", "user_pk", "created"),
    sa.Index("ix_outbox_address", "address", "created"),
    sa.Index("ix_outbox_attempt", "attempt"),
    sa.Index("ix_outbox_created", "created"),
)

# Delivery settings of a tenant for mail and SMS: those in effect, and those that wait for the code of their test.
delivery_settings = sa.Table(
    "delivery_settings",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    tenant_column(),
    text_column("kind"),
    text_column("state"),
    text_column("config", "{}"),
    sa.Column("sealed", sa.LargeBinary),
    number_column("created"),
    text_column("by"),
    flag_column("anywhere"),  # its host may have any address, because of who set it
    sa.UniqueConstraint("tenant_pk", "kind", "state"),
)
