"""Tables of factors, codes, unbindings and whitelist entries."""

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

_weak = sa.text("weak_key AND removed IS NULL")

factors = sa.Table(
    "factors",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    tenant_column(),
    user_column(),
    sa.Column("kind", Words, nullable=False),
    sa.Column("state", Words, nullable=False),
    text_column("label"),
    text_column("address"),
    sa.Column("sealed", sa.LargeBinary),
    text_column("algorithm", "SHA1"),
    number_column("digits", 6),
    number_column("period", 30),
    number_column("created"),
    sa.Column("expires", Time),
    sa.Column("bound", Time),
    sa.Column("last_used", Time),
    number_column("last_step", -1),
    number_column("failures"),
    sa.Column("removed", Time),  # rows are never deleted: every authenticator ever bound is on record
    sa.Column("removed_event", Words),
    flag_column("given"),  # entered by an administrator: a sign-in may confirm it
    flag_column("weak_key"),  # has fewer than 128 bits
    flag_column("counts"),  # HOTP: `last_step` is the last counter that was used
    sa.Column("key_digest", sa.LargeBinary),  # of user and key, so that an import finds a key again
    sa.Index("ix_factors_user", "user_pk", "removed"),
    sa.Index("ix_factors_removed_event", "removed_event"),
    sa.Index("ix_factors_weak_key", "tenant_pk", sqlite_where=_weak, postgresql_where=_weak),
)

# Only digests. `sealed` contains the code itself while the tenant's policy lets its owner view it again.
recovery_codes = sa.Table(
    "recovery_codes",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    tenant_column(),
    user_column(),
    sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("sealed", sa.LargeBinary),
    number_column("created"),
    sa.Column("used", Time),
    sa.Column("voided", Time),
    sa.Column("voided_event", Words),
    sa.Index("ix_recovery_codes_user", "user_pk"),
    sa.Index("ix_recovery_codes_voided_event", "voided_event"),
)

# The newest bypass code of each user, as a digest.
bypass_codes = sa.Table(
    "bypass_codes",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    tenant_column(),
    user_column(),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    text_column("by_id"),
    text_column("by"),
    text_column("reason"),
    text_column("ticket"),
    number_column("created"),
    number_column("starts"),
    number_column("expires"),
    sa.Column("used", Time),
    sa.Column("revoked", Time),
    sa.UniqueConstraint("tenant_pk", "user_pk"),
    sa.Index("ix_bypass_codes_user", "user_pk"),
)

# Codes that were sent and not typed back yet: one per attempt, whichever address it went to.
passcodes = sa.Table(
    "passcodes",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("attempt", Words, nullable=False, unique=True),
    tenant_column(),
    text_column("factor"),  # the id of the factor it was sent to; empty for a test of settings
    text_column("prefix"),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    number_column("created"),
    number_column("expires"),
    number_column("failures"),
    sa.Column("used", Time),
    sa.Index("ix_passcodes_expires", "expires"),
)

unbindings = sa.Table(
    "unbindings",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    tenant_column(),
    number_column("at"),
    text_column("by_id"),
    text_column("by"),
    text_column("reason"),
    text_column("ticket"),
    sa.Column("erased", Time),  # when the sealed seeds were wiped, which ended the chance to undo
    sa.Index("ix_unbindings_erased", "erased", "at"),
)

exemptions = sa.Table(
    "exemptions",
    metadata,
    sa.Column("user_pk", Key, sa.ForeignKey("users.pk"), primary_key=True, autoincrement=False),
    tenant_column(),
    text_column("reason"),
    number_column("since"),
    sa.Column("until", Time),
    text_column("by"),
    sa.Index("ix_exemptions_until", "until"),
    sa.Index("ix_exemptions_tenant", "tenant_pk"),
)
