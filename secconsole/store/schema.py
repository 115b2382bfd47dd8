"""Tables of the store.

Times are milliseconds since the epoch, UTC. `pk` never leaves the store, `id` is public.
"""

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

# On SQLite only INTEGER PRIMARY KEY is the row id itself. BIGINT would cost a second index.
Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")
Time = sa.BigInteger
# PostgreSQL would order and compare text by the rules of a language, while SQLite does so by code points.
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
    _number("bypass_minutes", 30),
    _number("bypass_most", 1440),
    _text("unbind_needs", "none"),
    sa.Column("frozen_since", Time),  # sign-ins are stopped after a breach
    _text("frozen_by"),
    _text("unbind_admins_need", "none"),
    _number("resets_warn", 10),
    _number("resets_most", 20),
    _flag("reminders"),
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
    # Summary of the user's factors, kept here by store/factors.py so that lists and counts need no join.
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
    _number("last_sign_in"),  # 0: never, so that it can be sorted
    _number("created"),
    _number("version", 1),
    sa.Column("skeleton", Words),  # only where it differs from login_key
    _flag("has_recovery"),  # an unused recovery code, kept up to date by store/recovery.py
    _text("search_key"),  # see domain/search_key.py; never read back
    # When a first-time password ends, which is then `password_hash`; 0: the password was chosen, or there is none.
    _number("password_until"),
    _number("reminded"),  # when the newest reminder to bind a factor was due and handled; 0: never
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
_none = users.c.password_hash.is_(None)
sa.Index("ix_users_no_password", users.c.tenant_pk, users.c.login_key, sqlite_where=_none, postgresql_where=_none)
_first = users.c.password_until > 0
sa.Index("ix_users_password_until", users.c.password_until, sqlite_where=_first, postgresql_where=_first)
_bare = sa.and_(users.c.status != "bound", users.c.whitelisted.is_(sa.false()), users.c.disabled.is_(sa.false()))
sa.Index("ix_users_no_factor", users.c.tenant_pk, users.c.created, sqlite_where=_bare, postgresql_where=_bare)
sa.Index("ix_users_reminded", users.c.tenant_pk, users.c.reminded, sqlite_where=_bare, postgresql_where=_bare)
_odd = users.c.skeleton.is_not(None)
sa.Index("ix_users_skeleton", users.c.tenant_pk, users.c.skeleton, sqlite_where=_odd)

# Numbers of users who share one set of facts, kept by triggers so that counts are cheap for any number of users.
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
    sa.Column("no_password", sa.Boolean, primary_key=True),
    sa.Column("switched_on", sa.Boolean, primary_key=True),
    sa.Column("keeps_factor", sa.Boolean, primary_key=True),
    sa.Column("kinds", Words, primary_key=True),
    _number("n"),
)

# Figures of a tenant at the beginning of each day, UTC, counted from the epoch. See service/history.py.
adoption_days = sa.Table(
    "adoption_days",
    metadata,
    sa.Column("tenant_pk", Key, sa.ForeignKey("tenants.pk"), primary_key=True, autoincrement=False),
    sa.Column("day", sa.BigInteger, primary_key=True, autoincrement=False),
    _number("users"),
    _number("bound"),
    # Only of days that were recorded as they began: they cannot be rebuilt.
    sa.Column("pending", sa.BigInteger),
    sa.Column("whitelisted", sa.BigInteger),
    sa.Column("overdue", sa.BigInteger),
)

# Regular work for a tenant: when it is due, and how far the figures of past days are rebuilt.
upkeep = sa.Table(
    "upkeep",
    metadata,
    sa.Column("tenant_pk", Key, sa.ForeignKey("tenants.pk"), primary_key=True, autoincrement=False),
    _number("due"),
    _number("day"),  # of the newest figures; 0: none yet
    _number("first"),  # days to rebuild: from this one, up to the day before `until`
    _number("until"),
    sa.Column("user_pk", sa.BigInteger),  # users up to it are counted for these days; NULL: nothing to rebuild
    sa.Index("ix_upkeep_due", "due"),
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
    sa.Column("removed", Time),  # rows are never deleted: every authenticator ever bound is on record
    sa.Column("removed_event", Words),
    _flag("given"),  # entered by an administrator: a sign-in may confirm it
    sa.Index("ix_factors_user", "user_pk", "removed"),
    sa.Index("ix_factors_removed_event", "removed_event"),
)

