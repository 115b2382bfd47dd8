"""The users of a tenant."""

from __future__ import annotations

from secconsole.domain.errors import Conflict, Invalid, NotAllowed
from secconsole.domain.limits import LONGEST_REASON, MOST_PER_PAGE
from secconsole.domain.login import suspicions
from secconsole.domain.roles import Permission, Role, may, may_act_on, rank
from secconsole.domain.search import UserFilter
from secconsole.domain.throttle import FOREVER, is_held
from secconsole.operations.users import (
    ChangeRole,
    CountUsers,
    CreateUser,
    DisableUser,
    EnableUser,
    FindPosition,
    ListUsers,
    NewUser,
    PasswordReset,
    RequireMfa,
    ResetPassword,
    ShowUser,
    Undoable,
    UnlockUser,
    UserChanged,
    UserCount,
    UserDetail,
    UserPage,
    UserSort,
)
from secconsole.service.authorise import IDLE, need_proof
from secconsole.service.context import Context, when
from secconsole.service.fields import check_fields, check_words, with_id
from secconsole.service.handlers import handles, only_password
from secconsole.service.passwords import one_time_password
from secconsole.service.sweep import UNDO
from secconsole.service.views import audit_entry, exemption, factor_row, look_alike, user_row
from secconsole.store import audit, factors, sessions, user_search, users
from secconsole.store.recovery import count_left
from secconsole.store.rows import UserRecord
from secconsole.store.tokens import count_live
from secconsole.store.user_search import Order, Window
from secconsole.store.whitelist import exemption_of

RECENT = 8
_COLUMNS = {UserSort.LOGIN: "login_key", UserSort.NAME: "name_key", UserSort.LAST_SIGN_IN: "last_sign_in"}


@handles(ListUsers)
def list_users(context: Context, operation: ListUsers) -> UserPage:
    if not 1 <= operation.limit <= MOST_PER_PAGE:
        raise Invalid(f"The limit must be between 1 and {MOST_PER_PAGE}.", "limit")
    if operation.at is not None and operation.at < 0:
        raise Invalid("The position counts from 0.", "at")
    check_words(operation.filter.words)
    order = Order(_COLUMNS[operation.sort], operation.descending)
    window = Window(operation.limit, operation.cursor, operation.backwards, operation.at)
    found = user_search.find_users(context.connection, context.tenant.pk, operation.filter, order, window, context.now)
    return UserPage(tuple(user_row(user, context.now) for user in found.users), found.next, found.previous)


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
    order = Order(_COLUMNS[operation.sort], operation.descending)
    return user_search.position_of(
        context.connection, context.tenant.pk, context.target, operation.filter, order, context.now
    )


@handles(ShowUser)
def show_user(context: Context, operation: ShowUser) -> UserDetail:
    user, connection = context.target, context.connection
    entry = exemption_of(connection, user.pk, context.now)
    held = is_held(user.locked_until, context.now)
    # To a plain user their own account is shown; what others did to it, and who else there is, is the auditors' to see.
    sees_others = may(context.actor.role, Permission.SEE)
    events = audit.entries(connection, user.tenant_pk, limit=RECENT, target_id=user.id) if sees_others else []
    others = users.look_alikes(connection, user) if sees_others else []
    return UserDetail(
        user=user_row(user, context.now),
        version=user.version,
        created=when(user.created),
        factors=tuple(factor_row(f) for f in factors.live_factors(connection, user.pk)),
        whitelist=exemption(user, entry) if entry else None,
        undo=undoable(context, user) if sees_others else None,
        look_alikes=tuple(look_alike(other) for other in others),
        suspicions=tuple(suspicions(user.login) + suspicions(user.name)),
        failures=user.failures,
        locked_until=when(user.locked_until) if held and user.locked_until < FOREVER else None,
        locked=held,
        has_password=user.password_hash is not None,
        mfa_required=user.switched_on,
        keeps_factor=user.keeps_factor,
        sessions=sessions.count_sessions(connection, user.pk, context.now, seen_since=context.now - IDLE),
        tokens=count_live(connection, [user.pk], context.now),
        events=tuple(audit_entry(row) for row in events),
        recovery_left=count_left(connection, user.pk),
    )


