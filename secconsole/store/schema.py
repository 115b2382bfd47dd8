"""The tables. Times are milliseconds since the epoch, UTC; `pk` never leaves the store, `id` is public."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# On SQLite only INTEGER PRIMARY KEY is the row id itself; BIGINT would cost a second index.
Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Time = sa.BigInteger
# PostgreSQL would order and compare text by the rules of some language; SQLite does by the characters' numbers.
Words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _text(name: str, default: str = "") -> sa.Column[str]:
    return sa.Column(name, Words, nullable=False, server_default=default)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())


def _number(name: str, default: int = 0) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default=str(default))


def _tenant() -> sa.Column[int]:
    return sa.Column("tenant_pk", Key, sa.ForeignKey("tenants.pk"), nullable=False)


def _user() -> sa.Column[int]:
    return sa.Column("user_pk", Key, sa.ForeignKey("users.pk"), nullable=False)


tenants = sa.Table(
    "tenants",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    sa.Column("name", Words, nullable=False),
    sa.Column("name_key", Words, nullable=False, unique=True),
    _number("created"),
    _text("policy", "off"),
    _number("grace_days"),
    _text("kinds", "totp"),
    _number("version", 1),
    sa.Column("changed", Time),
    _text("changed_by"),
    sa.Column("required_since", Time),
    _flag("recovery_view"),
)

users = sa.Table(
    "users",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    _tenant(),
    sa.Column("login", Words, nullable=False),
    sa.Column("login_key", Words, nullable=False),
    _text("name"),
    _text("name_key"),
    _text("email"),
    _text("phone"),
    _text("role", "user"),
    # What the user's factors amount to, kept here by store/factors.py so that lists and counts need no join.
    _text("status", "unbound"),
    _text("kinds"),
    _flag("weak_only"),
    _flag("whitelisted"),
    _flag("disabled"),
    _flag("must_reset"),
    _flag("switched_on"),
    _flag("keeps_factor"),
    sa.Column("password_hash", Words),
    _number("failures"),
    _number("locked_until"),
    _number("last_sign_in"),  # 0: never, so that it can be ordered by
    _number("created"),
    _number("version", 1),
    sa.Column("skeleton", Words),  # only where it differs from login_key
    _flag("has_recovery"),  # an unused recovery code, kept here by store/recovery.py
    sa.UniqueConstraint("tenant_pk", "login_key"),
)
sa.Index("ix_users_status", users.c.tenant_pk, users.c.status, users.c.login_key, users.c.pk)
sa.Index("ix_users_name", users.c.tenant_pk, users.c.name_key, users.c.pk)
sa.Index("ix_users_last_sign_in", users.c.tenant_pk, users.c.last_sign_in, users.c.pk)
for _column in ("role", "whitelisted", "disabled", "must_reset"):
    _few = users.c.role != "user" if _column == "role" else users.c[_column].is_(sa.true())
    sa.Index(f"ix_users_few_{_column}", users.c.tenant_pk, users.c[_column], users.c.login_key,
             sqlite_where=_few)  # fmt: skip
_unusual = sa.and_(users.c.kinds != "", users.c.kinds != "totp")
sa.Index("ix_users_kinds", users.c.tenant_pk, users.c.kinds, users.c.login_key,
         sqlite_where=_unusual)  # fmt: skip
_locked = users.c.locked_until > 0
sa.Index("ix_users_locked", users.c.tenant_pk, users.c.locked_until, sqlite_where=_locked)
_odd = users.c.skeleton.is_not(None)
sa.Index("ix_users_skeleton", users.c.tenant_pk, users.c.skeleton, sqlite_where=_odd)

# How many users share one set of facts; kept by triggers, so that counts cost nothing however many users there are.
user_counts = sa.Table(
    "user_counts",
    metadata,
    sa.Column("tenant_pk", Key, primary_key=True),
    sa.Column("role", Words, primary_key=True),
    sa.Column("status", Words, primary_key=True),
    sa.Column("whitelisted", sa.Boolean, primary_key=True),
    sa.Column("disabled", sa.Boolean, primary_key=True),
    sa.Column("must_reset", sa.Boolean, primary_key=True),
    sa.Column("weak_only", sa.Boolean, primary_key=True),
    sa.Column("has_recovery", sa.Boolean, primary_key=True),
    sa.Column("blocked", sa.Boolean, primary_key=True),
    sa.Column("switched_on", sa.Boolean, primary_key=True),
    sa.Column("keeps_factor", sa.Boolean, primary_key=True),
    _number("n"),
)

factors = sa.Table(
    "factors",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    _tenant(),
    _user(),
    sa.Column("kind", Words, nullable=False),
    sa.Column("state", Words, nullable=False),
    _text("label"),
    _text("address"),
    sa.Column("sealed", sa.LargeBinary),
    _text("algorithm", "SHA1"),
    _number("digits", 6),
    _number("period", 30),
    _number("created"),
    sa.Column("expires", Time),
    sa.Column("bound", Time),
    sa.Column("last_used", Time),
    _number("last_step", -1),
    _number("failures"),
    sa.Column("removed", Time),  # a row stays for good: every authenticator ever bound is on record
    sa.Column("removed_event", Words),
    _flag("given"),  # an administrator entered it: a sign-in may be what proves it
    sa.Index("ix_factors_user", "user_pk", "removed"),
    sa.Index("ix_factors_removed_event", "removed_event"),
)

# Only digests; `sealed` has a code itself while the tenant's policy lets its owner look at it again.
recovery_codes = sa.Table(
    "recovery_codes",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    _tenant(),
    _user(),
    sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("sealed", sa.LargeBinary),
    _number("created"),
    sa.Column("used", Time),
    sa.Column("voided", Time),
    sa.Column("voided_event", Words),
    sa.Index("ix_recovery_codes_user", "user_pk"),
    sa.Index("ix_recovery_codes_voided_event", "voided_event"),
)

# Codes that were sent and wait to be typed back: one for each attempt, whichever address it went to.
passcodes = sa.Table(
    "passcodes",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("attempt", Words, nullable=False, unique=True),
    _tenant(),
    _text("factor"),  # the id of the one that it was sent to; empty for a test of settings
    _text("prefix"),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    _number("created"),
    _number("expires"),
    _number("failures"),
    sa.Column("used", Time),
    sa.Index("ix_passcodes_expires", "expires"),
)

# Messages on their way, and what became of those of the last days; their text and address are wiped when that is known.
outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    _tenant(),
    sa.Column("user_pk", Key, sa.ForeignKey("users.pk")),
    _text("kind"),
    _text("purpose"),
    _text("attempt"),
    _text("masked"),
    sa.Column("address", sa.LargeBinary, nullable=False),  # a keyed digest, to count by
    sa.Column("sealed", sa.LargeBinary),
    _text("settings"),  # the id of those to send with; empty: those in effect
    _text("state", "waiting"),
    _number("attempts"),
    _number("due"),
    _number("created"),
    _number("expires"),
    sa.Column("ended", Time),
    _text("problem"),
    _flag("answered"),  # the code in it was typed back
    sa.Index("ix_outbox_due", "state", "due"),
    sa.Index("ix_outbox_tenant", "tenant_pk", "kind", "created"),
    sa.Index("ix_outbox_user", "user_pk", "created"),
    sa.Index("ix_outbox_address", "address", "created"),
    sa.Index("ix_outbox_attempt", "attempt"),
    sa.Index("ix_outbox_created", "created"),
)

# How a tenant sends mail and SMS: settings in effect, and ones that wait for the code of their test.
delivery_settings = sa.Table(
    "delivery_settings",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    _tenant(),
    _text("kind"),
    _text("state"),
    _text("config", "{}"),
    sa.Column("sealed", sa.LargeBinary),
    _number("created"),
    _text("by"),
    sa.UniqueConstraint("tenant_pk", "kind", "state"),
)

unbindings = sa.Table(
    "unbindings",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    _tenant(),
    _number("at"),
    _text("by_id"),
    _text("by"),
    _text("reason"),
    _text("ticket"),
    sa.Column("erased", Time),  # when the sealed seeds were wiped and undoing ended
    sa.Index("ix_unbindings_erased", "erased", "at"),
)

exemptions = sa.Table(
    "exemptions",
    metadata,
    sa.Column("user_pk", Key, sa.ForeignKey("users.pk"), primary_key=True, autoincrement=False),
    _tenant(),
    _text("reason"),
    _number("since"),
    sa.Column("until", Time),
    _text("by"),
    sa.Index("ix_exemptions_until", "until"),
    sa.Index("ix_exemptions_tenant", "tenant_pk"),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    sa.Column("token_hash", sa.LargeBinary, nullable=False, unique=True),
    _tenant(),
    _user(),
    _text("channel"),
    _text("address"),
    _number("created"),
    _number("last_seen"),
    _number("proved"),
    _number("expires"),
    sa.Column("ended", Time),
    _text("ended_why"),
    sa.Index("ix_sessions_user", "user_pk", "ended"),
)

# Personal access tokens; without a user those of the store's owner, and without an owner tenants' secret keys.
tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    sa.Column("token_hash", sa.LargeBinary, nullable=False, unique=True),
    _tenant(),
    sa.Column("user_pk", Key, sa.ForeignKey("users.pk")),
    _text("owner"),
    _text("name"),
    _text("scopes"),
    _number("created"),
    sa.Column("expires", Time),
    sa.Column("last_used", Time),
    sa.Column("ended", Time),
    _text("ended_why"),
    sa.Index("ix_tokens_user", "user_pk", "ended"),
    sa.Index("ix_tokens_tenant", "tenant_pk", "id"),
)

challenges = sa.Table(
    "challenges",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("token_hash", sa.LargeBinary, nullable=False, unique=True),
    _tenant(),
    _user(),
    _text("stage"),
    _number("created"),
    _number("expires"),
    _number("failures"),
    sa.Column("used", Time),
    sa.Index("ix_challenges_expires", "expires"),
)

# Logins that no account has are slowed down like real ones, so that guessing them tells nothing.
unknown_logins = sa.Table(
    "unknown_logins",
    metadata,
    sa.Column("subject", sa.LargeBinary, primary_key=True),
    _number("failures"),
    _number("locked_until"),
    _number("at"),
    sa.Index("ix_unknown_logins_at", "at"),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    _tenant(),
    _number("seq"),
    _number("at"),
    _text("actor"),
    _text("actor_id"),
    _text("action"),
    _text("target"),
    _text("target_id"),
    _text("outcome"),
    _text("reason"),
    _text("ticket"),
    _text("channel"),
    _text("address"),
    _text("request_id"),
    _text("details", "{}"),
    sa.Column("mac", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("tenant_pk", "seq"),
)
sa.Index("ix_audit_target", audit.c.tenant_pk, audit.c.target_id, audit.c.seq)
sa.Index("ix_audit_action", audit.c.tenant_pk, audit.c.action, audit.c.seq)

# The signed head of each tenant's chain of audit entries.
audit_heads = sa.Table(
    "audit_heads",
    metadata,
    sa.Column("tenant_pk", Key, sa.ForeignKey("tenants.pk"), primary_key=True, autoincrement=False),
    _number("seq"),
    sa.Column("mac", sa.LargeBinary, nullable=False),
    sa.Column("signature", sa.LargeBinary, nullable=False),
)

# Replies to requests that came with a key of their own, so that one sent again is answered and not done again.
idempotency = sa.Table(
    "idempotency",
    metadata,
    sa.Column("name", sa.LargeBinary, primary_key=True),
    sa.Column("request", sa.LargeBinary, nullable=False),
    sa.Column("sealed", sa.LargeBinary),
    _number("due"),  # when the reply is wiped; never after `expires`, when the row is deleted
    _number("expires"),
    sa.Index("ix_idempotency_due", "due"),
)

# Single facts about the whole store, such as its own key (sealed).
facts = sa.Table(
    "facts",
    metadata,
    sa.Column("name", Words, primary_key=True),
    sa.Column("value", sa.LargeBinary, nullable=False),
)