# Only digests. `sealed` contains the code itself while the tenant's policy lets its owner view it again.
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

# The newest bypass code of each user, as a digest.
bypass_codes = sa.Table(
    "bypass_codes",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    _tenant(),
    _user(),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    _text("by_id"),
    _text("by"),
    _text("reason"),
    _text("ticket"),
    _number("created"),
    _number("starts"),
    _number("expires"),
    sa.Column("used", Time),
    sa.Column("revoked", Time),
    sa.UniqueConstraint("tenant_pk", "user_pk"),
    sa.Index("ix_bypass_codes_user", "user_pk"),
)

# Checks of callers, each by one operator. One that was confirmed counts for one act.
caller_checks = sa.Table(
    "caller_checks",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    _tenant(),
    _user(),
    _text("by_id"),
    _text("by"),
    _text("channel"),
    _text("masked"),
    _flag("recent"),
    _number("created"),
    _number("expires"),
    _number("failures"),
    sa.Column("confirmed", Time),
    sa.Column("used", Time),
    sa.Index("ix_caller_checks_user", "user_pk"),
)

# Requests of an operator for another one's approval, bound to one operation.
approvals = sa.Table(
    "approvals",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    _tenant(),
    _user(),
    _text("kind"),
    _text("by_id"),
    _text("by"),
    _text("reason"),
    _text("ticket"),
    _number("created"),
    _number("expires"),
    _text("answer"),
    sa.Column("answered", Time),
    _text("answer_by_id"),
    _text("answer_by"),
    sa.Column("used", Time),
    sa.Index("ix_approvals_tenant", "tenant_pk", "expires"),
    sa.Index("ix_approvals_user", "user_pk"),
)

# Number of users that an operator unbound or reset within the last hour, for the limit.
resets = sa.Table(
    "resets",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    _tenant(),
    _text("by_id"),
    _text("by"),
    _number("at"),
    _number("users"),
    sa.Index("ix_resets_tenant", "tenant_pk", "at"),
)

# One act on many users, which consoles and commands perform a few users at a time. The counts are those of its items.
jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    _tenant(),
    _text("kind"),
    _text("state", "running"),
    _text("selection"),
    _text("parameters", "{}"),
    _text("events"),  # ids of its unbindings, separated by spaces
    _text("by_id"),
    _text("by"),
    _text("driver_id"),  # who performs it now: only they advance it
    _text("driver"),
    _number("created"),
    _number("progress"),  # the time of its last step
    _number("ended"),
    _number("total"),
    _number("done"),
    _number("failed"),
    _number("skipped"),
    sa.Index("ix_jobs_tenant", "tenant_pk", "pk"),
)

job_items = sa.Table(
    "job_items",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("job_pk", Key, sa.ForeignKey("jobs.pk"), nullable=False),
    sa.Column("user_pk", Key, sa.ForeignKey("users.pk")),  # without one for a name that nobody has
    _text("login"),
    _text("state", "pending"),
    _text("reason"),
    _number("at"),
    sa.Index("ix_job_items_job", "job_pk", "state", "pk"),
)

# Codes that were sent and not typed back yet: one per attempt, whichever address it went to.
passcodes = sa.Table(
    "passcodes",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("attempt", Words, nullable=False, unique=True),
    _tenant(),
    _text("factor"),  # the id of the factor it was sent to; empty for a test of settings
    _text("prefix"),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    _number("created"),
    _number("expires"),
    _number("failures"),
    sa.Column("used", Time),
    sa.Index("ix_passcodes_expires", "expires"),
)

# Outgoing messages, and the outcomes of those of the last days. Text and address are wiped when the outcome is known.
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
    sa.Column("address", sa.LargeBinary, nullable=False),  # a keyed digest for counting
    sa.Column("sealed", sa.LargeBinary),
    _text("settings"),  # the id of the settings to use; empty: those in effect
    _text("state", "waiting"),
    _number("attempts"),
    _number("due"),
    _number("created"),
    _number("expires"),
    sa.Column("ended", Time),
    _text("problem"),
    _flag("answered"),  # its code was typed back
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
    _tenant(),
    _text("kind"),
    _text("state"),
    _text("config", "{}"),
    sa.Column("sealed", sa.LargeBinary),
    _number("created"),
    _text("by"),
    _flag("anywhere"),  # its host may have any address, because of who set it
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
    sa.Column("erased", Time),  # when the sealed seeds were wiped, which ended the chance to undo
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

