"""Rows of the store as replies: without internal keys or secrets."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from secconsole.domain.messages.mail_address import masked_mail
from secconsole.domain.messages.phone import masked_phone
from secconsole.domain.model import FactorKind
from secconsole.domain.networks.network_rules import Admission, Ground, Origin, This, is_waiting
from secconsole.domain.roles import Role
from secconsole.domain.throttling.throttle import EMPTY, PARTLY, Throttle, held_buckets, held_until
from secconsole.operations.audit import AuditEntry
from secconsole.operations.networks import AllowedNetwork
from secconsole.operations.policy import Policy
from secconsole.operations.users import FactorRow, Hold, LookAlike, UserRow
from secconsole.operations.whitelist import Exemption
from secconsole.service.context import when, when_or_none
from secconsole.store import users
from secconsole.store.rows import ExemptionRecord, FactorRecord, NetworkRecord, TenantRow, UserRecord
from secconsole.store.search.user_search import flags_of

EXHAUSTED = 100  # consecutive wrong codes after which a factor must be bound again (NIST SP 800-63B-4, 3.2.2)


def allowed_network(record: NetworkRecord, now: int) -> AllowedNetwork:
    rule = record.rule
    waiting = is_waiting(rule, now)
    return AllowedNetwork(
        id=rule.id,
        network=rule.network,
        note=record.note,
        roles=rule.roles,
        until=when_or_none(rule.until),
        no_challenge=rule.no_challenge,
        created=when(record.created),
        by=record.by,
        pending_until=when(rule.pending_until) if waiting else None,
        leaving=rule.leaving and (waiting or not rule.pending_until),
    )


def admission_words(origin: Origin, role: Role, found: Admission, note: str) -> str:
    """Describe the decision about an origin, and the rule behind it."""
    where = "This machine" if isinstance(origin, This) else str(origin)
    match found.ground:
        case Ground.NO_RULE:
            return f"No network is listed for the role {role}, so every address is allowed."
        case Ground.LOCAL:
            return "This machine is allowed, because no rule mentions it."
        case Ground.LISTED if found.rule is not None:
            name = f" ({note})" if note else ""
            spared = " A bound factor is not asked for from there." if found.is_exempt else ""
            return f"{where} is in {found.rule.network}{name}.{spared}"
        case Ground.UNREADABLE:
            return "The address is unknown, and only certain networks are allowed."
        case _ if isinstance(origin, This):
            return f"This machine is allowed only for other roles than {role}."
        case _:
            return f"{where} is in no network that is allowed for the role {role}."


def user_row(user: UserRecord, now: int, throttle: Throttle = EMPTY) -> UserRow:
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
        locked_for=held_buckets(throttle, now),
    )


def holds(throttle: Throttle, now: int) -> tuple[Hold, ...]:
    """Return where no entry is accepted at a moment, and until when."""
    found = []
    for bucket in held_buckets(throttle, now):
        until = held_until(throttle, bucket, now)
        found.append(Hold(bucket, throttle.run(bucket).worst, when(until) if until < PARTLY else None))
    return tuple(found)


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
        weak_key=factor.weak_key,
        counts=factor.counts,
    )


def masked(factor: FactorRecord) -> str:
    """Return the masked name of a factor, for display to others."""
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
        reminders=tenant.reminders,
        kinds=tenant.kinds,
        version=tenant.version,
        changed=when_or_none(tenant.changed),
        changed_by=tenant.changed_by,
        required_since=when_or_none(tenant.required_since),
        recovery_view=tenant.recovery_view,
        bypass_minutes=tenant.bypass_minutes,
        bypass_most=tenant.bypass_most,
        unbind_needs=tenant.unbind_needs,
        frozen_since=when_or_none(tenant.frozen_since),
        unbind_admins_need=tenant.unbind_admins_need,
        resets_warn=tenant.resets_warn,
        resets_most=tenant.resets_most,
        step_up_minutes=tenant.step_up_minutes,
        helpdesk_text=tenant.helpdesk_text,
    )


def look_alikes(connection: sa.Connection, user: UserRecord, *, by_login: bool = True) -> tuple[LookAlike, ...]:
    """Return the users who are easily confused with one: by the look of their logins, and by their names."""
    alike = users.look_alikes(connection, user) if by_login else []
    seen = {other.pk for other in alike}
    named = [other for other in users.namesakes(connection, user) if other.pk not in seen]
    return tuple(LookAlike(o.id, o.login, o.name, same_name=o.pk not in seen) for o in (*alike, *named))


def audit_entry(row: sa.Row[Any], *, entries: int = 1) -> AuditEntry:
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
        act=row.bulk or "",
        entries=entries,
    )
