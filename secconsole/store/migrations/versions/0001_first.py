"""First schema."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from secconsole.domain.throttling.throttle import FOREVER
from secconsole.store.engine.triggers import count_by_triggers
from secconsole.store.schema import Words

revision = "0001"
down_revision = None

COUNTED = ("role", "status", "whitelisted", "disabled", "must_reset", "weak_only", "switched_on", "keeps_factor")


def upgrade() -> None:
    """Create all tables."""
    #
    op.create_table(
        "facts",
        sa.Column("name", Words, nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_facts")),
    )
    op.create_table(
        "idempotency",
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("due", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("expires", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_idempotency")),
    )
    op.create_index("ix_idempotency_due", "idempotency", ["due"], unique=False)
    op.create_table(
        "tenants",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", Words, nullable=False),
        sa.Column("name", Words, nullable=False),
        sa.Column("name_key", Words, nullable=False),
        sa.Column("created", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("policy", Words, server_default="off", nullable=False),
        sa.Column("grace_days", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("kinds", Words, server_default="totp", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=True),
        sa.Column("changed_by", Words, server_default="", nullable=False),
        sa.Column("required_since", sa.BigInteger(), nullable=True),
        sa.Column("recovery_view", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_tenants")),
        sa.UniqueConstraint("id", name=op.f("uq_tenants_id")),
        sa.UniqueConstraint("name_key", name=op.f("uq_tenants_name_key")),
    )
    op.create_table(
        "unknown_logins",
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("locked_until", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("at", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_unknown_logins")),
    )
    op.create_index("ix_unknown_logins_at", "unknown_logins", ["at"], unique=False)
    op.create_table(
        "user_counts",
        sa.Column("tenant_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("role", Words, nullable=False),
        sa.Column("status", Words, nullable=False),
        sa.Column("whitelisted", sa.Boolean(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("must_reset", sa.Boolean(), nullable=False),
        sa.Column("weak_only", sa.Boolean(), nullable=False),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.Column("switched_on", sa.Boolean(), nullable=False),
        sa.Column("keeps_factor", sa.Boolean(), nullable=False),
        sa.Column("n", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant_pk",
            "role",
            "status",
            "whitelisted",
            "disabled",
            "must_reset",
            "weak_only",
            "blocked",
            "switched_on",
            "keeps_factor",
            name=op.f("pk_user_counts"),
        ),
    )
    op.create_table(
        "audit",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", Words, nullable=False),
        sa.Column("tenant_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("actor", Words, server_default="", nullable=False),
        sa.Column("actor_id", Words, server_default="", nullable=False),
        sa.Column("action", Words, server_default="", nullable=False),
        sa.Column("target", Words, server_default="", nullable=False),
        sa.Column("target_id", Words, server_default="", nullable=False),
        sa.Column("outcome", Words, server_default="", nullable=False),
        sa.Column("reason", Words, server_default="", nullable=False),
        sa.Column("ticket", Words, server_default="", nullable=False),
        sa.Column("channel", Words, server_default="", nullable=False),
        sa.Column("address", Words, server_default="", nullable=False),
        sa.Column("request_id", Words, server_default="", nullable=False),
        sa.Column("details", Words, server_default="{}", nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_pk"], ["tenants.pk"], name=op.f("fk_audit_tenant_pk")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_audit")),
        sa.UniqueConstraint("id", name=op.f("uq_audit_id")),
        sa.UniqueConstraint("tenant_pk", "seq", name=op.f("uq_audit_tenant_pk_seq")),
    )
    op.create_index("ix_audit_action", "audit", ["tenant_pk", "action", "seq"], unique=False)
    op.create_index("ix_audit_target", "audit", ["tenant_pk", "target_id", "seq"], unique=False)
    op.create_table(
        "audit_heads",
        sa.Column(
            "tenant_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_pk"], ["tenants.pk"], name=op.f("fk_audit_heads_tenant_pk")),
        sa.PrimaryKeyConstraint("tenant_pk", name=op.f("pk_audit_heads")),
    )
    op.create_table(
        "unbindings",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", Words, nullable=False),
        sa.Column("tenant_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("by_id", Words, server_default="", nullable=False),
        sa.Column("by", Words, server_default="", nullable=False),
        sa.Column("reason", Words, server_default="", nullable=False),
        sa.Column("ticket", Words, server_default="", nullable=False),
        sa.Column("erased", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["tenant_pk"], ["tenants.pk"], name=op.f("fk_unbindings_tenant_pk")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_unbindings")),
        sa.UniqueConstraint("id", name=op.f("uq_unbindings_id")),
    )
    op.create_index("ix_unbindings_erased", "unbindings", ["erased", "at"], unique=False)
    op.create_table(
        "users",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", Words, nullable=False),
        sa.Column("tenant_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("login", Words, nullable=False),
        sa.Column("login_key", Words, nullable=False),
        sa.Column("name", Words, server_default="", nullable=False),
        sa.Column("name_key", Words, server_default="", nullable=False),
        sa.Column("email", Words, server_default="", nullable=False),
        sa.Column("phone", Words, server_default="", nullable=False),
        sa.Column("role", Words, server_default="user", nullable=False),
        sa.Column("status", Words, server_default="unbound", nullable=False),
        sa.Column("kinds", Words, server_default="", nullable=False),
        sa.Column("weak_only", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("whitelisted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("disabled", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("must_reset", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("switched_on", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("keeps_factor", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("password_hash", Words, nullable=True),
        sa.Column("failures", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("locked_until", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_sign_in", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("skeleton", Words, nullable=True),
        sa.ForeignKeyConstraint(["tenant_pk"], ["tenants.pk"], name=op.f("fk_users_tenant_pk")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_users")),
        sa.UniqueConstraint("id", name=op.f("uq_users_id")),
        sa.UniqueConstraint("tenant_pk", "login_key", name=op.f("uq_users_tenant_pk_login_key")),
    )
    op.create_index(
        "ix_users_few_disabled",
        "users",
        ["tenant_pk", "disabled", "login_key"],
        unique=False,
        **_where("disabled IS TRUE"),
    )
    op.create_index(
        "ix_users_few_must_reset",
        "users",
        ["tenant_pk", "must_reset", "login_key"],
        unique=False,
        **_where("must_reset IS TRUE"),
    )
    op.create_index(
        "ix_users_few_role",
        "users",
        ["tenant_pk", "role", "login_key"],
        unique=False,
        **_where("role != 'user'"),
    )
    op.create_index(
        "ix_users_few_whitelisted",
        "users",
        ["tenant_pk", "whitelisted", "login_key"],
        unique=False,
        **_where("whitelisted IS TRUE"),
    )
    op.create_index(
        "ix_users_kinds",
        "users",
        ["tenant_pk", "kinds", "login_key"],
        unique=False,
        **_where("kinds != '' AND kinds != 'totp'"),
    )
    op.create_index("ix_users_last_sign_in", "users", ["tenant_pk", "last_sign_in", "pk"], unique=False)
    op.create_index(
        "ix_users_locked",
        "users",
        ["tenant_pk", "locked_until"],
        unique=False,
        **_where("locked_until > 0"),
    )
    op.create_index("ix_users_name", "users", ["tenant_pk", "name_key", "pk"], unique=False)
    op.create_index(
        "ix_users_skeleton",
        "users",
        ["tenant_pk", "skeleton"],
        unique=False,
        **_where("skeleton IS NOT NULL"),
    )
    op.create_index("ix_users_status", "users", ["tenant_pk", "status", "login_key", "pk"], unique=False)
    op.create_table(
        "challenges",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("tenant_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("stage", Words, server_default="", nullable=False),
        sa.Column("created", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("expires", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("failures", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["tenant_pk"], ["tenants.pk"], name=op.f("fk_challenges_tenant_pk")),
        sa.ForeignKeyConstraint(["user_pk"], ["users.pk"], name=op.f("fk_challenges_user_pk")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_challenges")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_challenges_token_hash")),
    )
    op.create_index("ix_challenges_expires", "challenges", ["expires"], unique=False)
    op.create_table(
        "exemptions",
        sa.Column("user_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("tenant_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reason", Words, server_default="", nullable=False),
        sa.Column("since", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("by", Words, server_default="", nullable=False),
        sa.ForeignKeyConstraint(["tenant_pk"], ["tenants.pk"], name=op.f("fk_exemptions_tenant_pk")),
        sa.ForeignKeyConstraint(["user_pk"], ["users.pk"], name=op.f("fk_exemptions_user_pk")),
        sa.PrimaryKeyConstraint("user_pk", name=op.f("pk_exemptions")),
    )
    op.create_index("ix_exemptions_tenant", "exemptions", ["tenant_pk"], unique=False)
    op.create_index("ix_exemptions_until", "exemptions", ["until"], unique=False)
    op.create_table(
        "factors",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", Words, nullable=False),
        sa.Column("tenant_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", Words, nullable=False),
        sa.Column("state", Words, nullable=False),
        sa.Column("label", Words, server_default="", nullable=False),
        sa.Column("address", Words, server_default="", nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("algorithm", Words, server_default="SHA1", nullable=False),
        sa.Column("digits", sa.BigInteger(), server_default="6", nullable=False),
        sa.Column("period", sa.BigInteger(), server_default="30", nullable=False),
        sa.Column("created", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=True),
        sa.Column("bound", sa.BigInteger(), nullable=True),
        sa.Column("last_used", sa.BigInteger(), nullable=True),
        sa.Column("last_step", sa.BigInteger(), server_default="-1", nullable=False),
        sa.Column("failures", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("removed", sa.BigInteger(), nullable=True),
        sa.Column("removed_event", Words, nullable=True),
        sa.ForeignKeyConstraint(["tenant_pk"], ["tenants.pk"], name=op.f("fk_factors_tenant_pk")),
        sa.ForeignKeyConstraint(["user_pk"], ["users.pk"], name=op.f("fk_factors_user_pk")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_factors")),
        sa.UniqueConstraint("id", name=op.f("uq_factors_id")),
    )
    op.create_index("ix_factors_removed_event", "factors", ["removed_event"], unique=False)
    op.create_index("ix_factors_user", "factors", ["user_pk", "removed"], unique=False)
    op.create_table(
        "recovery_codes",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", Words, nullable=False),
        sa.Column("tenant_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=True),
        sa.Column("voided", sa.BigInteger(), nullable=True),
        sa.Column("voided_event", Words, nullable=True),
        sa.ForeignKeyConstraint(["tenant_pk"], ["tenants.pk"], name=op.f("fk_recovery_codes_tenant_pk")),
        sa.ForeignKeyConstraint(["user_pk"], ["users.pk"], name=op.f("fk_recovery_codes_user_pk")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_recovery_codes")),
        sa.UniqueConstraint("digest", name=op.f("uq_recovery_codes_digest")),
        sa.UniqueConstraint("id", name=op.f("uq_recovery_codes_id")),
    )
    op.create_index("ix_recovery_codes_user", "recovery_codes", ["user_pk"], unique=False)
    op.create_index("ix_recovery_codes_voided_event", "recovery_codes", ["voided_event"], unique=False)
    op.create_table(
        "passcodes",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("attempt", Words, nullable=False),
        sa.Column("tenant_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("factor", Words, server_default="", nullable=False),
        sa.Column("prefix", Words, server_default="", nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("expires", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("failures", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["tenant_pk"], ["tenants.pk"], name=op.f("fk_passcodes_tenant_pk")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_passcodes")),
        sa.UniqueConstraint("attempt", name=op.f("uq_passcodes_attempt")),
    )
    op.create_index("ix_passcodes_expires", "passcodes", ["expires"], unique=False)
    op.create_table(
        "delivery_settings",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", Words, nullable=False),
        sa.Column("tenant_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", Words, server_default="", nullable=False),
        sa.Column("state", Words, server_default="", nullable=False),
        sa.Column("config", Words, server_default="{}", nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("by", Words, server_default="", nullable=False),
        sa.ForeignKeyConstraint(["tenant_pk"], ["tenants.pk"], name=op.f("fk_delivery_settings_tenant_pk")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_delivery_settings")),
        sa.UniqueConstraint("id", name=op.f("uq_delivery_settings_id")),
        sa.UniqueConstraint("tenant_pk", "kind", "state", name=op.f("uq_delivery_settings_tenant_pk_kind_state")),
    )
    op.create_table(
        "outbox",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", Words, nullable=False),
        sa.Column("tenant_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("kind", Words, server_default="", nullable=False),
        sa.Column("purpose", Words, server_default="", nullable=False),
        sa.Column("attempt", Words, server_default="", nullable=False),
        sa.Column("masked", Words, server_default="", nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("settings", Words, server_default="", nullable=False),
        sa.Column("state", Words, server_default="waiting", nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("due", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("expires", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("problem", Words, server_default="", nullable=False),
        sa.Column("answered", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_pk"], ["tenants.pk"], name=op.f("fk_outbox_tenant_pk")),
        sa.ForeignKeyConstraint(["user_pk"], ["users.pk"], name=op.f("fk_outbox_user_pk")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_outbox")),
        sa.UniqueConstraint("id", name=op.f("uq_outbox_id")),
    )
    op.create_index("ix_outbox_address", "outbox", ["address", "created"], unique=False)
    op.create_index("ix_outbox_attempt", "outbox", ["attempt"], unique=False)
    op.create_index("ix_outbox_created", "outbox", ["created"], unique=False)
    op.create_index("ix_outbox_due", "outbox", ["state", "due"], unique=False)
    op.create_index("ix_outbox_tenant", "outbox", ["tenant_pk", "kind", "created"], unique=False)
    op.create_index("ix_outbox_user", "outbox", ["user_pk", "created"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", Words, nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("tenant_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", Words, server_default="", nullable=False),
        sa.Column("address", Words, server_default="", nullable=False),
        sa.Column("created", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_seen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("proved", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("expires", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("ended_why", Words, server_default="", nullable=False),
        sa.ForeignKeyConstraint(["tenant_pk"], ["tenants.pk"], name=op.f("fk_sessions_tenant_pk")),
        sa.ForeignKeyConstraint(["user_pk"], ["users.pk"], name=op.f("fk_sessions_user_pk")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_sessions")),
        sa.UniqueConstraint("id", name=op.f("uq_sessions_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sessions_token_hash")),
    )
    op.create_index("ix_sessions_user", "sessions", ["user_pk", "ended"], unique=False)
    op.create_table(
        "tokens",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", Words, nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("tenant_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("user_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("owner", Words, server_default="", nullable=False),
        sa.Column("name", Words, server_default="", nullable=False),
        sa.Column("scopes", Words, server_default="", nullable=False),
        sa.Column("created", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=True),
        sa.Column("last_used", sa.BigInteger(), nullable=True),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("ended_why", Words, server_default="", nullable=False),
        sa.ForeignKeyConstraint(["tenant_pk"], ["tenants.pk"], name=op.f("fk_tokens_tenant_pk")),
        sa.ForeignKeyConstraint(["user_pk"], ["users.pk"], name=op.f("fk_tokens_user_pk")),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_tokens")),
        sa.UniqueConstraint("id", name=op.f("uq_tokens_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_tokens_token_hash")),
    )
    op.create_index("ix_tokens_tenant", "tokens", ["tenant_pk", "id"], unique=False)
    op.create_index("ix_tokens_user", "tokens", ["user_pk", "ended"], unique=False)

    dialect = op.get_bind().dialect.name
    for statement in count_by_triggers(dialect, COUNTED, FOREVER):
        op.get_bind().exec_driver_sql(statement)


def _where(condition: str) -> dict[str, Any]:
    """Return the condition of a partial index, in the syntax of either database."""
    if op.get_bind().dialect.name == "sqlite":
        return {"sqlite_where": sa.text(condition.replace("IS TRUE", "IS 1"))}  # as written in the queries
    return {"postgresql_where": sa.text(condition)}
