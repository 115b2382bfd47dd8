"""One's own account."""

from __future__ import annotations

from secconsole.domain.errors import Conflict
from secconsole.domain.mail_address import mail_address, masked_mail
from secconsole.domain.model import BindingStatus
from secconsole.domain.password import check_password
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
from secconsole.service.context import Context
from secconsole.service.factors import refuse_while_required, why_required
from secconsole.service.handlers import handles, only_password
from secconsole.service.notified import bound_addresses
from secconsole.service.signin import shortest_password
from secconsole.store import factors, recovery, sessions, users


@handles(ShowOwnRules)
def show_own_rules(context: Context, operation: ShowOwnRules) -> OwnRules:
    user, tenant = context.own_account, context.tenant
    why = why_required(tenant, user)
    return OwnRules(tenant.policy, bool(why), why, tenant.kinds, tenant.recovery_view)


@handles(ChangePassword, hashes=only_password)
def change_password(context: Context, operation: ChangePassword) -> PasswordChanged:
    user = context.own_account
    tenant = context.tenant
    check_password(operation.password, shortest=shortest_password(tenant), login=user.login, tenant=tenant.name)
    users.change_user(context.connection, user.pk, password_hash=context.hashes[0], must_reset=False)
    session = context.actor.session
    ended = sessions.end_sessions(
        context.connection, user.pk, now=context.now, why="password changed", but=session.pk if session else None
    )
    context.audit("password.changed", user, sessions_ended=ended)
    return PasswordChanged(ended)


@handles(KeepFactor)
def keep_factor(context: Context, operation: KeepFactor) -> None:
    user = users.change_user(context.connection, context.own_account.pk, keeps_factor=operation.keep)
    context.audit("account.keep-factor", user, keep=operation.keep)


@handles(SetContact)
def set_contact(context: Context, operation: SetContact) -> ContactSet:
    user, email = context.own_account, mail_address(operation.email)
    if email == user.email:
        context.unchanged = True
        return ContactSet(email)
    before = masked_mail(user.email) if user.email else ""
    changed = users.change_user(context.connection, user.pk, email=email)
    context.audit(
        "account.contact-changed", changed, former=[user.email], before=before, after=masked_mail(email)
    )  # fmt: skip
    return ContactSet(email)


@handles(CancelMfa)
def cancel_mfa(context: Context, operation: CancelMfa) -> Cancelled:
    user, tenant = context.own_account, context.tenant
    if user.status is not BindingStatus.BOUND:
        raise Conflict("No factor of yours is bound, so there is nothing to cancel.")
    refuse_while_required(tenant, user)
    live = factors.live_factors(context.connection, user.pk)
    codes = recovery.count_left(context.connection, user.pk)
    factors.remove(context.connection, user.pk, [factor.pk for factor in live], now=context.now, event=None)
    session = context.actor.session
    ended = sessions.end_sessions(
        context.connection, user.pk, now=context.now, why="factors removed", but=session.pk if session else None
    )
    context.audit(
        "account.mfa-cancelled",
        user,
        former=bound_addresses(live),
        factors=len(live),
        recovery_codes=codes,
        sessions_ended=ended,
    )
    return Cancelled(len(live), codes, ended)
