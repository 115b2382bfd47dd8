"""Tables of the store, by area.

Times are milliseconds since the epoch, UTC. `pk` never leaves the store, `id` is public.
"""

from secconsole.store.schema.alerts import alert_events, alert_positions, alert_rules, alert_signals, alerts
from secconsole.store.schema.audit import (
    audit,
    audit_checkpoints,
    audit_heads,
    audit_positions,
    audit_retention,
    audit_streams,
)
from secconsole.store.schema.base import Key, Time, Words, metadata
from secconsole.store.schema.delivery import delivery_settings, outbox
from secconsole.store.schema.factors import bypass_codes, exemptions, factors, passcodes, recovery_codes, unbindings
from secconsole.store.schema.helpdesk import approvals, caller_checks, job_items, jobs, resets
from secconsole.store.schema.sign_in import (
    challenges,
    known_networks,
    networks,
    refused_sign_ins,
    sessions,
    throttles,
    tokens,
    unknown_logins,
)
from secconsole.store.schema.store import facts, idempotency
from secconsole.store.schema.users import adoption_days, tenants, upkeep, user_counts, users

__all__ = [
    "Key",
    "Time",
    "Words",
    "adoption_days",
    "alert_events",
    "alert_positions",
    "alert_rules",
    "alert_signals",
    "alerts",
    "approvals",
    "audit",
    "audit_checkpoints",
    "audit_heads",
    "audit_positions",
    "audit_retention",
    "audit_streams",
    "bypass_codes",
    "caller_checks",
    "challenges",
    "delivery_settings",
    "exemptions",
    "factors",
    "facts",
    "idempotency",
    "job_items",
    "jobs",
    "known_networks",
    "metadata",
    "networks",
    "outbox",
    "passcodes",
    "recovery_codes",
    "refused_sign_ins",
    "resets",
    "sessions",
    "tenants",
    "throttles",
    "tokens",
    "unbindings",
    "unknown_logins",
    "upkeep",
    "user_counts",
    "users",
]
