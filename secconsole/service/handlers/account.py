"""Operations on the actor's own account."""

from __future__ import annotations

from collections.abc import Sequence

from secconsole.domain.errors import Conflict
from secconsole.domain.messages.mail_address import mail_address, masked_mail
from secconsole.domain.model import BindingStatus
from secconsole.domain.policy import is_always_asked
from secconsole.domain.secret import Secret
from secconsole.domain.users.password import check_password
from secconsole.operations.account import (
    Cancelled,
    CancelMfa,
    ChangePassword,
    ContactSet,
    KeepFactor,
    OwnRules,
    PasswordChanged,
    SetContact,
    ShowOwnRules,
)
from secconsole.operations.events import (
    ACCOUNT_CONTACT_CHANGED,
    ACCOUNT_KEEP_FACTOR,
    ACCOUNT_MFA_CANCELLED,
    PASSWORD_CHANGED,
)
from secconsole.service.context import Context
from secconsole.service.factors.password_sessions import Ended, end_password_sessions
from secconsole.service.handlers.factors import refuse_while_required, why_required
from secconsole.service.handlers.sign_in.required_steps import shortest_password
from secconsole.service.outbox.recipients import bound_addresses
from secconsole.service.registry import handles
from secconsole.store import factors, users
from secconsole.store.sign_in import recovery, sessions


@handles(ShowOwnRules)
def show_own_rules(context: Context, operation: ShowOwnRules) -> OwnRules:
    user, tenant = context.own_account, context.tenant
    why = why_required(tenant, user)
    return OwnRules(tenant.policy, bool(why), why, tenant.kinds, tenant.recovery_view)


def _changed_to(context: Context, operation: ChangePassword) -> Sequence[Secret[str]]:
    user, tenant = context.own_account, context.tenant
    check_password(operation.password, shortest=shortest_password(tenant), login=user.login, tenant=tenant.name)
    return (operation.password,)


@handles(ChangePassword, hashes=_changed_to)
def change_password(context: Context, operation: ChangePassword) -> PasswordChanged:
    # Once more: the policy or the login may have changed while the password was hashed.
    _changed_to(context, operation)
    user = context.own_account
    users.change_user(context.connection, user.pk, password_hash=context.new_hash, must_reset=False, password_until=0)
    session = context.actor.session
    ended = sessions.end_sessions(
        context.connection, user.pk, now=context.now, why="password changed", but=session.pk if session else None
    )
    context.audit(PASSWORD_CHANGED, user, sessions_ended=ended)
    return PasswordChanged(ended)


@handles(KeepFactor)
def keep_factor(context: Context, operation: KeepFactor) -> None:
    user = context.own_account
    if not operation.keep and is_always_asked(user.role, user.status):
        raise Conflict("Platform administrators are always asked for a bound factor, also if they are whitelisted.")
    user = users.change_user(context.connection, user.pk, keeps_factor=operation.keep)
    ended = end_password_sessions(context, context.tenant, [user]) if operation.keep else Ended()
    context.audit(
        ACCOUNT_KEEP_FACTOR, user, keep=operation.keep, sessions_ended=ended.sessions, tokens_ended=ended.tokens
    )


@handles(SetContact)
def set_contact(context: Context, operation: SetContact) -> ContactSet:
    user, email = context.own_account, mail_address(operation.email)
    if email == user.email:
        context.unchanged = True
        return ContactSet(email)
    before = masked_mail(user.email) if user.email else ""
    changed = users.change_user(context.connection, user.pk, email=email)
    context.audit(ACCOUNT_CONTACT_CHANGED, changed, former=[user.email], before=before, after=masked_mail(email))
    return ContactSet(email)


@handles(CancelMfa)
def cancel_mfa(context: Context, operation: CancelMfa) -> Cancelled:
    user, tenant = context.own_account, context.tenant
    if user.status is not BindingStatus.BOUND:
        raise Conflict("You have no factor bound, so there is nothing to cancel.")
    refuse_while_required(tenant, user)
    live = factors.live_factors(context.connection, user.pk)
    # Counted first, because the codes go with the last factor.
    codes = recovery.count_left(context.connection, user.pk)
    factors.remove(context.connection, user.pk, [factor.pk for factor in live], now=context.now, event=None)
    session = context.actor.session
    ended = sessions.end_sessions(
        context.connection, user.pk, now=context.now, why="factors removed", but=session.pk if session else None
    )
    context.audit(
        ACCOUNT_MFA_CANCELLED,
        user,
        former=bound_addresses(live),
        factors=len(live),
        recovery_codes=codes,
        sessions_ended=ended,
    )
    return Cancelled(len(live), codes, ended)
