"""Tables of tenants and users, and of counts of users."""

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

tenants = sa.Table(
    "tenants",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    sa.Column("name", Words, nullable=False),
    sa.Column("name_key", Words, nullable=False, unique=True),
    number_column("created"),
    text_column("policy", "off"),
    number_column("grace_days"),
    text_column("kinds", "totp"),
    number_column("version", 1),
    sa.Column("changed", Time),
    text_column("changed_by"),
    sa.Column("required_since", Time),
    flag_column("recovery_view"),
    number_column("bypass_minutes", 30),
    number_column("bypass_most", 1440),
    text_column("unbind_needs", "none"),
    sa.Column("frozen_since", Time),  # sign-ins are stopped after a breach
    text_column("frozen_by"),
    text_column("unbind_admins_need", "none"),
    number_column("resets_warn", 10),
    number_column("resets_most", 20),
    flag_column("reminders"),
    number_column("step_up_minutes", 5),
    text_column("helpdesk_text"),
)

users = sa.Table(
    "users",
    metadata,
    sa.Column("pk", Key, primary_key=True),
    sa.Column("id", Words, nullable=False, unique=True),
    tenant_column(),
    sa.Column("login", Words, nullable=False),
    sa.Column("login_key", Words, nullable=False),
    text_column("name"),
    text_column("name_key"),
    text_column("email"),
    text_column("phone"),
    text_column("role", "user"),
    # Summary of the user's factors, kept here by store/factors.py so that lists and counts need no join.
    text_column("status", "unbound"),
    text_column("kinds"),
    flag_column("weak_only"),
    flag_column("whitelisted"),
    flag_column("disabled"),
    flag_column("must_reset"),
    flag_column("switched_on"),
    flag_column("keeps_factor"),
    sa.Column("password_hash", Words),
    number_column("failures"),
    number_column("locked_until"),
    number_column("last_sign_in"),  # 0: never, so that it can be sorted
    number_column("created"),
    number_column("version", 1),
    sa.Column("skeleton", Words),  # only where it differs from login_key
    flag_column("has_recovery"),  # an unused recovery code, kept up to date by store/sign_in/recovery.py
    text_column("search_key"),  # see domain/users/search_key.py; never read back
    # When a first-time password ends, which is then `password_hash`; 0: the password was chosen, or there is none.
    number_column("password_until"),
    number_column("reminded"),  # when the newest reminder to bind a factor was due and handled; 0: never
    sa.UniqueConstraint("tenant_pk", "login_key"),
)
sa.Index("ix_users_status", users.c.tenant_pk, users.c.status, users.c.login_key, users.c.pk)
sa.Index("ix_users_name", users.c.tenant_pk, users.c.name_key, users.c.pk)
sa.Index("ix_users_last_sign_in", users.c.tenant_pk, users.c.last_sign_in, users.c.pk)
sa.Index("ix_users_role", users.c.tenant_pk, users.c.role, users.c.login_key, users.c.pk)
sa.Index("ix_users_factors", users.c.tenant_pk, users.c.kinds, users.c.login_key, users.c.pk)
for _column in ("email", "phone", "created"):
    sa.Index(f"ix_users_{_column}", users.c.tenant_pk, users.c[_column], users.c.pk)
for _column in ("whitelisted", "disabled", "must_reset"):
    _few = users.c[_column].is_(sa.true())
    sa.Index(f"ix_users_few_{_column}", users.c.tenant_pk, users.c[_column], users.c.login_key, sqlite_where=_few)
_unusual = sa.and_(users.c.kinds != "", users.c.kinds != "totp")
sa.Index("ix_users_kinds", users.c.tenant_pk, users.c.kinds, users.c.login_key, sqlite_where=_unusual)
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
    number_column("n"),
)

# Figures of a tenant at the beginning of each day, UTC, counted from the epoch. See service/history.py.
adoption_days = sa.Table(
    "adoption_days",
    metadata,
    sa.Column("tenant_pk", Key, sa.ForeignKey("tenants.pk"), primary_key=True, autoincrement=False),
    sa.Column("day", sa.BigInteger, primary_key=True, autoincrement=False),
    number_column("users"),
    number_column("bound"),
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
    number_column("due"),
    number_column("day"),  # of the newest figures; 0: none yet
    number_column("first"),  # days to rebuild: from this one, up to the day before `until`
    number_column("until"),
    sa.Column("user_pk", sa.BigInteger),  # users up to it are counted for these days; NULL: nothing to rebuild
    sa.Index("ix_upkeep_due", "due"),
)
