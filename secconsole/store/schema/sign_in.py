"""Tables of networks, sessions, tokens, sign-ins in progress and failures."""

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

# Networks that a tenant allows, see domain/networks/network_rules.py. Those that decide are read with the tenant.
networks = sa.Table(
    "networks",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    tenant_column(),
    sa.Column("network", Words, nullable=False),
    text_column("note"),
    text_column("roles"),  # empty: all
    number_column("until"),  # 0: no end date, here and below
    flag_column("no_challenge"),
    number_column("created"),
    text_column("by"),
    number_column("pending_until"),  # part of a change that is undone then unless it is confirmed
    text_column("pending_by"),
    flag_column("leaving"),  # the change is its removal
    sa.UniqueConstraint("tenant_pk", "network", "roles"),
    sa.Index("ix_networks_until", "until"),
    sa.Index("ix_networks_pending_until", "pending_until"),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    sa.Column("token_hash", sa.LargeBinary, nullable=False, unique=True),
    tenant_column(),
    user_column(),
    text_column("channel"),
    text_column("address"),
    number_column("created"),
    number_column("last_seen"),
    number_column("proved"),
    number_column("expires"),
    sa.Column("ended", Time),
    text_column("ended_why"),
    number_column("failures"),  # wrong proofs since the last correct one
    text_column("factor"),  # the kind of factor used in it; empty: opened by a password alone
    sa.Index("ix_sessions_user", "user_pk", "ended"),
    sa.Index("ix_sessions_factor", "tenant_pk", "factor", "expires"),
)
_unended = sessions.c.ended.is_(None)
sa.Index("ix_sessions_open", sessions.c.tenant_pk, sessions.c.expires, sqlite_where=_unended, postgresql_where=_unended)

# Wrong entries that still count, by origin (see domain/throttling/throttle.py). `users` has the resulting hold of the
# account.
throttles = sa.Table(
    "throttles",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    user_column(),
    sa.Column("bucket", Words, nullable=False),
    number_column("failures"),
    number_column("passwords"),
    number_column("tries"),
    number_column("last"),
    sa.UniqueConstraint("user_pk", "bucket"),
)

# Networks from which users completed sign-ins, so that strangers' wrong entries do not count there.
known_networks = sa.Table(
    "known_networks",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    user_column(),
    sa.Column("network", Words, nullable=False),
    number_column("seen"),
    number_column("first"),  # 0: before this was recorded
    sa.UniqueConstraint("user_pk", "network"),
    sa.Index("ix_known_networks_first", "first"),
    sa.Index("ix_known_networks_network", "network", "first"),
)

# Personal access tokens, those of the store's owner (without a user), and tenants' secret keys (also without an owner).
tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    sa.Column("token_hash", sa.LargeBinary, nullable=False, unique=True),
    tenant_column(),
    sa.Column("user_pk", Key, sa.ForeignKey("users.pk")),
    text_column("owner"),
    text_column("name"),
    text_column("scopes"),
    number_column("created"),
    sa.Column("expires", Time),
    sa.Column("last_used", Time),
    sa.Column("ended", Time),
    text_column("ended_why"),
    sa.Index("ix_tokens_user", "user_pk", "ended"),
    sa.Index("ix_tokens_tenant", "tenant_pk", "id"),
)

challenges = sa.Table(
    "challenges",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("token_hash", sa.LargeBinary, nullable=False, unique=True),
    tenant_column(),
    user_column(),
    text_column("stage"),
    number_column("created"),
    number_column("expires"),
    number_column("failures"),
    sa.Column("used", Time),
    flag_column("no_session"),  # completing it opens none
    text_column("application"),  # that started it for a user, as in the audit; empty: the user did
    text_column("application_key"),  # the id of its secret key
    text_column("client"),  # the address of the user's device, as the application says
    sa.Index("ix_challenges_expires", "expires"),
)

# Unknown logins are delayed like real ones, so that guessing them reveals nothing.
unknown_logins = sa.Table(
    "unknown_logins",
    metadata,
    sa.Column("subject", sa.LargeBinary, primary_key=True),
    number_column("failures"),
    number_column("at"),
    sa.Index("ix_unknown_logins_at", "at"),
)

# Refused sign-ins besides the first of a minute, by origin and account, until one audit entry sums them up.
refused_sign_ins = sa.Table(
    "refused_sign_ins",
    metadata,
    sa.Column("tenant_pk", Key, sa.ForeignKey("tenants.pk"), primary_key=True, autoincrement=False),
    sa.Column("user_id", Words, primary_key=True),  # empty: unknown login
    sa.Column("origin", Words, primary_key=True),
    sa.Column("since", Time, nullable=False),
    sa.Column("due", Time, nullable=False),
    number_column("more"),
    text_column("channel"),
    text_column("rule"),
    sa.Index("ix_refused_sign_ins_due", "due"),
)
