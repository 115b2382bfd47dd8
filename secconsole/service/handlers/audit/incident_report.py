"""State of a tenant after a breach, and the report: from the audit by index, and never from all of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from secconsole.domain.errors import Unfit
from secconsole.domain.impact import Group
from secconsole.domain.limits import MOST_COUNTED, MOST_DIGITS
from secconsole.domain.model import BindingStatus
from secconsole.domain.roles import Role
from secconsole.operations import events
from secconsole.operations.events import EVENTS, Event, actions_of
from secconsole.operations.incident import (
    CHANGES,
    USUAL_WINDOW,
    ActionCount,
    Incident,
    IncidentReport,
    KeyUse,
    NewNetwork,
    ReportIncident,
    RoleCount,
    ShowIncident,
    StepDone,
)
from secconsole.service.context import Context, milliseconds, when, when_or_none
from secconsole.service.handlers.audit.incident import count_platform_admins, scope_of
from secconsole.service.paging import check_limit, number_of
from secconsole.service.registry import handles
from secconsole.service.views import audit_entry
from secconsole.store import tenants
from secconsole.store.audit_log.audit_window import (
    OutcomeCount,
    Window,
    count_by_action,
    newest_of,
    newest_of_each,
    window_of,
)
from secconsole.store.helpdesk import incidents
from secconsole.store.sign_in import tokens

LATEST = 20  # changes
MOST_NEW = 1_000  # first sign-ins from a network
KEY_USES = 1_000  # newest checks of codes, among which programs with the secret key are looked for
STEPS: tuple[Event, ...] = (
    events.INCIDENT_FROZEN,
    events.INCIDENT_THAWED,
    events.INCIDENT_SESSIONS_ENDED,
    events.SECRET_KEY_ROTATED,
)
ROUTINE = frozenset({events.SIGN_IN_CODE, events.SIGN_OUT, events.STEP_UP, events.VERIFY})
ONCE_MANY = frozenset({events.USER_IMPORTED, events.USER_INVITED, events.CODE_SENT})


@handles(ShowIncident)
def show_incident(context: Context, operation: ShowIncident) -> Incident:
    connection, tenant = context.connection, context.tenant
    since = _since(context, operation.since)
    window = window_of(connection, tenant.pk, since, context.now + 1)
    scope = scope_of(context, context.now)
    fresh = incidents.new_networks(connection, tenant.pk, since, context.now, limit=MOST_NEW)
    refused, capped = _refused(context, window)
    keys = tokens.live_keys(connection, tenant.pk, context.now)
    # The previous key has an end, the current one has none.
    key = next((key for key in keys if key.expires is None), None)
    return Incident(
        at=when(context.now),
        since=when(since),
        frozen_since=when_or_none(tenant.frozen_since),
        frozen_by=tenant.frozen_by,
        sessions=incidents.count_sessions(connection, scope),
        tokens=incidents.count_tokens(connection, scope),
        spared=incidents.count_spared(connection, scope),
        platform_admins=count_platform_admins(context),
        roles=_roles(tenants.groups(connection, tenant.pk)),
        networks=tuple(NewNetwork(n.network, n.users, n.login, when(n.first)) for n in fresh),
        networks_capped=sum(n.users for n in fresh) >= MOST_NEW,
        changes=_counts(context, window, change_actions()),
        latest=tuple(audit_entry(row) for row in newest_of(connection, window, change_actions(), limit=LATEST)),
        refused=refused,
        refused_capped=capped,
        key_id=key.id if key else None,
        key_last_used=when_or_none(key.last_used) if key else None,
        key_uses=_key_uses(context, [key.id for key in keys]),
        done=_done(context, window),
    )


@handles(ReportIncident)
def report_incident(context: Context, operation: ReportIncident) -> IncidentReport:
    check_limit(operation.limit)
    since = _since(context, operation.since)
    until = min(milliseconds(operation.until), context.now + 1) if operation.until else context.now + 1
    if until < since:
        raise Unfit("The end is before the beginning.", "until")
    whole = window_of(context.connection, context.tenant.pk, since, until)
    window = _before(whole, operation.cursor)
    rows = newest_of(context.connection, window, listed_actions(), limit=operation.limit + 1)
    page = rows[: operation.limit]
    return IncidentReport(
        tenant=context.tenant.name,
        at=when(context.now),
        since=when(since),
        until=when(min(until, context.now)),
        frozen_since=when_or_none(context.tenant.frozen_since),
        counts=() if operation.cursor else _counts(context, whole, tuple(EVENTS)),
        items=tuple(audit_entry(row) for row in page),
        next=str(page[-1].seq) if len(rows) > len(page) else None,
    )


def change_actions() -> tuple[str, ...]:
    """Return the actions that an attacker with an administrator's session would leave: changes of who needs what."""
    spared = {event.action for event in ONCE_MANY}
    return tuple(action for group in CHANGES for action in actions_of(group) if action not in spared)


