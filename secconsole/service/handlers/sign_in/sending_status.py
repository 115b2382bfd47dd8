"""Delivery status of a code or key that someone waits for, by its purpose, whichever server sends it."""

from __future__ import annotations

from secconsole.domain.errors import Conflict
from secconsole.domain.messages.delivery import MessageState, outcome_words
from secconsole.domain.model import FactorKind, SignInStatus
from secconsole.operations.factors import ShowEnrollmentSending
from secconsole.operations.signin import SendStatus, ShowSignInSending
from secconsole.operations.step_up import ShowStepUpSending
from secconsole.service.context import Context, when
from secconsole.service.factors import challenges
from secconsole.service.factors.enrollment import key_attempt
from secconsole.service.factors.passcodes import enrollment_attempt, sign_in_attempt, step_up_attempt
from secconsole.service.handlers.factors import found_factor
from secconsole.service.registry import handles
from secconsole.store import outbox
from secconsole.store.rows import FactorRecord, UserRecord


@handles(ShowSignInSending)
def show_sign_in_sending(context: Context, operation: ShowSignInSending) -> SendStatus:
    if not operation.enrollment:
        if challenges.find(context, operation.challenge, SignInStatus.SECOND_FACTOR) is None:
            raise Conflict(challenges.OVER)
        return _status(context, sign_in_attempt(operation.challenge))
    pending = challenges.find(context, operation.challenge, SignInStatus.ENROLL)
    if pending is None:
        raise Conflict(challenges.OVER)
    return _of_enrollment(context, pending.user, challenges.own_enrollment(pending, operation.enrollment))


@handles(ShowStepUpSending)
def show_step_up_sending(context: Context, operation: ShowStepUpSending) -> SendStatus:
    session = context.actor.session
    return _status(context, step_up_attempt(session.id)) if session is not None else SendStatus(None)


@handles(ShowEnrollmentSending)
def show_enrollment_sending(context: Context, operation: ShowEnrollmentSending) -> SendStatus:
    return _of_enrollment(context, context.target, found_factor(context, operation.enrollment))


def _of_enrollment(context: Context, user: UserRecord, factor: FactorRecord) -> SendStatus:
    if factor.kind is FactorKind.TOTP:
        return _status(context, key_attempt(user))
    return _status(context, enrollment_attempt(factor.id))


def _status(context: Context, attempt: str) -> SendStatus:
    """Return the state of the newest message of an attempt, empty if nothing was sent for it."""
    found = outbox.newest(context.connection, attempt)
    if found is None:
        return SendStatus(None, server_time=when(context.now))
    going = found.state in (MessageState.WAITING, MessageState.SENDING)
    words = outcome_words(found.state, found.problem)
    return SendStatus(found.state, words, final=not going, server_time=when(context.now))
