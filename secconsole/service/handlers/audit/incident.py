"""Handling of a breach: freezing and thawing a tenant, and ending all of its sessions."""

from __future__ import annotations

from secconsole.domain.errors import Invalid, NotAllowed
from secconsole.domain.limits import LONGEST_REASON, MOST_ENDED_AT_ONCE
from secconsole.domain.roles import Role, outranks
from secconsole.operations.events import INCIDENT_FROZEN, INCIDENT_SESSIONS_ENDED, INCIDENT_THAWED
from secconsole.operations.incident import (
    AllSessionsEnded,
    EndTenantSessions,
    Freeze,
    FreezeSignIns,
    ThawSignIns,
)
from secconsole.service.authorise import IDLE
from secconsole.service.context import Context, milliseconds, when, when_or_none
from secconsole.service.registry import handles
from secconsole.store import tenants, users
from secconsole.store.audit_log import audit
from secconsole.store.audit_log.audit import Filters
from secconsole.store.helpdesk import incidents
from secconsole.store.sign_in import sessions

OVERRULED = "Someone who outranks you froze the sign-ins. Only a platform-admin can end that."


@handles(FreezeSignIns)
def freeze_sign_ins(context: Context, operation: FreezeSignIns) -> Freeze:
    _check_reason(operation.reason)
    tenant = context.tenant
    if incidents.freeze(context.connection, tenant.pk, now=context.now, by=context.actor.login):
        context.audit(INCIDENT_FROZEN, reason=operation.reason)
    else:
        context.unchanged = True
    return _freeze(context)


@handles(ThawSignIns)
def thaw_sign_ins(context: Context, operation: ThawSignIns) -> Freeze:
    _check_reason(operation.reason)
    since = context.tenant.frozen_since
    if since is not None:
        _refuse_to_overrule(context)
    if incidents.thaw(context.connection, context.tenant.pk):
        seconds = max(context.now - since, 0) // 1000 if since is not None else 0
        context.audit(INCIDENT_THAWED, reason=operation.reason, frozen_seconds=seconds)
    else:
        context.unchanged = True
    return _freeze(context)


def _refuse_to_overrule(context: Context) -> None:
    """Raise `NotAllowed` if someone who outranks the actor froze: the actor's account may be the stolen one."""
    if context.actor.role is Role.PLATFORM_ADMIN:
        return
    last = Filters(actions=(INCIDENT_FROZEN.action,))
    ids = [str(entry.actor_id) for entry in audit.entries(context.connection, context.tenant.pk, last, limit=1)]
    giver = users.user_by_id(context.connection, ids[0]) if any(ids) else None  # the owner of the store has no id
    if giver is None or outranks(giver.role, context.actor.role):
        raise NotAllowed(OVERRULED)


@handles(EndTenantSessions)
def end_tenant_sessions(context: Context, operation: EndTenantSessions) -> AllSessionsEnded:
    if not 1 <= operation.limit <= MOST_ENDED_AT_ONCE:
        raise Invalid(f"At most {MOST_ENDED_AT_ONCE} sessions at once.", "limit")
    scope = scope_of(context, min(milliseconds(operation.before), context.now) if operation.before else context.now)
    done = incidents.end_sessions(context.connection, scope, limit=operation.limit)
    # One limit for both, so that no request holds the store's writer for long.
    room = operation.limit - done
    tokens = incidents.end_tokens(context.connection, scope, limit=room) if room else 0
    left = incidents.count_sessions(context.connection, scope) + incidents.count_tokens(context.connection, scope)
    own = context.actor.session
    own_ended = operation.own and own is not None and left == 0
    # With the last portion also what no count contains: idle sessions, and sign-ins in progress.
    if left == 0:
        incidents.end_rest(context.connection, scope)
    # Their own session ends last, because it asks for the portions.
    if own is not None and own_ended:
        sessions.end_session(context.connection, own.pk, now=context.now, why=incidents.WHY)
    ended = done + own_ended
    context.audit(INCIDENT_SESSIONS_ENDED, sessions_ended=ended, tokens_ended=tokens, left=left)
    spared = incidents.count_spared(context.connection, scope)
    return AllSessionsEnded(ended, tokens, left, spared, when(scope.before), own_ended)


def scope_of(context: Context, before: int) -> incidents.Scope:
    """Return the sessions and tokens that the actor can end: not their own session, and none of those above them."""
    own = context.actor.session
    spare = tuple(role for role in Role if outranks(role, context.actor.role))
    return incidents.Scope(
        context.tenant.pk, context.now, context.now - IDLE, before, spare, own.pk if own is not None else None
    )


def count_platform_admins(context: Context) -> int:
    """Return how many platform administrators of the tenant can sign in while it is frozen."""
    groups = tenants.groups(context.connection, context.tenant.pk)
    able = (g for g in groups if g.role is Role.PLATFORM_ADMIN and not g.disabled and not g.no_password)
    return sum(group.count for group in able)


def _freeze(context: Context) -> Freeze:
    tenant = tenants.tenant_by_pk(context.connection, context.tenant.pk)
    return Freeze(when_or_none(tenant.frozen_since), tenant.frozen_by, count_platform_admins(context))


def _check_reason(reason: str) -> None:
    if len(reason) > LONGEST_REASON:
        raise Invalid(f"The reason is longer than {LONGEST_REASON} characters.", "reason")