# Networks that a tenant allows, see domain/network_rules.py. Those that decide are read with the tenant.
networks = sa.Table(
    "networks",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    _tenant(),
    sa.Column("network", Words, nullable=False),
    _text("note"),
    _text("roles"),  # empty: all
    _number("until"),  # 0: no end date, here and below
    _flag("no_challenge"),
    _number("created"),
    _text("by"),
    _number("pending_until"),  # part of a change that is undone then unless it is confirmed
    _text("pending_by"),
    _flag("leaving"),  # the change is its removal
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
    _number("failures"),  # wrong proofs since the last correct one
    _text("factor"),  # the kind of factor used in it; empty: opened by a password alone
    sa.Index("ix_sessions_user", "user_pk", "ended"),
    sa.Index("ix_sessions_factor", "tenant_pk", "factor", "expires"),
)
_unended = sessions.c.ended.is_(None)
sa.Index("ix_sessions_open", sessions.c.tenant_pk, sessions.c.expires,
         sqlite_where=_unended, postgresql_where=_unended)  # fmt: skip

# Wrong entries that still count, by origin. `users` has the resulting hold of the account. See domain/throttle.py.
throttles = sa.Table(
    "throttles",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    _user(),
    sa.Column("bucket", Words, nullable=False),
    _number("failures"),
    _number("passwords"),
    _number("tries"),
    _number("last"),
    sa.UniqueConstraint("user_pk", "bucket"),
)

# Networks from which users completed sign-ins, so that strangers' wrong entries do not count there.
known_networks = sa.Table(
    "known_networks",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    _user(),
    sa.Column("network", Words, nullable=False),
    _number("seen"),
    _number("first"),  # 0: before this was recorded
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

# Unknown logins are delayed like real ones, so that guessing them reveals nothing.
unknown_logins = sa.Table(
    "unknown_logins",
    metadata,
    sa.Column("subject", sa.LargeBinary, primary_key=True),
    _number("failures"),
    _number("at"),
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
    _number("more"),
    _text("channel"),
    _text("rule"),
    sa.Index("ix_refused_sign_ins_due", "due"),
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
    sa.Column("bulk", Words),  # the id of the act on many users that it is part of, as its sealed details have it
    _flag("folded"),  # an earlier entry of the same act represents it in folded lists
    sa.UniqueConstraint("tenant_pk", "seq"),
)
sa.Index("ix_audit_target", audit.c.tenant_pk, audit.c.target_id, audit.c.seq)
sa.Index("ix_audit_action", audit.c.tenant_pk, audit.c.action, audit.c.seq)
_of_many, _unfolded = audit.c.bulk.is_not(None), audit.c.folded.is_(sa.false())
sa.Index("ix_audit_bulk", audit.c.tenant_pk, audit.c.bulk, audit.c.seq, sqlite_where=_of_many,
         postgresql_where=_of_many)  # fmt: skip
sa.Index("ix_audit_unfolded", audit.c.tenant_pk, audit.c.seq, sqlite_where=_unfolded,
         postgresql_where=_unfolded)  # fmt: skip

_refused = sa.text("outcome = 'refused'")
sa.Index("ix_audit_refused", audit.c.tenant_pk, audit.c.seq, sqlite_where=_refused, postgresql_where=_refused)

# Settings of rules of suspicious activity that differ from the defaults, see domain/alert_rules.py.
alert_rules = sa.Table(
    "alert_rules",
    metadata,
    sa.Column("tenant_pk", Key, sa.ForeignKey("tenants.pk"), primary_key=True, autoincrement=False),
    sa.Column("rule", Words, primary_key=True),
    _flag("is_on"),
    _number("threshold"),
    _number("minutes"),
    _text("hours"),
    _text("zone"),
    _number("changed"),
    _text("changed_by"),
)

# What counts for a rule within its window, see domain/alert_signals.py.
alert_signals = sa.Table(
    "alert_signals",
    metadata,
    sa.Column("tenant_pk", Key, sa.ForeignKey("tenants.pk"), primary_key=True, autoincrement=False),
    sa.Column("rule", Words, primary_key=True),
    sa.Column("subject", Words, primary_key=True),
    sa.Column("key", Words, primary_key=True),
    _text("name"),
    _number("at"),
    _number("seq"),
    _number("weight"),
    sa.Index("ix_alert_signals_at", "tenant_pk", "rule", "at"),
)

# The last audit entry of each tenant that the rules were applied to.
alert_positions = sa.Table(
    "alert_positions",
    metadata,
    sa.Column("tenant_pk", Key, sa.ForeignKey("tenants.pk"), primary_key=True, autoincrement=False),
    _number("seq"),
)

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    _tenant(),
    _text("rule"),
    _text("subject"),
    _text("name"),
    _number("number"),
    _number("minutes"),
    _number("events"),
    _number("others"),  # alerts above the limit of an hour that this one sums up
    _number("created"),
    _number("first"),
    _number("last"),
    _flag("is_mailed"),
    sa.Column("acknowledged", Time),
    _text("acknowledged_by"),
    _text("note"),
    sa.Index("ix_alerts_created", "tenant_pk", "created"),
)
_open = alerts.c.acknowledged.is_(None)
sa.Index("ix_alerts_open", alerts.c.tenant_pk, alerts.c.rule, alerts.c.subject, unique=True,
         sqlite_where=_open, postgresql_where=_open)  # fmt: skip

