"""Retention of the audit: its rule, and the removal of older entries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from secconsole.domain.audit.retention import LEAST_DAYS, MOST_DAYS
from secconsole.domain.roles import Permission
from secconsole.operations import events
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import Moment, TenantName

KeepDays = Annotated[
    int, Meta(ge=LEAST_DAYS, le=MOST_DAYS, description=f"The number of days that entries are kept, from {LEAST_DAYS}.")
]
KeepOrForever = Annotated[
    int,
    Meta(
        le=MOST_DAYS,
        extra_json_schema={"anyOf": [{"const": 0}, {"minimum": LEAST_DAYS}]},
        description=f"The number of days that entries are kept, from {LEAST_DAYS}, or 0 to keep them for good.",
    ),
]


@dataclass(frozen=True, slots=True)
class Retention:
    """Retention of a tenant's audit.

    `keep_days`: 0 for good. `removed`: number of the last entry that was removed, at `removed_at`, 0 if none was.
    `newest`: number of the newest entry. `oldest`: when the oldest entry that is left was written. `held_by`: what
    older entries are kept for: a stream that has not sent them, or an open alert.
    """

    keep_days: int
    changed: Moment | None
    changed_by: str
    removed: int
    removed_at: Moment | None
    newest: int
    oldest: Moment | None
    held_by: str = ""


@dataclass(frozen=True, slots=True)
class Retained:
    """Result of a removal.

    `removed`: how many entries, all up to the number `last`. `kept_from`: entries from then on are kept. `more`: there
    are more to remove, by calling it again. `held`: how many are kept for `held_by`: a stream that has not sent
    them yet, or an alert that nobody has acknowledged.
    """

    removed: int
    last: int
    kept_from: Moment
    more: bool
    held: int = 0
    held_by: str = ""


@declare(
    "audit-retention.show",
    "GET",
    "/v1/tenants/{tenant}/audit/retention",
    Permission.SEE,
    example=lambda s: (ShowRetention(tenant=s.TENANT), s.RETENTION),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ShowRetention(Operation[Retention]):
    """Show how long the audit is kept, and what was removed."""

    tenant: TenantName


@declare(
    "audit-retention.set",
    "PUT",
    "/v1/tenants/{tenant}/audit/retention",
    Permission.MANAGE_POLICY,
    dangerous=True,
    step_up="always",
    records=events.AUDIT_RETENTION_SET,
    example=lambda s: (SetRetention(tenant=s.TENANT, keep_days=400), s.RETENTION),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class SetRetention(Operation[Retention]):
    """Set how many days the audit is kept.

    Older entries are removed from then on, once every stream has sent them and no open alert needs them. A signed
    checkpoint keeps the rest provable.
    """

    tenant: TenantName
    keep_days: KeepOrForever


@declare(
    "audit-retention.run",
    "POST",
    "/v1/tenants/{tenant}/audit/retain",
    Permission.MANAGE_POLICY,
    dangerous=True,
    step_up="always",
    records=events.AUDIT_RETAINED,
    example=lambda s: (
        RetainAudit(tenant=s.TENANT, keep_days=400),
        Retained(removed=2_000, last=3_912, kept_from=s.NOW, more=True),
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class RetainAudit(Operation[Retained]):
    """Remove a portion of the entries that are older than so many days, oldest first.

    Entries that a stream has not sent, or that an open alert needs, are kept. An entry that does not fit the chain
    raises `Conflict`. With `check_only` nothing is removed: the reply has how many would be, in all portions.
    """

    tenant: TenantName
    keep_days: KeepDays
    check_only: bool = False
