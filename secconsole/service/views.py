"""Rows of the store as the replies that faces see: no internal keys, no secrets."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from secconsole.domain.mail_address import masked_mail
from secconsole.domain.model import FactorKind
from secconsole.domain.phone import masked_phone
from secconsole.operations.audit import AuditEntry
from secconsole.operations.policy import Policy
from secconsole.operations.users import FactorRow, LookAlike, UserRow
from secconsole.operations.whitelist import Exemption
from secconsole.service.context import when, when_or_none
from secconsole.store.rows import ExemptionRecord, FactorRecord, TenantRow, UserRecord
from secconsole.store.user_search import flags_of

EXHAUSTED = 100  # consecutive wrong codes, after which a factor must be bound anew (NIST SP 800-63B-4, 3.2.2)


def user_row(user: UserRecord, now: int) -> UserRow:
    return UserRow(
        id=user.id,
        login=user.login,
        name=user.name,
        email=user.email,
        phone=user.phone,
        role=user.role,
        status=user.status,
        flags=flags_of(user, now),
        factors=user.kinds,
        last_sign_in=when_or_none(user.last_sign_in),
        mfa_required=user.switched_on,
    )


def factor_row(factor: FactorRecord) -> FactorRow:
    return FactorRow(
        id=factor.id,
        kind=factor.kind,
        state=factor.state,
        label=factor.label,
        masked=masked(factor),
        created=when(factor.created),
        bound=when_or_none(factor.bound),
        last_used=when_or_none(factor.last_used),
        exhausted=factor.failures >= EXHAUSTED,
    )


def masked(factor: FactorRecord) -> str:
    """What a factor is called where others may look on."""
    if factor.address:
        return masked_phone(factor.address) if factor.kind is FactorKind.SMS else masked_mail(factor.address)
    return factor.label or "authenticator app"


def exemption(user: UserRecord, entry: ExemptionRecord) -> Exemption:
    return Exemption(
        user=user.id,
        login=user.login,
        name=user.name,
        role=user.role,
        status=user.status,
        reason=entry.reason,
        since=when(entry.since),
        until=when_or_none(entry.until),
        by=entry.by,
    )


def policy_view(tenant: TenantRow) -> Policy:
    return Policy(
        policy=tenant.policy,
        grace_days=tenant.grace_days,
        kinds=tenant.kinds,
        version=tenant.version,
        changed=when_or_none(tenant.changed),
        changed_by=tenant.changed_by,
        required_since=when_or_none(tenant.required_since),
        recovery_view=tenant.recovery_view,
    )


def look_alike(user: UserRecord) -> LookAlike:
    return LookAlike(user.id, user.login, user.name)


def audit_entry(row: sa.Row[Any]) -> AuditEntry:
    return AuditEntry(
        id=row.id,
        at=when(row.at),
        actor=row.actor,
        action=row.action,
        target=row.target,
        target_id=row.target_id,
        outcome=row.outcome,
        reason=row.reason,
        ticket=row.ticket,
        channel=row.channel,
        address=row.address,
        request_id=row.request_id,
        details=json.loads(row.details),
    )