@handles(CreateUser, hashes=only_password)
def create_user(context: Context, operation: CreateUser) -> UserChanged:
    line = NewUser(
        0, operation.login, operation.name, operation.email, operation.phone, operation.role, operation.password
    )
    values = check_fields(line, context.tenant.name)
    if rank(operation.role) > rank(context.actor.role):
        raise NotAllowed(f"A {context.actor.role} may not make a {operation.role}.")
    if rank(operation.role) > rank(Role.USER):  # as giving somebody that role would
        need_proof(context)
    if users.user_by_name(context.connection, context.tenant.pk, operation.login) is not None:
        raise Conflict("There is a user with that login already.")
    if context.hashes:
        values["password_hash"] = context.hashes[0]
    users.add_users(context.connection, context.tenant.pk, [with_id(context, values)])
    user = users.user_by_name(context.connection, context.tenant.pk, operation.login)
    if user is None:
        raise Conflict("The user could not be made.")
    context.audit("user.created", user, role=user.role)
    return _changed(context, user)


@handles(DisableUser)
def disable_user(context: Context, operation: DisableUser) -> UserChanged:
    user = context.target
    if context.is_own:
        raise Conflict("You cannot disable yourself. Ask another administrator.")
    if len(operation.reason) > LONGEST_REASON:
        raise Invalid(f"The reason is longer than {LONGEST_REASON} characters.", "reason")
    if user.disabled:
        return _unchanged(context, user)
    keep_platform_admin(context, user)
    ended = sessions.end_sessions(context.connection, user.pk, now=context.now, why="disabled")
    user = users.change_user(context.connection, user.pk, disabled=True)
    context.audit("user.disabled", user, reason=operation.reason, sessions_ended=ended)
    return _changed(context, user)


@handles(EnableUser)
def enable_user(context: Context, operation: EnableUser) -> UserChanged:
    if not context.target.disabled:
        return _unchanged(context, context.target)
    user = users.change_user(context.connection, context.target.pk, disabled=False)
    context.audit("user.enabled", user)
    return _changed(context, user)


@handles(ChangeRole)
def change_role(context: Context, operation: ChangeRole) -> UserChanged:
    user = context.target
    if not may_act_on(context.actor.role, operation.role):
        raise NotAllowed(f"A {context.actor.role} may not make anybody a {operation.role}.")
    if user.role is operation.role:
        return _unchanged(context, user)
    if context.is_own:
        raise Conflict("You cannot change your own role. Ask another administrator.")
    keep_platform_admin(context, user)
    before = user.role
    ended = 0
    if rank(operation.role) < rank(before):
        ended = sessions.end_sessions(context.connection, user.pk, now=context.now, why="role changed")
    user = users.change_user(context.connection, user.pk, role=operation.role)
    context.audit("user.role-changed", user, before=before, after=user.role, sessions_ended=ended)
    return _changed(context, user)


@handles(ResetPassword, hashes=lambda operation: (one_time_password(),))
def reset_password(context: Context, operation: ResetPassword) -> PasswordReset:
    ended = sessions.end_sessions(context.connection, context.target.pk, now=context.now, why="password reset")
    user = users.change_user(context.connection, context.target.pk, password_hash=context.hashes[0], must_reset=True)
    context.audit("user.password-reset", user, sessions_ended=ended)
    return PasswordReset(user_row(user, context.now), context.passwords[0])


@handles(UnlockUser)
def unlock_user(context: Context, operation: UnlockUser) -> UserChanged:
    user = context.target
    if user.failures == 0 and user.locked_until == 0:
        return _unchanged(context, user)
    before = user.failures
    users.note_failure(context.connection, user.pk, failures=0, locked_until=0)
    user = users.change_user(context.connection, user.pk)
    context.audit("user.unlocked", user, failures=before)
    return _changed(context, user)


@handles(RequireMfa)
def require_mfa(context: Context, operation: RequireMfa) -> UserChanged:
    if context.target.switched_on == operation.required:
        return _unchanged(context, context.target)
    user = users.change_user(context.connection, context.target.pk, switched_on=operation.required)
    context.audit("user.mfa-required" if operation.required else "user.mfa-not-required", user)
    return _changed(context, user)


def keep_platform_admin(context: Context, user: UserRecord) -> None:
    """Raise if nobody could look after the platform once this user is disabled or has a lower role."""
    if user.role is not Role.PLATFORM_ADMIN or user.disabled:
        return
    if not users.another_has_role(context.connection, user.pk, Role.PLATFORM_ADMIN):
        raise Conflict(f"{user.login} is the last platform administrator. Make another one first.")


def undoable(context: Context, user: UserRecord) -> Undoable | None:
    """The newest unbinding of a user, while it can be undone."""
    found = factors.unbinding_of(context.connection, user.pk, context.now - UNDO)
    if found is None:
        return None
    return Undoable(found.id, when(found.at + UNDO), found.by, found.reason, found.ticket, when(found.at))


def _changed(context: Context, user: UserRecord) -> UserChanged:
    return UserChanged(user_row(user, context.now), user.version)


def _unchanged(context: Context, user: UserRecord) -> UserChanged:
    context.unchanged = True
    return _changed(context, user)
