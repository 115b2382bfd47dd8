"""Steps that a sign-in may require before it ends: binding a factor, and choosing a new password."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from secconsole.domain.errors import Conflict
from secconsole.domain.model import PolicyMode, SignInStatus
from secconsole.domain.policy import Rule, decide_second_factor
from secconsole.domain.secret import Secret
from secconsole.domain.users.password import SHORTEST, SHORTEST_ALONE, check_length, check_password
from secconsole.operations.events import PASSWORD_CHANGED
from secconsole.operations.signin import (
    BindingStarted,
    ChoosePassword,
    ConfirmBinding,
    KeyMailed,
    MailSignInKey,
    SignInAnswer,
    StartBinding,
)
from secconsole.service.context import Context
from secconsole.service.factors import challenges
from secconsole.service.factors.challenges import PendingSignIn
from secconsole.service.factors.enrollment import confirm_enrollment, start_enrollment
from secconsole.service.handlers.key_mail import send_key
from secconsole.service.handlers.sign_in.completion import complete_pending, go_on
from secconsole.service.registry import handles
from secconsole.store import users
from secconsole.store.rows import TenantRow
from secconsole.store.sign_in import sessions


@handles(StartBinding)
def start_binding(context: Context, operation: StartBinding) -> BindingStarted:
    pending = challenges.find(context, operation.challenge, SignInStatus.ENROLL)
    if pending is None:
        raise Conflict(challenges.OVER)
    return start_enrollment(
        context,
        pending.tenant,
        pending.user,
        operation.kind,
        expires=pending.challenge.expires,
        address=operation.address,
    )


@handles(MailSignInKey)
def mail_sign_in_key(context: Context, operation: MailSignInKey) -> KeyMailed:
    pending = challenges.find(context, operation.challenge, SignInStatus.ENROLL)
    if pending is None:
        raise Conflict(challenges.OVER)
    factor = challenges.own_enrollment(pending, operation.enrollment)
    return send_key(context, pending.tenant, pending.user, factor, operation.address)


@handles(ConfirmBinding)
def confirm_binding(context: Context, operation: ConfirmBinding) -> SignInAnswer:
    pending = challenges.find(context, operation.challenge, SignInStatus.ENROLL)
    if pending is None:
        return challenges.not_found(context, operation.challenge)
    user = pending.user
    factor = challenges.own_enrollment(pending, operation.enrollment)
    verdict = confirm_enrollment(context, pending.tenant, user, factor, operation.code)
    if not verdict.counted:
        return challenges.waiting(pending, verdict.message, user.locked_until)
    if not verdict.accepted:
        return challenges.wrong_code(pending, verdict.message)
    # The row has the new status, from which it follows that the session has a proof.
    bound = replace(pending, user=users.user_by_pk(context.connection, user.pk))
    return complete_pending(bound, Rule.REQUIRED, factor=str(factor.kind))


def _choosing(context: Context, operation: ChoosePassword) -> PendingSignIn | None:
    """Return the sign-in that a new password is for, or raise `Invalid` for an unacceptable password."""
    # The length first: it needs nothing from the store, and limits the work of the other checks.
    check_length(operation.password)
    pending = challenges.find(context, operation.challenge, SignInStatus.NEW_PASSWORD)
    if pending is not None:
        tenant, login = pending.tenant, pending.user.login
        check_password(operation.password, shortest=shortest_password(tenant), login=login, tenant=tenant.name)
    return pending


def _chosen(context: Context, operation: ChoosePassword) -> Sequence[Secret[str]]:
    return (operation.password,) if _choosing(context, operation) else ()


@handles(ChoosePassword, hashes=_chosen)
def choose_password(context: Context, operation: ChoosePassword) -> SignInAnswer:
    pending = _choosing(context, operation)
    if pending is None:
        return challenges.not_found(context, operation.challenge)
    tenant = pending.tenant
    new_hash = context.new_hash
    # First, so that of two requests at the same time only one sets a password.
    if not sessions.use_challenge(context.connection, pending.challenge.pk, context.now):
        return challenges.over(context)
    # Others may know the old password, so no session of it stays.
    sessions.end_sessions(context.connection, pending.user.pk, now=context.now, why="new password")
    change = {"password_hash": new_hash, "must_reset": False, "password_until": 0}
    user = users.change_user(context.connection, pending.user.pk, **change)
    context.audit(PASSWORD_CHANGED, user, tenant=tenant, by=user.login)
    decision = decide_second_factor(challenges.facts_of(replace(pending, user=user)))
    return go_on(context, tenant, user, decision, pending.live_factors, pending.bypass)


def shortest_password(tenant: TenantRow) -> int:
    """Return the minimum length of passwords in a tenant, which is shorter if a second factor is always required."""
    return SHORTEST if tenant.policy is PolicyMode.REQUIRED else SHORTEST_ALONE
