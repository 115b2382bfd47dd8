"""Start of a sign-in to an application, which continues like any other and opens no session."""

from __future__ import annotations

from secconsole.domain.errors import Unfit
from secconsole.domain.model import SignInStatus
from secconsole.domain.networks.network_rules import parse_address
from secconsole.domain.policy import Rule, decide_sign_in
from secconsole.operations.challenges import StartChallenge
from secconsole.operations.signin import SignInAnswer
from secconsole.service.context import Application, Context, PasswordCheck
from secconsole.service.factors.refusals import note_refused
from secconsole.service.factors.sign_in_facts import bypass_now, sign_in_facts
from secconsole.service.factors.throttling import held, held_words
from secconsole.service.handlers.sign_in.completion import go_on, refused_in_words
from secconsole.service.handlers.sign_in.signin import check_sign_in, find_user, refused, reserve_sign_in
from secconsole.service.registry import handles
from secconsole.store import factors
from secconsole.store.rows import TenantRow, UserRecord

DISABLED = "The account is disabled."
WORDS = {
    Rule.NETWORK: "The tenant does not allow the network that the user is in.",
    Rule.FROZEN: "Sign-ins are frozen after a breach, until an administrator thaws them.",
}


def reserve_challenge(context: Context, operation: StartChallenge) -> PasswordCheck:
    """Count the attempt if there is a password to check, as at a sign-in."""
    context.application = _application(context, operation)
    if operation.password is None:
        return PasswordCheck(None, allowed=False, needed=False)
    return reserve_sign_in(context, operation)


@handles(StartChallenge, reserve=reserve_challenge)
def start_challenge(context: Context, operation: StartChallenge) -> SignInAnswer:
    context.opens_session, context.application = False, _application(context, operation)
    if operation.password is not None:
        return check_sign_in(context, operation)
    tenant, user = find_user(context, operation)
    if tenant is None or user is None:
        if tenant is not None:
            note_refused(context, tenant, None)
        context.unchanged = True
        return refused(0, context.now)
    return _without_password(context, tenant, user)


def _without_password(context: Context, tenant: TenantRow, user: UserRecord) -> SignInAnswer:
    """Decide by the table of sign-ins, in which the password counts as correct."""
    if words := context.why_not(user, StartChallenge.spec):
        return refused_in_words(context, tenant, user, Rule.REFUSED, words)
    until = held(context, user)
    live, code = factors.live_factors(context.connection, user.pk), bypass_now(context, user)
    decision = decide_sign_in(sign_in_facts(context, tenant, user, live, code, right=True, held_back=until > 0))
    if decision.status is SignInStatus.REFUSED:
        usual = DISABLED if user.disabled else held_words(context, until)
        return refused_in_words(context, tenant, user, decision.rule, WORDS.get(decision.rule, usual))
    return go_on(context, tenant, user, decision, live, code)


def _application(context: Context, operation: StartChallenge) -> Application:
    """Return the application as the audit names it, by its key."""
    address = parse_address(operation.address) if operation.address else ""
    if address is None:
        raise Unfit("That is not an IP address.", "address")
    token = context.actor.token
    if token is None:
        return Application(context.actor.login, client=str(address))
    return Application(token.name or token.id, token.id if token.is_key else "", str(address))
