"""The session one has: who it stands for, proving again that it is oneself, and ending it."""

from __future__ import annotations

from collections.abc import Sequence

from secconsole.domain.delivery import Purpose
from secconsole.domain.errors import NotFound, NotSignedIn
from secconsole.domain.model import FactorState
from secconsole.domain.recovery import is_renewal_due
from secconsole.domain.secret import Secret
from secconsole.domain.throttle import FOREVER, is_held
from secconsole.operations.signin import CodeSent, Identity, Proof, SendStepUpCode, SignOut, StepUp, WhoAmI
from secconsole.service.authorise import SESSION_ENDED, STEP_UP
from secconsole.service.codes import check_code, count_failure, held_words, take_back
from secconsole.service.context import Context, PasswordCheck, when, when_or_none
from secconsole.service.handlers import handles
from secconsole.service.passcodes import SENT_KINDS, step_up_attempt
from secconsole.service.recovery import RECOVERY, check_recovery_code, is_recovery_code
from secconsole.service.sent_factors import send_code
from secconsole.service.views import masked
from secconsole.store import factors, recovery, sessions, users
from secconsole.store.keys import new_token
from secconsole.store.rows import FactorRecord, UserRecord


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
        step_up_until=when(session.proved + STEP_UP) if session and session.proved else None,
        email=user.email if user else "",
        recovery_left=recovery.count_left(context.connection, user.pk) if user else 0,
        renew_recovery=user is not None and is_renewal_due(recovery.count_used(context.connection, user.pk)),
    )


def reserve_step_up(context: Context, operation: StepUp) -> PasswordCheck:
    """As at sign-in: the try is counted first."""
    user = context.actor.user
    if user is None:
        return PasswordCheck(None, True)
    allowed = not is_held(user.locked_until, context.now)
    reserved = count_failure(context, user) if allowed else 0
    return PasswordCheck(user.password_hash, allowed, reserved)


@handles(StepUp, reserve=reserve_step_up)
def step_up(context: Context, operation: StepUp) -> Proof:
    user, session, check = context.actor.user, context.actor.session, context.password
    if user is None or session is None:  # the owner of the store has nothing to prove
        context.unchanged = True
        return Proof(True)
    message, wrong = "The password or the code is not right.", "password"
    if check is not None and check.right and user.password_hash == check.stored:
        wrong = "code"
        user = take_back(context, user)
        live = factors.live_factors(context.connection, user.pk)
        active = [f for f in live if f.state is FactorState.ACTIVE]
        accepted, message, shown = _check(context, user, operation.code, active, step_up_attempt(session.id))
        if accepted:
            token = new_token()
            if not sessions.renew_session(context.connection, session, token, now=context.now):
                raise NotSignedIn(SESSION_ENDED)
            users.note_failure(context.connection, user.pk, failures=0, locked_until=0)
            context.audit("step-up", user, factor=shown)
            now = when(context.now)
            return Proof(True, message, until=when(context.now + STEP_UP), server_time=now, token=token)
    elif check is not None and not check.allowed:
        message, wrong = held_words(context, user), ""
    context.audit("step-up", user, outcome="refused")
    return Proof(False, message, server_time=when(context.now), wrong=wrong)


def _check(
    context: Context, user: UserRecord, code: Secret[str], active: Sequence[FactorRecord], attempt: str
) -> tuple[bool, str, str]:
    """Whether the second factor was shown, or there is none to show; what to say; and what was shown."""
    if not active:
        return True, "", ""
    if is_recovery_code(code):
        left, message = check_recovery_code(context, context.tenant, user, code)
        return left is not None, message, RECOVERY
    factor, message = check_code(context, user, code, active, attempt)
    return factor is not None, message, str(factor.kind) if factor else ""


@handles(SendStepUpCode)
def send_step_up_code(context: Context, operation: SendStepUpCode) -> CodeSent:
    user, session = context.actor.user, context.actor.session
    live = factors.live_factors(context.connection, user.pk) if user else []
    active = (f for f in live if f.state is FactorState.ACTIVE and f.kind in SENT_KINDS)
    factor = next((f for f in active if f.id == operation.factor), None)
    if user is None or session is None or factor is None:
        raise NotFound("No code can be sent there. Pick one of your own addresses or numbers.")
    if is_held(user.locked_until, context.now):  # as at sign-in: a code could not be used, and would cost money
        context.unchanged = True
        retry = when(user.locked_until) if user.locked_until < FOREVER else None
        return CodeSent(False, "", masked(factor), held_words(context, user), retry_at=retry)
    issued = send_code(context, context.tenant, user, factor, Purpose.STEP_UP, step_up_attempt(session.id))
    expires = when_or_none(issued.expires)
    return CodeSent(issued.sent, issued.prefix, issued.masked, issued.message, expires, when(issued.retry_at))


@handles(SignOut)
def sign_out(context: Context, operation: SignOut) -> None:
    if context.actor.session is not None:
        sessions.end_session(context.connection, context.actor.session.pk, now=context.now, why="signed out")
        context.audit("sign-out", context.actor.user)
