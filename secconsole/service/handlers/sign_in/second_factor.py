"""The second factor of a sign-in: codes for it, and checks of them."""

from __future__ import annotations

from secconsole.domain.errors import NotFound
from secconsole.domain.messages.delivery import Purpose
from secconsole.domain.model import SENT_KINDS, FactorState, SignInStatus
from secconsole.domain.networks.network import network_of
from secconsole.domain.policy import Rule, decide_second_factor
from secconsole.domain.roles import Role
from secconsole.domain.secret import Secret
from secconsole.operations.caller import Credential, Source
from secconsole.operations.events import FACTOR_CONFIRMED
from secconsole.operations.signin import (
    SendCode,
    SignInAnswer,
    VerifySignIn,
)
from secconsole.service.context import Context
from secconsole.service.factors import challenges
from secconsole.service.factors.bypass import BYPASS, check_bypass_code, is_bypass_code
from secconsole.service.factors.challenges import PendingSignIn
from secconsole.service.factors.codes import check_code
from secconsole.service.factors.passcodes import sign_in_attempt, why_no_code
from secconsole.service.factors.sent_factors import send_code
from secconsole.service.factors.throttling import (
    from_new_network,
    held,
    held_words,
)
from secconsole.service.handlers.recovery import RECOVERY, check_recovery_code, is_recovery_code
from secconsole.service.handlers.sign_in.completion import complete_pending
from secconsole.service.registry import handles
from secconsole.store.engine.ahead import Ahead
from secconsole.store.rows import UserRecord
from secconsole.store.sealing.keys import token_hash
from secconsole.store.sign_in.read_ahead import sign_in_ahead

SIGNED_IN_WITH_BYPASS = "The bypass code is used up. It does not let you bind a factor or confirm dangerous actions."


def _verify_ahead(operation: VerifySignIn, credential: Credential, source: Source) -> Ahead:
    network = network_of(source.address) or ""
    return sign_in_ahead(token_hash(operation.challenge), sign_in_attempt(operation.challenge), network)


@handles(VerifySignIn, ahead=_verify_ahead)
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
        return complete_pending(pending, _asked_by(user), message=message, factor=RECOVERY)
    usable = challenges.usable_at_sign_in(pending.live_factors)
    among = [f for f in usable if not operation.factor or f.id == operation.factor]
    factor, message = check_code(context, user, operation.code, among, attempt)
    if factor is None:
        return challenges.wrong_code(pending, message)
    # An administrator entered it, and the code that came back confirms it.
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
    return complete_pending(pending, _asked_by(user), factor=str(factor.kind))


def _with_bypass_code(pending: PendingSignIn, code: Secret[str]) -> SignInAnswer:
    context, tenant, user = pending.context, pending.tenant, pending.user
    # Before the code is used, because whether one works is among the facts.
    asked = decide_second_factor(challenges.facts_of(pending))
    accepted, message = check_bypass_code(context, tenant, user, code)
    if not accepted:
        return challenges.wrong_code(pending, message)
    return complete_pending(pending, asked.rule, message=SIGNED_IN_WITH_BYPASS, factor=BYPASS)


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


def _asked_by(user: UserRecord) -> Rule:
    """Return the rule under which a factor was asked for and shown, which is active by now."""
    return Rule.PLATFORM_ADMIN if user.role is Role.PLATFORM_ADMIN else Rule.HAS_FACTOR
