"""Tables of the store itself."""

from __future__ import annotations

import sqlalchemy as sa

from secconsole.store.schema.base import Words, metadata, number_column

# Replies to requests with an Idempotency-Key, so that a repeated one is answered and not performed again.
idempotency = sa.Table(
    "idempotency",
    metadata,
    sa.Column("name", sa.LargeBinary, primary_key=True),
    sa.Column("request", sa.LargeBinary, nullable=False),
    sa.Column("sealed", sa.LargeBinary),
    number_column("due"),  # when the reply is wiped; never after `expires`, when the row is deleted
    number_column("expires"),
    sa.Index("ix_idempotency_due", "due"),
)

# Single facts about the whole store, such as its own key (sealed).
facts = sa.Table(
    "facts",
    metadata,
    sa.Column("name", Words, primary_key=True),
    sa.Column("value", sa.LargeBinary, nullable=False),
)
