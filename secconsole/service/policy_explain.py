"""What would happen to somebody at sign-in, and why: the same facts and the same table as the sign-in itself."""

from __future__ import annotations

import ipaddress
from datetime import datetime

from secconsole.domain.errors import Invalid
from secconsole.domain.model import SignInStatus
from secconsole.domain.policy import Decision, Rule, SignInFacts, decide_second_factor, decide_sign_in
from secconsole.domain.throttle import FOREVER
from secconsole.operations.policy import ExplainSignIn, Explanation
from secconsole.service.context import Context, when
from secconsole.service.handlers import handles
from secconsole.service.sign_in_facts import grace_end, sign_in_facts
from secconsole.store.recovery import count_left
from secconsole.store.rows import UserRecord
from secconsole.store.whitelist import exemption_of

_MESSAGES = {
    SignInStatus.COMPLETE: "Let in with the password alone.",
    SignInStatus.SECOND_FACTOR: "Asked for the second factor.",
    SignInStatus.ENROLL: "Let in only after binding a factor.",
    SignInStatus.NEW_PASSWORD: "Asked to choose a new password first.",
    SignInStatus.REFUSED: "Refused, in the same words as for a wrong password.",
}


@handles(ExplainSignIn)
def explain_sign_in(context: Context, operation: ExplainSignIn) -> Explanation:
    user = context.target
    address = _checked(operation.address)
    facts = sign_in_facts(context, context.tenant, user, right=user.password_hash is not None)
    decision = decide_sign_in(facts)
    then = decide_second_factor(facts) if decision.status is SignInStatus.NEW_PASSWORD else None
    return Explanation(
        user=user.id,
        login=user.login,
        address=address,
        outcome=decision.status,
        rule=decision.rule,
        message=_message(decision, then),
        because=tuple(_because(context, user, facts, then or decision)),
        remind=(then or decision).remind,
        then_outcome=then.status if then else None,
        then_rule=then.rule if then else None,
        facts=facts,
        at=when(context.now),
    )


def _checked(address: str) -> str:
    try:
        return str(ipaddress.ip_address(address.strip())) if address.strip() else ""
    except ValueError:
        raise Invalid("That is no IP address. Give one such as 203.0.113.9 or 2001:db8::7.", "address") from None


def _message(decision: Decision, then: Decision | None) -> str:
    said = _MESSAGES[decision.status]
    return f"{said} After that: {_MESSAGES[then.status][0].lower()}{_MESSAGES[then.status][1:]}" if then else said


def _because(context: Context, user: UserRecord, facts: SignInFacts, decision: Decision) -> list[str]:
    """The facts that the table stopped at, in words."""
    if decision.rule is Rule.REFUSED:
        return _refusals(user, facts)
    if decision.rule is Rule.NETWORK:
        return ["That address is in none of the networks that the tenant allows."]
    said = ["An administrator reset the password."] if facts.must_reset else []
    said.append(f"The policy is {facts.policy}.")
    match decision.rule:
        case Rule.POLICY_OFF if facts.active_factor:
            said.append("The factor that is bound is kept, and not asked for.")
        case Rule.WHITELISTED:
            said.append(_on_whitelist(context, user))
        case Rule.HAS_FACTOR:
            if facts.whitelisted:
                said.append(f"{_on_whitelist(context, user)} But {user.login} chose to be asked all the same.")
            said.append(f"A factor is bound: {', '.join(user.kinds)}.")
            if left := count_left(context.connection, user.pk):
                said.append(f"A recovery code will do as well: {left} left.")
        case Rule.SWITCHED_ON if facts.pending_factor:
            said.append(
                "A second factor is required of this user in particular. An administrator entered one for them, and "
                "the code that is sent there proves it."
            )
        case Rule.SWITCHED_ON:
            said.append("A second factor is required of this user in particular, and none is active.")
        case Rule.OPTIONAL:
            said.append("No factor is bound.")
        case Rule.GRACE:
            said.append(f"No factor is bound, and until {_time(grace_end(context.tenant, user))} none is needed.")
        case Rule.REQUIRED:
            said.append("No factor is bound, and the time without one is over.")
    return said


def _refusals(user: UserRecord, facts: SignInFacts) -> list[str]:
    said = []
    if not facts.password_right:
        said.append("No password is set: resetting it gives one.")
    if facts.disabled:
        said.append("The account is disabled.")
    if facts.held_back and user.locked_until >= FOREVER:
        said.append("The account is locked after too many wrong entries, until somebody unlocks it.")
    elif facts.held_back:
        said.append(f"Wrong entries hold the account back until {when(user.locked_until):%Y-%m-%d %H:%M:%S} UTC.")
    return said


def _on_whitelist(context: Context, user: UserRecord) -> str:
    entry = exemption_of(context.connection, user.pk, context.now)
    until = f" until {_time(entry.until)}" if entry and entry.until else ""
    return f"On the whitelist{until}, because: {entry.reason.rstrip('.')}." if entry else "On the whitelist."


def _time(milliseconds: int) -> str:
    at: datetime = when(milliseconds)
    return f"{at:%Y-%m-%d %H:%M} UTC"
