"""The actor's session: its owner, step-up, and signing out."""

from __future__ import annotations

from collections.abc import Sequence

from secconsole.domain.errors import NotFound, NotSignedIn
from secconsole.domain.factors.recovery import is_renewal_due
from secconsole.domain.messages.delivery import Purpose
from secconsole.domain.model import SENT_KINDS, FactorState
from secconsole.domain.secret import Secret
from secconsole.domain.throttling.throttle import MOST_IN_SESSION, PARTLY, Bucket
from secconsole.operations import events
from secconsole.operations.signin import Identity, SignOut, WhoAmI
from secconsole.operations.step_up import CodeSent, Proof, SendStepUpCode, StepUp
from secconsole.service.authorise import SESSION_ENDED, fresh_for
from secconsole.service.context import Context, PasswordCheck, when, when_or_none
from secconsole.service.factors.bypass import BYPASS, NOT_ENOUGH
from secconsole.service.factors.codes import check_code
from secconsole.service.factors.passcodes import step_up_attempt, why_no_code
from secconsole.service.factors.sent_factors import send_code
from secconsole.service.factors.throttling import (
    held,
    held_words,
    note_hold,
    note_right_code,
    reserve,
    throttle_of,
    uncount_failure,
)
from secconsole.service.handlers.recovery import RECOVERY, check_recovery_code, is_recovery_code
from secconsole.service.registry import handles
from secconsole.service.views import masked
from secconsole.store import factors
from secconsole.store.rows import FactorRecord, SessionRecord, UserRecord
from secconsole.store.sealing.keys import new_token
from secconsole.store.sign_in import recovery, sessions


@handles(WhoAmI)
def who_am_i(context: Context, operation: WhoAmI) -> Identity:
    actor, session, user = context.actor, context.actor.session, context.actor.user
    return Identity(
        id=actor.id,
        login=actor.login,
        name=user.name if user else "",
        role=actor.role,
        tenant=context.found_tenant.name if context.found_tenant else "",
        bound=user is not None and user.status == "bound",
        signed_in_at=when(session.created) if session else None,
        ends_at=when(session.expires) if session else None,
        proved_at=when_or_none(session.proved) if session else None,
        step_up_until=when(session.proved + fresh_for(context)) if session and session.proved else None,
        email=user.email if user else "",
        recovery_left=recovery.count_left(context.connection, user.pk) if user else 0,
        step_up_minutes=fresh_for(context) // 60_000,
        renew_recovery=user is not None and is_renewal_due(recovery.count_used(context.connection, user.pk)),
    )


def reserve_step_up(context: Context, operation: StepUp) -> PasswordCheck:
    """Count the attempt before the password is checked, as at sign-in and for the session too."""
    user, session = context.actor.user, context.actor.session
    if user is None or session is None:
        return PasswordCheck(None, True)
    if session.failures >= MOST_IN_SESSION:  # the answer that would have ended it was never sent
        return PasswordCheck(user.password_hash, False)
    reserved, _ = reserve(context, user, Bucket.STEP_UP)
    if reserved is not None:
        sessions.note_failures(context.connection, session.pk, session.failures + 1)
    is_needed = bool(operation.password.reveal()) or not _active(context, user)
    return PasswordCheck(user.password_hash, reserved is not None, reserved, needed=is_needed)


def _active(context: Context, user: UserRecord) -> list[FactorRecord]:
    live = factors.live_factors(context.connection, user.pk)
    return [factor for factor in live if factor.state is FactorState.ACTIVE]


