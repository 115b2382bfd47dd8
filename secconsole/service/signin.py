"""Signing in, step by step. Each answer is decided by the table in `domain/policy.py`."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

from secconsole.domain.delivery import Purpose
from secconsole.domain.errors import Conflict, NotFound
from secconsole.domain.ident import is_id
from secconsole.domain.login import login_key
from secconsole.domain.model import BindingStatus, FactorState, PolicyMode, SignInStatus
from secconsole.domain.password import SHORTEST, SHORTEST_ALONE, check_length, check_password
from secconsole.domain.policy import Decision, Rule, decide_second_factor, decide_sign_in
from secconsole.domain.throttle import FOREVER, held_until, is_held
from secconsole.operations.signin import (
    BindingStarted,
    ChoosePassword,
    ConfirmBinding,
    KeyMailed,
    MailSignInKey,
    SendCode,
    SignIn,
    SignInAnswer,
    StartBinding,
    VerifySignIn,
)
from secconsole.service import challenges
from secconsole.service.authorise import ABSOLUTE
from secconsole.service.codes import check_code, count_failure, held_words, take_back
from secconsole.service.context import Context, PasswordCheck, when
from secconsole.service.enrollment import confirm_enrollment, start_enrollment
from secconsole.service.handlers import handles, only_password
from secconsole.service.key_mail import send_key
from secconsole.service.passcodes import SENT_KINDS, sign_in_attempt
from secconsole.service.recovery import RECOVERY, check_recovery_code, is_recovery_code
from secconsole.service.sent_factors import send_code
from secconsole.service.sign_in_facts import grace_end, sign_in_facts
from secconsole.store import factors, facts, sessions, tenants, users
from secconsole.store.keys import new_token
from secconsole.store.rows import ChallengeRecord, TenantRow, UserRecord

FORGET_UNKNOWN = 7 * 24 * 3_600_000

REFUSED = "That did not work. Check login and password; after several wrong entries wait a little."


def reserve_sign_in(context: Context, operation: SignIn) -> PasswordCheck:
    """Count the try as failed before the password is looked at, for accounts that exist and those that do not."""
    user = _find(context, operation)
    if user is None:
        subject = _subject(context, operation)
        failures, locked_until = facts.unknown_failures(context.connection, subject)
        allowed = not is_held(locked_until, context.now)
        if allowed:
            until = held_until(failures + 1, context.now)
            facts.note_unknown(context.connection, subject, failures=failures + 1, locked_until=until, now=context.now)
            facts.forget_unknown(context.connection, context.now - FORGET_UNKNOWN)
        return PasswordCheck(None, allowed)
    allowed = not is_held(user.locked_until, context.now)
    reserved = count_failure(context, user) if allowed else 0
    return PasswordCheck(user.password_hash, allowed, reserved)


@handles(SignIn, reserve=reserve_sign_in)
def sign_in(context: Context, operation: SignIn) -> SignInAnswer:
    check = context.password or PasswordCheck(None, False)
    tenant = tenants.tenant_by_name(context.connection, operation.tenant)
    user = _find(context, operation)
    if user is None or tenant is None:
        _, until = facts.unknown_failures(context.connection, _subject(context, operation))
        if tenant is not None:
            context.audit("sign-in", outcome="refused", tenant=tenant, by="(unknown login)")
        context.unchanged = True
        return _refused(until, context.now)
    right = check.right and user.password_hash == check.stored  # not replaced while it was being checked
    if right and not user.disabled:
        user = take_back(context, user)
        if check.new_hash:
            users.set_password_hash(context.connection, user.pk, user.password_hash, check.new_hash)
    decision = decide_sign_in(sign_in_facts(context, tenant, user, right=right))
    if decision.status is SignInStatus.REFUSED:
        context.audit("sign-in", user, outcome="refused", tenant=tenant, rule=decision.rule)
        return _refused(user.locked_until, context.now)
    return _go_on(context, tenant, user, decision, None)


@handles(VerifySignIn)
def verify_sign_in(context: Context, operation: VerifySignIn) -> SignInAnswer:
    found = challenges.find(context, operation.challenge, SignInStatus.SECOND_FACTOR)
    if found is None:
        return challenges.over(context)
    challenge, tenant, user = found
    if is_recovery_code(operation.code):  # it stands in for whichever factor was picked
        recovered, message = check_recovery_code(context, tenant, user, operation.code)
        if recovered is None:
            return challenges.wrong_code(context, challenge, tenant, user, operation.challenge, message)
        return _complete(context, tenant, user, challenge, Rule.HAS_FACTOR, message=message, factor=RECOVERY)
    live = factors.live_factors(context.connection, user.pk)
    among = [f for f in challenges.usable_at_sign_in(live) if not operation.factor or f.id == operation.factor]
    factor, message = check_code(context, user, operation.code, among, sign_in_attempt(operation.challenge))
    if factor is None:
        return challenges.wrong_code(context, challenge, tenant, user, operation.challenge, message)
    if factor.state is FactorState.PENDING:
        context.audit("factor.confirmed", user, tenant=tenant, by=user.login, kind=factor.kind, factor=factor.id)
    return _complete(context, tenant, user, challenge, Rule.HAS_FACTOR, factor=str(factor.kind))


@handles(SendCode)
def send_sign_in_code(context: Context, operation: SendCode) -> SignInAnswer:
    found = challenges.find(context, operation.challenge, SignInStatus.SECOND_FACTOR)
    if found is None:
        return challenges.over(context)
    challenge, tenant, user = found
    live = challenges.usable_at_sign_in(factors.live_factors(context.connection, user.pk))
    factor = next((f for f in live if f.id == operation.factor and f.kind in SENT_KINDS), None)
    if factor is None:
        raise NotFound("No code can be sent there. Pick one of the addresses or numbers that are offered.")
    if is_held(user.locked_until, context.now):  # a code could not be used, and would cost money
        context.unchanged = True
        held = held_words(context, user)
        return challenges.waiting(context, challenge, user, operation.challenge, held, user.locked_until)
    issued = send_code(context, tenant, user, factor, Purpose.SIGN_IN, sign_in_attempt(operation.challenge))
    message = f"A code is on its way to {issued.masked}." if issued.sent else issued.message
    return challenges.waiting(context, challenge, user, operation.challenge, message, issued.retry_at, sent=issued.sent)


@handles(StartBinding)
def start_binding(context: Context, operation: StartBinding) -> BindingStarted:
    found = challenges.find(context, operation.challenge, SignInStatus.ENROLL)
    if found is None:
        raise Conflict(challenges.OVER)
    challenge, tenant, user = found
    return start_enrollment(context, tenant, user, operation.kind, expires=challenge.expires, address=operation.address)


@handles(MailSignInKey)
def mail_sign_in_key(context: Context, operation: MailSignInKey) -> KeyMailed:
    found = challenges.find(context, operation.challenge, SignInStatus.ENROLL)
    if found is None:
        raise Conflict(challenges.OVER)
    _, tenant, user = found
    factor = challenges.own_enrollment(context, tenant, user, operation.enrollment)
    return send_key(context, tenant, user, factor, operation.address)


@handles(ConfirmBinding)
def confirm_binding(context: Context, operation: ConfirmBinding) -> SignInAnswer:
    found = challenges.find(context, operation.challenge, SignInStatus.ENROLL)
    if found is None:
        return challenges.over(context)
    challenge, tenant, user = found
    factor = challenges.own_enrollment(context, tenant, user, operation.enrollment)
    verdict = confirm_enrollment(context, tenant, user, factor, operation.code)
    if not verdict.accepted:
        return challenges.wrong_code(context, challenge, tenant, user, operation.challenge, verdict.message)
    bound = users.user_by_pk(context.connection, user.pk)
    return _complete(context, tenant, bound, challenge, Rule.REQUIRED, factor=str(factor.kind))


@handles(ChoosePassword, hashes=only_password)
def choose_password(context: Context, operation: ChoosePassword) -> SignInAnswer:
    check_length(operation.password)
    found = challenges.find(context, operation.challenge, SignInStatus.NEW_PASSWORD)
    if found is None:
        return challenges.over(context)
    challenge, tenant, user = found
    check_password(operation.password, shortest=shortest_password(tenant), login=user.login, tenant=tenant.name)
    if not sessions.use_challenge(context.connection, challenge.pk, context.now):
        return challenges.over(context)
    sessions.end_sessions(context.connection, user.pk, now=context.now, why="new password")
    user = users.change_user(context.connection, user.pk, password_hash=context.hashes[0], must_reset=False)
    context.audit("password.changed", user, tenant=tenant, by=user.login)
    decision = decide_second_factor(sign_in_facts(context, tenant, user, right=True))
    return _go_on(context, tenant, user, decision, None)


def tenant_of(connection: sa.Connection, user: UserRecord) -> TenantRow:
    return tenants.tenant_by_pk(connection, user.tenant_pk)


def shortest_password(tenant: TenantRow) -> int:
    """How long a password must be in a tenant: shorter ones do where a second factor goes with each."""
    return SHORTEST if tenant.policy is PolicyMode.REQUIRED else SHORTEST_ALONE


def _find(context: Context, operation: SignIn) -> UserRecord | None:
    tenant = tenants.tenant_by_name(context.connection, operation.tenant)
    if tenant is None or is_id(operation.login.strip()):
        return None
    return users.user_by_name(context.connection, tenant.pk, operation.login)


def _subject(context: Context, operation: SignIn) -> bytes:
    tenant = tenants.tenant_by_name(context.connection, operation.tenant)  # by its name or its id: one count for both
    name = tenant.id if tenant else operation.tenant.strip().casefold()
    return context.keys.lookup(f"{name}\0{login_key(operation.login)}")


def _reminder(end: int) -> str:
    at = datetime.fromtimestamp(end / 1000, UTC)
    return f"A second factor is required soon, from {at:%Y-%m-%d %H:%M} UTC on. Bind one now: press 7, then e."


def _go_on(
    context: Context, tenant: TenantRow, user: UserRecord, decision: Decision, challenge: ChallengeRecord | None
) -> SignInAnswer:
    if decision.status is SignInStatus.COMPLETE:
        remind = _reminder(grace_end(tenant, user)) if decision.remind else ""
        return _complete(context, tenant, user, challenge, decision.rule, message=remind)
    return challenges.begin(context, tenant, user, decision)


def _complete(
    context: Context,
    tenant: TenantRow,
    user: UserRecord,
    challenge: ChallengeRecord | None,
    rule: Rule,
    *,
    message: str = "",
    factor: str = "",
) -> SignInAnswer:
    if challenge is not None and not sessions.use_challenge(context.connection, challenge.pk, context.now):
        return challenges.over(context)
    users.note_sign_in(context.connection, user.pk, context.now)
    token = new_token()
    values: dict[str, object] = {
        "id": context.new_id(),
        "tenant_pk": tenant.pk,
        "user_pk": user.pk,
        "channel": context.source.channel,
        "address": context.source.address,
        "created": context.now,
        "last_seen": context.now,
        "proved": context.now if factor or user.status is not BindingStatus.BOUND else 0,  # a phone not shown: not yet
        "expires": context.now + ABSOLUTE,
    }
    sessions.add_session(context.connection, token, values)
    context.audit("sign-in", user, tenant=tenant, by=user.login, rule=rule, factor=factor)
    return SignInAnswer(SignInStatus.COMPLETE, token=token, message=message, server_time=when(context.now))


def _refused(locked_until: int, now: int) -> SignInAnswer:
    retry = when(locked_until) if now < locked_until < FOREVER else None
    return SignInAnswer(SignInStatus.REFUSED, message=REFUSED, server_time=when(now), retry_at=retry)
