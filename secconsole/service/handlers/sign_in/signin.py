"""Sign-in step by step, with each answer decided by the table in `domain/policy.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import sqlalchemy as sa

from secconsole.domain.audit.alert_rules import DORMANT_DAYS, days_asleep
from secconsole.domain.errors import Conflict, NotFound
from secconsole.domain.ident import is_id
from secconsole.domain.messages.delivery import Purpose
from secconsole.domain.model import SENT_KINDS, BindingStatus, FactorState, PolicyMode, SignInStatus
from secconsole.domain.policy import Decision, Rule, decide_second_factor, decide_sign_in
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.domain.throttling.throttle import FORGET_AFTER, NONE, PARTLY, Bucket, tried, wait_until
from secconsole.domain.users.invitation import is_over
from secconsole.domain.users.login import login_key
from secconsole.domain.users.password import SHORTEST, SHORTEST_ALONE, check_length, check_password
from secconsole.operations.events import DORMANT_SIGN_IN, FACTOR_CONFIRMED, PASSWORD_CHANGED, SIGN_IN
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
from secconsole.service.authorise import ABSOLUTE
from secconsole.service.context import Context, PasswordCheck, when
from secconsole.service.factors import challenges
from secconsole.service.factors.bypass import BYPASS, check_bypass_code, is_bypass_code
from secconsole.service.factors.challenges import PendingSignIn
from secconsole.service.factors.codes import check_code
from secconsole.service.factors.enrollment import confirm_enrollment, start_enrollment
from secconsole.service.factors.networks import confirm_by_sign_in
from secconsole.service.factors.passcodes import sign_in_attempt, why_no_code
from secconsole.service.factors.refusals import note_refused
from secconsole.service.factors.sent_factors import send_code
from secconsole.service.factors.sign_in_facts import bypass_now, grace_end, sign_in_facts
from secconsole.service.factors.stand_in import NOBODY, stand_in_of
from secconsole.service.factors.throttling import (
    from_new_network,
    held,
    held_meanwhile,
    held_words,
    note_sign_in,
    reserve,
    seen_here,
    throttle_of,
    uncount_failure,
)
from secconsole.service.handlers.key_mail import send_key
from secconsole.service.handlers.recovery import RECOVERY, check_recovery_code, is_recovery_code
from secconsole.service.registry import handles
from secconsole.store import factors, tenants, users
from secconsole.store.engine import metadata
from secconsole.store.rows import BypassRecord, FactorRecord, TenantRow, UserRecord
from secconsole.store.sealing.keys import new_token
from secconsole.store.sign_in import sessions, throttles

SIGNED_IN_WITH_BYPASS = "The bypass code is used up. It does not let you bind a factor or confirm dangerous actions."
REFUSED = "Sign-in failed. Check login and password. After several wrong entries wait a little."


def reserve_sign_in(context: Context, operation: SignIn) -> PasswordCheck:
    """Count the attempt as failed before the password is checked, for existing and unknown accounts alike."""
    tenant, user = _find(context, operation)
    stand_in = stand_in_of(context, tenant.pk if tenant else NOBODY, operation.login)
    if user is None:
        return _reserve_unknown(context, operation, tenant, stand_in)
    reserved, until = reserve(context, user)
    check = PasswordCheck(user.password_hash, reserved is not None, reserved)
    check.retry_at = until
    return check


def _reserve_unknown(context: Context, operation: SignIn, tenant: TenantRow | None, stand_in: int) -> PasswordCheck:
    """Count a failed entry for an unknown login like one for its stand-in, with the same number of statements."""
    connection, now = context.connection, context.now
    seen = seen_here(context, stand_in)
    subject = _subject(context, operation, tenant, Bucket.STRANGERS if seen is None else Bucket.KNOWN)
    run = metadata.unknown_run(connection, subject)
    if seen is not None and run.last < seen <= now:  # a sign-in from a known network ends the delay there
        run = NONE
    until = wait_until(run, now)
    if not until:
        run = tried(run, now)
        until = wait_until(run, now)
        metadata.keep_unknown(connection, subject, run)
        throttles.has_known(connection, stand_in, now)
        metadata.forget_unknown(connection, now - FORGET_AFTER)
    check = PasswordCheck(None, False)
    check.retry_at = until
    return check


@handles(SignIn, reserve=reserve_sign_in)
def sign_in(context: Context, operation: SignIn) -> SignInAnswer:
    check = context.password or PasswordCheck(None, False)
    tenant, user = _find(context, operation)
    if user is None or tenant is None:
        if tenant is not None:
            note_refused(context, tenant, None)
        context.unchanged = True
        return _refused(check.retry_at, context.now)
    right = check.right and user.password_hash == check.stored  # unless it was replaced during the check
    right = right and not is_over(user.password_until, context.now)
    if not right or user.disabled:  # line 1 of the table; reading more of the account first would take time
        note_refused(context, tenant, user, Rule.REFUSED, check.reserved)
        return _refused(check.retry_at, context.now)
    counted = throttle_of(context, user)
    held_back = check.reserved is None or held_meanwhile(context, counted, check.reserved)
    live = factors.live_factors(context.connection, user.pk)
    code = bypass_now(context, user)
    decision = decide_sign_in(sign_in_facts(context, tenant, user, live, code, right=True, held_back=held_back))
    # the attempt stays counted: no answer reveals that the password is right
    if decision.status is SignInStatus.REFUSED:
        if decision.rule is not Rule.NETWORK:
            note_refused(context, tenant, user, decision.rule, check.reserved)
        # a right password from a forbidden network gets an entry each time: attempts are counted, so there are few
        else:
            context.audit(SIGN_IN, user, outcome="refused", tenant=tenant, rule=decision.rule)
        return _refused(check.retry_at, context.now)
    if check.reserved is not None:
        uncount_failure(context, user, counted, check.reserved)
    if check.new_hash:
        users.set_password_hash(context.connection, user.pk, user.password_hash, check.new_hash)
    return _go_on(context, tenant, user, decision, live, code)


@handles(VerifySignIn)
def verify_sign_in(context: Context, operation: VerifySignIn) -> SignInAnswer:
    pending = challenges.find(context, operation.challenge, SignInStatus.SECOND_FACTOR)
    if pending is None:
        return challenges.not_found(context, operation.challenge)
    tenant, user = pending.tenant, pending.user
    attempt = sign_in_attempt(operation.challenge)
    if is_bypass_code(operation.code):  # it replaces whichever factor was chosen
        return _with_bypass_code(pending, operation.code)
    if why := why_no_code(context, operation.code, attempt):
        context.unchanged = True
        return challenges.waiting(pending, why, user.locked_until)
    if is_recovery_code(operation.code):  # it replaces whichever factor was chosen
        recovered, message = check_recovery_code(context, tenant, user, operation.code)
        if recovered is None:
            return challenges.wrong_code(pending, message)
        return _complete_pending(pending, _asked_by(user), message=message, factor=RECOVERY)
    usable = challenges.usable_at_sign_in(pending.live_factors)
    among = [f for f in usable if not operation.factor or f.id == operation.factor]
    factor, message = check_code(context, user, operation.code, among, attempt)
    if factor is None:
        return challenges.wrong_code(pending, message)
    if factor.state is FactorState.PENDING:
        context.audit(
            FACTOR_CONFIRMED,
            user,
            tenant=tenant,
            by=user.login,
            kind=factor.kind,
            factor=factor.id,
            **from_new_network(context, user),
        )
    return _complete_pending(pending, _asked_by(user), factor=str(factor.kind))


def _with_bypass_code(pending: PendingSignIn, code: Secret[str]) -> SignInAnswer:
    context, tenant, user = pending.context, pending.tenant, pending.user
    asked = decide_second_factor(challenges.facts_of(pending))
    accepted, message = check_bypass_code(context, tenant, user, code)
    if not accepted:
        return challenges.wrong_code(pending, message)
    return _complete_pending(pending, asked.rule, message=SIGNED_IN_WITH_BYPASS, factor=BYPASS)


@handles(SendCode)
def send_sign_in_code(context: Context, operation: SendCode) -> SignInAnswer:
    pending = challenges.find(context, operation.challenge, SignInStatus.SECOND_FACTOR)
    if pending is None:
        return challenges.not_found(context, operation.challenge)
    usable = challenges.usable_at_sign_in(pending.live_factors)
    factor = next((f for f in usable if f.id == operation.factor and f.kind in SENT_KINDS), None)
    if factor is None:
        raise NotFound("Codes cannot be sent there. Choose one of the addresses or numbers that are offered.")
    if until := held(context, pending.user):  # the code could not be used, and would cost money
        context.unchanged = True
        return challenges.waiting(pending, held_words(context, until), until)
    attempt = sign_in_attempt(operation.challenge)
    issued = send_code(context, pending.tenant, pending.user, factor, Purpose.SIGN_IN, attempt)
    message = f"A code is on its way to {issued.masked}." if issued.sent else issued.message
    return challenges.waiting(pending, message, issued.retry_at, sent=issued.sent)


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
    bound = replace(pending, user=users.user_by_pk(context.connection, user.pk))
    return _complete_pending(bound, Rule.REQUIRED, factor=str(factor.kind))


def _choosing(context: Context, operation: ChoosePassword) -> PendingSignIn | None:
    """Return the sign-in that a new password is for, or raise `Invalid` for an unacceptable password."""
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
    if not sessions.use_challenge(context.connection, pending.challenge.pk, context.now):
        return challenges.over(context)
    sessions.end_sessions(context.connection, pending.user.pk, now=context.now, why="new password")
    change = {"password_hash": new_hash, "must_reset": False, "password_until": 0}
    user = users.change_user(context.connection, pending.user.pk, **change)
    context.audit(PASSWORD_CHANGED, user, tenant=tenant, by=user.login)
    decision = decide_second_factor(challenges.facts_of(replace(pending, user=user)))
    return _go_on(context, tenant, user, decision, pending.live_factors, pending.bypass)


def tenant_of(connection: sa.Connection, user: UserRecord) -> TenantRow:
    return tenants.tenant_by_pk(connection, user.tenant_pk)


def shortest_password(tenant: TenantRow) -> int:
    """Return the minimum length of passwords in a tenant, which is shorter if a second factor is always required."""
    return SHORTEST if tenant.policy is PolicyMode.REQUIRED else SHORTEST_ALONE


def _find(context: Context, operation: SignIn) -> tuple[TenantRow | None, UserRecord | None]:
    tenant = tenants.tenant_by_name(context.connection, operation.tenant)
    if tenant is None:
        return None, None
    found = users.user_by_name(context.connection, tenant.pk, operation.login)
    return tenant, None if is_id(operation.login.strip()) else found  # nobody signs in by an id, or sees who has one


def _subject(context: Context, operation: SignIn, tenant: TenantRow | None, bucket: Bucket) -> bytes:
    name = tenant.id if tenant else operation.tenant.strip().casefold()  # by its name or id, with one count for both
    return context.keys.lookup(f"{bucket}\0{name}\0{login_key(operation.login)}")


def _asked_by(user: UserRecord) -> Rule:
    """Return the rule under which a factor was asked for and shown, which is active by now."""
    return Rule.PLATFORM_ADMIN if user.role is Role.PLATFORM_ADMIN else Rule.HAS_FACTOR


def _reminder(end: int) -> str:
    at = datetime.fromtimestamp(end / 1000, UTC)
    return f"A second factor will be required from {at:%Y-%m-%d %H:%M} UTC on. Bind one now: press 7, then e."


def _go_on(
    context: Context,
    tenant: TenantRow,
    user: UserRecord,
    decision: Decision,
    live: Sequence[FactorRecord],
    code: BypassRecord | None,
) -> SignInAnswer:
    if decision.status is SignInStatus.COMPLETE:
        remind = _reminder(grace_end(tenant, user, context.now)) if decision.remind else ""
        return _complete(context, tenant, user, decision.rule, message=remind)
    return challenges.begin(context, tenant, user, decision, live, code)


def _complete_pending(pending: PendingSignIn, rule: Rule, *, message: str = "", factor: str = "") -> SignInAnswer:
    """Complete a sign-in whose challenge nobody has used meanwhile."""
    context = pending.context
    if not sessions.use_challenge(context.connection, pending.challenge.pk, context.now):
        return challenges.over(context)
    return _complete(context, pending.tenant, pending.user, rule, message=message, factor=factor)


def _complete(
    context: Context, tenant: TenantRow, user: UserRecord, rule: Rule, *, message: str = "", factor: str = ""
) -> SignInAnswer:
    note_sign_in(context, user)
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
        # not for a bound factor that was not shown, and never for a code that the helpdesk gave out
        "proved": context.now if _is_proof(user, factor) else 0,
        "expires": context.now + ABSOLUTE,
        "factor": factor,
    }
    sessions.add_session(context.connection, token, values)
    context.audit(SIGN_IN, user, tenant=tenant, by=user.login, rule=rule, factor=factor)
    if (days := days_asleep(user.last_sign_in, context.now)) >= DORMANT_DAYS:
        context.audit(DORMANT_SIGN_IN, user, tenant=tenant, by=user.login, days=days)
    confirm_by_sign_in(context, tenant, user)
    return SignInAnswer(SignInStatus.COMPLETE, token=token, message=message, server_time=when(context.now))


def _is_proof(user: UserRecord, factor: str) -> bool:
    return factor != BYPASS if factor else user.status is not BindingStatus.BOUND


def _refused(until: int, now: int) -> SignInAnswer:
    retry = when(until) if now < until < PARTLY else None
    return SignInAnswer(SignInStatus.REFUSED, message=REFUSED, server_time=when(now), retry_at=retry)
