"""Operations on the users of a tenant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from secconsole.domain.errors import Conflict, Invalid, NotAllowed
from secconsole.domain.limits import LONGEST_REASON
from secconsole.domain.messages.mail_address import masked_mail
from secconsole.domain.messages.phone import masked_phone
from secconsole.domain.model import PolicyMode
from secconsole.domain.policy import off_words
from secconsole.domain.roles import NOT_YOURSELF, needs_proof_to_create
from secconsole.domain.secret import Secret
from secconsole.domain.throttling.throttle import EMPTY, held_buckets
from secconsole.domain.users.login import Likeness, likeness, login_key, skeleton
from secconsole.operations.events import (
    ACCOUNT_CONTACT_CHANGED,
    ACCOUNT_PHONE_CHANGED,
    USER_CREATED,
    USER_DISABLED,
    USER_ENABLED,
    USER_MFA_NOT_REQUIRED,
    USER_MFA_REQUIRED,
    USER_PASSWORD_RESET,
    USER_ROLE_CHANGED,
    USER_UNLOCKED,
)
from secconsole.operations.user_changes import (
    RENAMED,
    ChangeRole,
    DisableUser,
    EnableUser,
    RenameUser,
    RequireMfa,
    ResetPassword,
    UnlockUser,
)
from secconsole.operations.user_import import NewUser
from secconsole.operations.users import (
    CreateUser,
    PasswordReset,
    UserChanged,
    UserRow,
)
from secconsole.service.authorise import need_proof
from secconsole.service.context import Context
from secconsole.service.expiry import OTHER_ADDRESS, end_invitation
from secconsole.service.factors import approvals, bypass, caller_checks
from secconsole.service.factors.password_sessions import Ended, end_password_sessions
from secconsole.service.factors.passwords import one_time_password
from secconsole.service.factors.throttling import has_any, throttle_of, unlock
from secconsole.service.handlers.users.role_rules import (
    PlatformAdmins,
    check_new_role,
    check_role_change,
    has_own_password,
    stays_asked,
)
from secconsole.service.handlers.users.user_fields import check_fields, refuse_taken, with_id
from secconsole.service.registry import handles
from secconsole.service.views import look_alikes, user_row
from secconsole.store import users
from secconsole.store.rows import UserRecord
from secconsole.store.search.user_keys import SOURCES
from secconsole.store.sign_in import sessions

_CORRECTED = ("login", "name", "email", "phone")


def _new_user(context: Context, operation: CreateUser) -> dict[str, object]:
    """Return the columns of a new user, or raise what is wrong with them or with the actor."""
    line = NewUser(
        0, operation.login, operation.name, operation.email, operation.phone, operation.role, operation.password
    )
    values = check_fields(line, context.tenant.name)
    check_new_role(context, operation.role)
    if needs_proof_to_create(operation.role, own_tenant=context.is_own_tenant):
        need_proof(context)
    refuse_taken(context, operation.login)
    return values


def _new_users_password(context: Context, operation: CreateUser) -> Sequence[Secret[str]]:
    _new_user(context, operation)
    return (operation.password,) if operation.password is not None else ()


@handles(CreateUser, hashes=_new_users_password)
def create_user(context: Context, operation: CreateUser) -> UserChanged:
    values = _new_user(context, operation)
    if operation.password is not None:
        values["password_hash"] = context.new_hash
    users.add_users(context.connection, context.tenant.pk, [with_id(context, values)])
    user = users.user_by_name(context.connection, context.tenant.pk, operation.login)
    if user is None:
        raise Conflict("The user could not be created.")
    context.audit(USER_CREATED, user, role=user.role)
    return _with_look_alikes(context, _changed(context, user), user)


def _corrections(user: UserRecord, operation: RenameUser, tenant: str) -> dict[str, object]:
    """Return the columns that change, or raise `Invalid` for a value that they cannot hold."""
    given = {name: value for name in SOURCES if (value := getattr(operation, name)) is not None}
    login = user.login if operation.login is None else operation.login
    line = NewUser(0, login, operation.name or "", operation.email or "", operation.phone or "")
    wanted = {name: check_fields(line, tenant).get(name, "") for name in sorted(given)}
    return {name: value for name, value in wanted.items() if value != getattr(user, name)}


def _shown(name: str, value: str) -> str:
    """Return a value as the audit keeps it: addresses masked."""
    mask = {"email": masked_mail, "phone": masked_phone}.get(name)
    return mask(value) if mask is not None and value else value


@handles(RenameUser)
def rename_user(context: Context, operation: RenameUser) -> UserChanged:
    before = context.target
    change = _corrections(before, operation, context.tenant.name)
    if not change:
        return _unchanged(context, before)
    if "login" in change:
        refuse_taken(context, str(change["login"]), by=before)
    if operation.check_only:
        return _as_renamed(context, before, change)
    user = users.change_user(context.connection, before.pk, **change)
    old, new = (", ".join(f"{name}: {_shown(name, getattr(row, name))}" for name in change) for row in (before, user))
    # A search of the audit finds the old login in the reason. Earlier entries have the same target_id.
    was = f"The login was {before.login}." if "login" in change else ""
    context.audit(RENAMED, user, reason=was, before=old, after=new)
    if "email" in change:  # a first address is notified too, and with it every other one
        after = _shown("email", user.email) or "no address"
        former = _shown("email", before.email)
        context.audit(ACCOUNT_CONTACT_CHANGED, user, former=[before.email], before=former, after=after)
        if before.password_until:  # mailed to the earlier address, which may be a stranger's
            user = end_invitation(context, user, reason=OTHER_ADDRESS)
    if "phone" in change:
        after = _shown("phone", user.phone) or "no number"
        former = _shown("phone", before.phone)
        context.audit(ACCOUNT_PHONE_CHANGED, user, former=[before.email], before=former, after=after)
    return _with_look_alikes(context, _changed(context, user), user, before)


def _as_renamed(context: Context, before: UserRecord, change: Mapping[str, object]) -> UserChanged:
    """Return the reply to a rename without doing it."""
    login, name, email, phone = (str(change.get(field, getattr(before, field))) for field in _CORRECTED)
    user = replace(
        before, login=login, name=name, email=email, phone=phone, login_key=login_key(login), skeleton=skeleton(login)
    )
    return _with_look_alikes(context, _unchanged(context, user), user, before)


def _with_look_alikes(
    context: Context, changed: UserChanged, user: UserRecord, before: UserRecord | None = None
) -> UserChanged:
    """Return a reply with the users who are easily confused with this one because of a new login or name."""
    new_login = before is None or likeness(user.login, before.login) is not Likeness.SAME
    if not new_login and before is not None and user.name == before.name:
        return changed
    return replace(changed, look_alikes=look_alikes(context.connection, user, by_login=new_login))


@handles(DisableUser)
def disable_user(context: Context, operation: DisableUser) -> UserChanged:
    user = context.target
    if len(operation.reason) > LONGEST_REASON:
        raise Invalid(f"The reason is longer than {LONGEST_REASON} characters.", "reason")
    if user.disabled:
        return _unchanged(context, user)
    # First, because it locks the administrators of all tenants until the transaction ends.
    PlatformAdmins(context.connection).lose(user)
    ended = sessions.end_sessions(context.connection, user.pk, now=context.now, why="disabled")
    user = users.change_user(context.connection, user.pk, disabled=True)
    bypass.revoke(context, user, bypass.DISABLED)
    if user.password_until:  # the mail may still be waiting
        user = end_invitation(context, user, reason=bypass.DISABLED)
    context.audit(USER_DISABLED, user, reason=operation.reason, sessions_ended=ended)
    return _changed(context, user)


@handles(EnableUser)
def enable_user(context: Context, operation: EnableUser) -> UserChanged:
    if not context.target.disabled:
        return _unchanged(context, context.target)
    user = users.change_user(context.connection, context.target.pk, disabled=False)
    context.audit(USER_ENABLED, user)
    return _changed(context, user)


@handles(ChangeRole)
def change_role(context: Context, operation: ChangeRole) -> UserChanged:
    user = context.target
    check_new_role(context, operation.role)
    if user.role is operation.role:
        return _unchanged(context, user)
    has_password = has_own_password(user)
    check_role_change(context, user, operation.role, PlatformAdmins(context.connection), has_password=has_password)
    before = user.role
    bypass.revoke(context, user, bypass.OTHER_ROLE)
    ended = sessions.end_sessions(context.connection, user.pk, now=context.now, why="role changed")
    approved = approvals.use_of_peer(context, user)
    user = users.change_user(context.connection, user.pk, role=operation.role, keeps_factor=stays_asked(user))
    context.audit(USER_ROLE_CHANGED, user, before=before, after=user.role, sessions_ended=ended, **approved)
    return _changed(context, user)


@handles(ResetPassword, hashes=lambda context, operation: (one_time_password(),))
def reset_password(context: Context, operation: ResetPassword) -> PasswordReset:
    ended = sessions.end_sessions(context.connection, context.target.pk, now=context.now, why="password reset")
    change = {"password_hash": context.new_hash, "must_reset": True, "password_until": 0}
    user = users.change_user(context.connection, context.target.pk, **change)
    check = caller_checks.use(context, user)
    context.audit(USER_PASSWORD_RESET, user, sessions_ended=ended, **caller_checks.details_of(check))
    return PasswordReset(_row(context, user), context.passwords[0], check)


@handles(UnlockUser)
def unlock_user(context: Context, operation: UnlockUser) -> UserChanged:
    user = context.target
    throttle = throttle_of(context, user)
    if throttle == EMPTY and not has_any(user):
        return _unchanged(context, user)
    unlock(context, user)
    # Without a new value, for the version: a client that holds the old row notices the change.
    user = users.change_user(context.connection, user.pk)
    buckets = ",".join(held_buckets(throttle, context.now))
    context.audit(USER_UNLOCKED, user, failures=throttle.failures, locked_for=buckets)
    return _changed(context, user)


@handles(RequireMfa)
def require_mfa(context: Context, operation: RequireMfa) -> UserChanged:
    if context.is_own and not operation.required:
        raise NotAllowed(NOT_YOURSELF)
    if operation.required and context.tenant.policy is PolicyMode.OFF:
        raise Conflict(off_words(context.tenant.name))
    if context.target.switched_on == operation.required:
        return _unchanged(context, context.target)
    user = users.change_user(context.connection, context.target.pk, switched_on=operation.required)
    if not operation.required:
        context.audit(USER_MFA_NOT_REQUIRED, user)
        return _changed(context, user)
    ended = Ended() if operation.keep_sessions else end_password_sessions(context, context.tenant, [user])
    context.audit(USER_MFA_REQUIRED, user, sessions_ended=ended.sessions, tokens_ended=ended.tokens)
    return replace(_changed(context, user), sessions_ended=ended.sessions, tokens_ended=ended.tokens)


def _changed(context: Context, user: UserRecord) -> UserChanged:
    return UserChanged(_row(context, user), user.version)


def _row(context: Context, user: UserRecord) -> UserRow:
    return user_row(user, context.now, throttle_of(context, user) if has_any(user) else EMPTY)


def _unchanged(context: Context, user: UserRecord) -> UserChanged:
    context.unchanged = True
    return _changed(context, user)
