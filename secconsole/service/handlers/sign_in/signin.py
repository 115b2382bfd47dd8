"""First step of a sign-in: login and password, with the answer decided by the table in `domain/policy.py`."""

from __future__ import annotations

from secconsole.domain.ident import is_id
from secconsole.domain.model import SignInStatus
from secconsole.domain.policy import Rule, decide_sign_in
from secconsole.domain.throttling.throttle import FORGET_AFTER, NONE, PARTLY, Bucket, tried, wait_until
from secconsole.domain.users.invitation import is_over
from secconsole.domain.users.login import login_key
from secconsole.operations.challenges import StartChallenge
from secconsole.operations.events import SIGN_IN
from secconsole.operations.signin import (
    SignIn,
    SignInAnswer,
)
from secconsole.service.context import Context, PasswordCheck, when
from secconsole.service.factors.refusals import note_refused
from secconsole.service.factors.sign_in_facts import bypass_now, sign_in_facts
from secconsole.service.factors.stand_in import NOBODY, stand_in_of
from secconsole.service.factors.throttling import (
    held_meanwhile,
    is_application,
    reserve,
    seen_here,
    throttle_of,
    uncount_failure,
)
from secconsole.service.handlers.sign_in.completion import go_on
from secconsole.service.registry import handles
from secconsole.store import factors, tenants, users
from secconsole.store.engine import metadata
from secconsole.store.rows import TenantRow, UserRecord
from secconsole.store.sign_in import throttles

FirstStep = SignIn | StartChallenge
REFUSED = "Sign-in failed. Check login and password. After several wrong entries wait a little."


def reserve_sign_in(context: Context, operation: FirstStep) -> PasswordCheck:
    """Count the attempt as failed before the password is checked, for existing and unknown accounts alike."""
    tenant, user = find_user(context, operation)
    stand_in = stand_in_of(context, tenant.pk if tenant else NOBODY, operation.login)
    if user is None:
        return _reserve_unknown(context, operation, tenant, stand_in)
    reserved, until = reserve(context, user)
    check = PasswordCheck(user.password_hash, reserved is not None, reserved)
    check.retry_at = until
    return check


def _reserve_unknown(context: Context, operation: FirstStep, tenant: TenantRow | None, stand_in: int) -> PasswordCheck:
    """Count a failed entry for an unknown login like one for its stand-in, with the same number of statements."""
    connection, now = context.connection, context.now
    seen = seen_here(context, stand_in)
    if is_application(context):  # existing accounts count as strangers too
        seen = None
    subject = _subject(context, operation, tenant, Bucket.STRANGERS if seen is None else Bucket.KNOWN)
    run = metadata.unknown_run(connection, subject)
    if seen is not None and run.last < seen <= now:  # a sign-in from a known network ends the delay there
        run = NONE
    until = wait_until(run, now)
    if not until:
        run = tried(run, now)
        until = wait_until(run, now)
        metadata.keep_unknown(connection, subject, run)
        # The result is not needed. Existing accounts are looked up here too, and that takes time.
        throttles.has_known(connection, stand_in, now)
        metadata.forget_unknown(connection, now - FORGET_AFTER)
    check = PasswordCheck(None, False)
    check.retry_at = until
    return check


@handles(SignIn, reserve=reserve_sign_in)
def sign_in(context: Context, operation: SignIn) -> SignInAnswer:
    context.opens_session = operation.session
    return check_sign_in(context, operation)


def check_sign_in(context: Context, operation: FirstStep) -> SignInAnswer:
    """Decide about login and password, once the password was checked."""
    check = context.password or PasswordCheck(None, False)
    tenant, user = find_user(context, operation)
    if user is None or tenant is None:
        if tenant is not None:
            note_refused(context, tenant, None)
        context.unchanged = True
        return refused(check.retry_at, context.now)
    right = check.right and user.password_hash == check.stored  # unless it was replaced during the check
    right = right and not is_over(user.password_until, context.now)
    if not right or user.disabled:  # line 1 of the table; reading more of the account first would take time
        note_refused(context, tenant, user, Rule.REFUSED, check.reserved)
        return refused(check.retry_at, context.now)
    counted = throttle_of(context, user)
    held_back = check.reserved is None or held_meanwhile(context, counted, check.reserved)
    live = factors.live_factors(context.connection, user.pk)
    code = bypass_now(context, user)
    decision = decide_sign_in(sign_in_facts(context, tenant, user, live, code, right=True, held_back=held_back))
    # the attempt stays counted: no answer reveals that the password is right
    if decision.status is SignInStatus.REFUSED:
        if decision.rule is Rule.NETWORK:
            # With an entry each time, because the password was right. Attempts are counted, so there are few.
            context.audit(SIGN_IN, user, outcome="refused", tenant=tenant, rule=decision.rule)
        else:
            note_refused(context, tenant, user, decision.rule, check.reserved)
        return refused(check.retry_at, context.now)
    if check.reserved is not None:
        uncount_failure(context, user, counted, check.reserved)
    # The hash had earlier costs, and now the password is at hand.
    if check.new_hash:
        users.set_password_hash(context.connection, user.pk, user.password_hash, check.new_hash)
    return go_on(context, tenant, user, decision, live, code)


def find_user(context: Context, operation: FirstStep) -> tuple[TenantRow | None, UserRecord | None]:
    tenant = tenants.tenant_by_name(context.connection, operation.tenant)
    if tenant is None:
        return None, None
    found = users.user_by_name(context.connection, tenant.pk, operation.login)
    return tenant, None if is_id(operation.login.strip()) else found  # nobody signs in by an id, or sees who has one


def _subject(context: Context, operation: FirstStep, tenant: TenantRow | None, bucket: Bucket) -> bytes:
    name = tenant.id if tenant else operation.tenant.strip().casefold()  # by its name or id, with one count for both
    return context.keys.lookup(f"{bucket}\0{name}\0{login_key(operation.login)}")


def refused(until: int, now: int) -> SignInAnswer:
    retry = when(until) if now < until < PARTLY else None
    return SignInAnswer(SignInStatus.REFUSED, message=REFUSED, server_time=when(now), retry_at=retry)