# The audit entries that an alert was made from.
alert_events = sa.Table(
    "alert_events",
    metadata,
    sa.Column("alert_pk", Key, sa.ForeignKey("alerts.pk"), primary_key=True, autoincrement=False),
    sa.Column("seq", Key, primary_key=True, autoincrement=False),
)

# The signed head of each tenant's audit chain.
audit_heads = sa.Table(
    "audit_heads",
    metadata,
    sa.Column("tenant_pk", Key, sa.ForeignKey("tenants.pk"), primary_key=True, autoincrement=False),
    _number("seq"),
    sa.Column("mac", sa.LargeBinary, nullable=False),
    sa.Column("signature", sa.LargeBinary, nullable=False),
)

# The last entry that retention removed from each chain. Signed, because verification starts from it.
audit_checkpoints = sa.Table(
    "audit_checkpoints",
    metadata,
    sa.Column("tenant_pk", Key, sa.ForeignKey("tenants.pk"), primary_key=True, autoincrement=False),
    sa.Column("chain", Words, primary_key=True),
    _number("seq"),
    sa.Column("mac", sa.LargeBinary, nullable=False),
    _number("at"),
    sa.Column("signature", sa.LargeBinary, nullable=False),
)

# How long each tenant keeps its audit. Without a row it is kept for good.
audit_retention = sa.Table(
    "audit_retention",
    metadata,
    sa.Column("tenant_pk", Key, sa.ForeignKey("tenants.pk"), primary_key=True, autoincrement=False),
    _number("keep_days"),
    _number("changed"),
    _text("by"),
)

# Receivers of a tenant's audit. One process at a time sends to each: the holder, until its lease ends.
audit_streams = sa.Table(
    "audit_streams",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    _tenant(),
    _text("name"),
    _text("name_key"),
    _text("kind"),
    _text("config", "{}"),
    sa.Column("sealed", sa.LargeBinary),
    _number("created"),
    _text("by"),
    _flag("anywhere"),  # its receiver may have any address, because of who added it
    _text("holder"),
    _number("lease_until"),
    _number("due"),
    _number("failures"),
    _text("problem"),
    sa.Column("failed_since", Time),
    sa.Column("last_sent", Time),
    sa.Column("test_wanted", Time),
    sa.Column("tested", Time),
    _text("test_problem"),
    sa.UniqueConstraint("tenant_pk", "name_key"),
)
sa.Index("ix_audit_streams_due", audit_streams.c.due)

# The last entry that each receiver has, for each chain of its tenant.
audit_positions = sa.Table(
    "audit_positions",
    metadata,
    sa.Column("stream_pk", Key, sa.ForeignKey("audit_streams.pk"), primary_key=True, autoincrement=False),
    sa.Column("chain", Words, primary_key=True),
    _number("seq"),
    sa.Column("mac", sa.LargeBinary, nullable=False),
)

# Replies to requests with an Idempotency-Key, so that a repeated one is answered and not performed again.
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