def listed_actions() -> tuple[str, ...]:
    """Return the actions whose entries a report lists: all but the daily ones, which are counted only."""
    daily = {event.action for event in (*ROUTINE, *ONCE_MANY, events.SIGN_IN)}
    return tuple(action for action in EVENTS if action not in daily)


def _since(context: Context, since: datetime | None) -> int:
    start = milliseconds(since) if since is not None else context.now - int(USUAL_WINDOW.total_seconds() * 1000)
    if start > context.now:
        raise Unfit("That is in the future. Name a time in the past.", "since")
    return max(start, 0)


def _before(window: Window, cursor: str | None) -> Window:
    """Return the part of a window that follows a page."""
    number = number_of(cursor)
    if number is None:
        return window
    return Window(window.tenant_pk, window.first, min(window.end, number))


def _counts(context: Context, window: Window, actions: tuple[str, ...]) -> tuple[ActionCount, ...]:
    counted = count_by_action(context.connection, window, actions, most=MOST_COUNTED)
    total = Counter[str]()
    for each in counted:
        total[each.action] += each.count
    order = {action: at for at, action in enumerate(actions)}
    return tuple(
        ActionCount(each.action, each.outcome, each.count, total[each.action] >= MOST_COUNTED)
        for each in sorted(counted, key=lambda each: (order[each.action], each.outcome))
    )


def _refused(context: Context, window: Window) -> tuple[int, bool]:
    """Return the number of refused sign-ins among the newest, and True if there may be more."""
    found: list[OutcomeCount] = count_by_action(context.connection, window, [events.SIGN_IN.action], most=MOST_COUNTED)
    refused = sum(each.count for each in found if each.outcome == "refused")
    return refused, sum(each.count for each in found) >= MOST_COUNTED


def _roles(groups: Iterable[Group]) -> tuple[RoleCount, ...]:
    enabled = [group for group in groups if not group.disabled]
    return tuple(
        RoleCount(
            role,
            users=sum(g.count for g in enabled if g.role is role),
            bound=sum(g.count for g in enabled if g.role is role and g.status is BindingStatus.BOUND),
            passwords=sum(g.count for g in enabled if g.role is role and not g.no_password),
        )
        for role in Role
    )


def _key_uses(context: Context, keys: list[str]) -> tuple[KeyUse, ...]:
    """Return the addresses from which programs checked codes with a secret key, newest first."""
    whole = Window(context.tenant.pk, 0, 10**MOST_DIGITS)
    actors = {f"key:{key}" for key in keys}
    found: dict[str, KeyUse] = {}
    for row in newest_of(context.connection, whole, [events.VERIFY.action], limit=KEY_USES):
        entry = audit_entry(row)
        if entry.actor in actors:
            before = found.get(entry.address)
            found[entry.address] = KeyUse(
                entry.address, before.last if before else entry.at, (before.checks if before else 0) + 1
            )
    return tuple(found.values())


def _done(context: Context, window: Window) -> tuple[StepDone, ...]:
    rows = newest_of_each(context.connection, window, [event.action for event in STEPS])
    entries = sorted((audit_entry(row) for row in rows), key=lambda entry: entry.at)
    return tuple(StepDone(entry.action, entry.at, entry.actor, entry.id) for entry in entries)
