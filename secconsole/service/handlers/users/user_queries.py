"""Users of a tenant: lists, counts and details."""

from __future__ import annotations

from secconsole.domain.clock import NOTICED
from secconsole.domain.errors import Invalid
from secconsole.domain.roles import Permission, may
from secconsole.domain.throttling.throttle import EMPTY, is_held
from secconsole.domain.users.login import suspicions
from secconsole.domain.users.search import UserFilter
from secconsole.operations.users import (
    CountUsers,
    FindPosition,
    ListUsers,
    ShowUser,
    Undoable,
    UserCount,
    UserDetail,
    UserPage,
    UserSort,
)
from secconsole.service.authorise import IDLE
from secconsole.service.context import Context, when, when_or_none
from secconsole.service.expiry import UNDO
from secconsole.service.factors import bypass
from secconsole.service.factors.explanation import explained
from secconsole.service.factors.sign_in_facts import must_bind_from
from secconsole.service.factors.throttling import throttle_of
from secconsole.service.handlers.users.user_fields import check_words
from secconsole.service.paging import check_limit
from secconsole.service.registry import handles
from secconsole.service.views import audit_entry, exemption, factor_row, holds, look_alikes, user_row
from secconsole.store import factors
from secconsole.store.audit_log import audit
from secconsole.store.audit_log.audit import Filters
from secconsole.store.rows import UserRecord
from secconsole.store.search import user_search
from secconsole.store.search.user_search import Order, Window
from secconsole.store.sign_in import sessions, throttles
from secconsole.store.sign_in.recovery import count_left
from secconsole.store.sign_in.tokens import count_live
from secconsole.store.whitelist import exemption_of

RECENT = 8


_COLUMNS = {
    UserSort.LOGIN: "login_key",
    UserSort.NAME: "name_key",
    UserSort.LAST_SIGN_IN: "last_sign_in",
    UserSort.FACTORS: "kinds",
}


@handles(ListUsers)
def list_users(context: Context, operation: ListUsers) -> UserPage:
    check_limit(operation.limit)
    if operation.at is not None and operation.at < 0:
        raise Invalid("The position must be 0 or more.", "at")
    check_words(operation.filter.words)
    order = Order(_COLUMNS.get(operation.sort, operation.sort.value), operation.descending)
    window = Window(operation.limit, operation.cursor, operation.backwards, operation.at)
    found = user_search.find_users(context.connection, context.tenant.pk, operation.filter, order, window, context.now)
    # Only of those who are held does a list show where, and they are few.
    held = [user.pk for user in found.users if is_held(user.locked_until, context.now)]
    tried = throttles.throttles_of(context.connection, held)
    rows = tuple(user_row(user, context.now, tried.get(user.pk, EMPTY)) for user in found.users)
    return UserPage(rows, found.next, found.previous)


@handles(CountUsers)
def count_users(context: Context, operation: CountUsers) -> UserCount:
    check_words(operation.filter.words)
    pk = context.tenant.pk
    total, _ = user_search.count_users(context.connection, pk, UserFilter(), context.now)
    if operation.filter == UserFilter():
        return UserCount(total, total)
    count, capped = user_search.count_users(context.connection, pk, operation.filter, context.now)
    return UserCount(count, total, capped)


@handles(FindPosition)
def find_position(context: Context, operation: FindPosition) -> int | None:
    check_words(operation.filter.words)
    order = Order(_COLUMNS.get(operation.sort, operation.sort.value), operation.descending)
    return user_search.position_of(
        context.connection, context.tenant.pk, context.target, operation.filter, order, context.now
    )


@handles(ShowUser)
def show_user(context: Context, operation: ShowUser) -> UserDetail:
    user, connection = context.target, context.connection
    entry = exemption_of(connection, user.pk, context.now)
    throttle = throttle_of(context, user)
    held = holds(throttle, context.now)
    ends = [hold.until for hold in held]
    # Plain users see their own account. Actions of others on it, and other users, are visible to auditors only.
    sees_others = may(context.actor.role, Permission.SEE)
    events = audit.entries(connection, user.tenant_pk, Filters(target_id=user.id), limit=RECENT) if sees_others else []
    return UserDetail(
        user=user_row(user, context.now, throttle),
        version=user.version,
        created=when(user.created),
        factors=tuple(factor_row(f) for f in factors.live_factors(connection, user.pk)),
        whitelist=exemption(user, entry) if entry else None,
        undo=undoable(context, user) if sees_others else None,
        look_alikes=look_alikes(connection, user) if sees_others else (),
        suspicions=tuple(suspicions(user.login) + suspicions(user.name)),
        failures=throttle.failures,
        # None is the end of a hold that lasts until someone unlocks, and so the latest.
        locked_until=None if None in ends else max((end for end in ends if end), default=None),
        locked=bool(held),
        has_password=user.password_hash is not None,
        mfa_required=user.switched_on,
        keeps_factor=user.keeps_factor,
        sessions=sessions.count_sessions(connection, user.pk, context.now, seen_since=context.now - IDLE),
        password_sessions=sessions.count_sessions(
            connection, user.pk, context.now, seen_since=context.now - IDLE, factor=""
        ),
        tokens=count_live(connection, [user.pk], context.now),
        events=tuple(audit_entry(row) for row in events),
        recovery_left=count_left(connection, user.pk),
        holds=held,
        bypass=bypass.state(context, user) if sees_others else None,
        known_networks=throttles.count_known(connection, user.pk, context.now),
        invited_until=when_or_none(user.password_until),
        must_bind_from=when_or_none(must_bind_from(context.tenant, user, context.now)),
        sign_in=explained(context, user) if sees_others else None,
    )


def undoable(context: Context, user: UserRecord) -> Undoable | None:
    """Return a user's newest unbinding while it can be undone."""
    found = factors.unbinding_of(context.connection, user.pk, context.now - UNDO, context.now + NOTICED)
    if found is None:
        return None
    return Undoable(found.id, when(found.at + UNDO), found.by, found.reason, found.ticket, when(found.at))