@handles(StepUp, reserve=reserve_step_up)
def step_up(context: Context, operation: StepUp) -> Proof:
    user, session, check = context.actor.user, context.actor.session, context.password
    if user is None or session is None:  # the owner of the store has nothing to prove
        context.unchanged = True
        return Proof(True)
    message, wrong = "The password or the code is wrong.", "password"
    active = _active(context, user)
    if check is None or not check.allowed:
        until = held(context, user, Bucket.STEP_UP)
        message, wrong = held_words(context, until) if until else "", ""
    elif _shows_password(check, user) or (active and not check.needed):
        wrong = "code"
        # Only now: until the password was right the attempt counted, so guesses at the same time cannot exceed the
        # limit.
        if check.reserved is not None:
            uncount_failure(context, user, throttle_of(context, user), check.reserved)
        if not active and session.factor == BYPASS:  # the password alone would make it more than it is
            return _not_counted(context, user, session, NOT_ENOUGH)
        if active and (why := why_no_code(context, operation.code, step_up_attempt(session.id))):
            return _not_counted(context, user, session, why)
        accepted, message, shown = _check(context, user, operation.code, active, step_up_attempt(session.id))
        if accepted:
            token = new_token()
            # A step-up at the same time was faster, and its token has replaced the one of this request.
            if not sessions.renew_session(context.connection, session, token, now=context.now, factor=shown):
                raise NotSignedIn(SESSION_ENDED)
            note_right_code(context, user, Bucket.STEP_UP)
            context.audit(events.STEP_UP, user, factor=shown)
            now = when(context.now)
            return Proof(True, message, until=when(context.now + fresh_for(context)), server_time=now, token=token)
    if wrong == "password" and check is not None and check.reserved is not None:
        note_hold(context, user, check.reserved.bucket, check.reserved.holds_until)
    # `reserve_step_up` has counted this attempt already.
    left = MOST_IN_SESSION - session.failures
    if left <= 0:
        sessions.end_session(context.connection, session.pk, now=context.now, why="wrong proofs")
        context.audit(events.STEP_UP, user, outcome="refused", sessions_ended=1)
        message = f"{message} {SESSION_ENDED}".strip()
        return Proof(False, message, server_time=when(context.now), wrong=wrong, left=0)
    context.audit(events.STEP_UP, user, outcome="refused")
    return Proof(False, message, server_time=when(context.now), wrong=wrong, left=left)


def _shows_password(check: PasswordCheck, user: UserRecord) -> bool:
    return check.right and user.password_hash == check.stored


def _not_counted(context: Context, user: UserRecord, session: SessionRecord, why: str) -> Proof:
    """Refuse a text that cannot be a code, and uncount the attempt, because it was not a guess."""
    failures = max(0, session.failures - 1)
    sessions.note_failures(context.connection, session.pk, failures)
    context.audit(events.STEP_UP, user, outcome="refused")
    return Proof(False, why, server_time=when(context.now), wrong="code", left=MOST_IN_SESSION - failures)


def _check(
    context: Context, user: UserRecord, code: Secret[str], active: Sequence[FactorRecord], attempt: str
) -> tuple[bool, str, str]:
    """Return True if the second factor was shown or is not needed, a message, and the kind of the factor."""
    if not active:
        return True, "", ""
    if is_recovery_code(code):
        left, message = check_recovery_code(context, context.tenant, user, code, Bucket.STEP_UP)
        return left is not None, message, RECOVERY
    factor, message = check_code(context, user, code, active, attempt, Bucket.STEP_UP)
    return factor is not None, message, str(factor.kind) if factor else ""


@handles(SendStepUpCode)
def send_step_up_code(context: Context, operation: SendStepUpCode) -> CodeSent:
    user, session = context.actor.user, context.actor.session
    live = factors.live_factors(context.connection, user.pk) if user else []
    active = (f for f in live if f.state is FactorState.ACTIVE and f.kind in SENT_KINDS)
    factor = next((f for f in active if f.id == operation.factor), None)
    if user is None or session is None or factor is None:
        raise NotFound("Codes cannot be sent there. Choose one of your own addresses or numbers.")
    if until := held(context, user, Bucket.STEP_UP):  # as at sign-in: the code could not be used, and would cost money
        context.unchanged = True
        retry = when(until) if until < PARTLY else None
        return CodeSent(False, "", masked(factor), held_words(context, until), retry_at=retry)
    issued = send_code(context, context.tenant, user, factor, Purpose.STEP_UP, step_up_attempt(session.id))
    expires = when_or_none(issued.expires)
    return CodeSent(issued.sent, issued.prefix, issued.masked, issued.message, expires, when(issued.retry_at))


@handles(SignOut)
def sign_out(context: Context, operation: SignOut) -> None:
    if context.actor.session is not None:
        sessions.end_session(context.connection, context.actor.session.pk, now=context.now, why="signed out")
        context.audit(events.SIGN_OUT, context.actor.user)
