"""Explanation of a user's next sign-in, from the same facts and table as the sign-in itself."""

from __future__ import annotations

import ipaddress
from datetime import datetime

from secconsole.domain.caller_words import CallerFactor, tell_caller
from secconsole.domain.errors import Invalid
from secconsole.domain.model import FactorState, SignInStatus
from secconsole.domain.networks.network_rules import Admission, Ground, admit, in_force, parse_address
from secconsole.domain.policy import Decision, Rule, SignInFacts, decide_second_factor, decide_sign_in
from secconsole.domain.throttling.throttle import PARTLY, SIGN_IN, Bucket, Throttle, held_buckets, held_until
from secconsole.domain.users.invitation import is_over
from secconsole.operations.policy import Explanation
from secconsole.service.context import Context, when
from secconsole.service.factors.sign_in_facts import bypass_now, grace_end, sign_in_facts
from secconsole.service.factors.throttling import bucket_of, throttle_of
from secconsole.service.views import EXHAUSTED, admission_words, masked
from secconsole.store.factors import live_factors
from secconsole.store.networks import record_by_id
from secconsole.store.rows import FactorRecord, TenantRow, UserRecord
from secconsole.store.sign_in.recovery import count_left
from secconsole.store.sign_in.throttles import count_known, has_known
from secconsole.store.whitelist import exemption_of

_MESSAGES = {
    SignInStatus.COMPLETE: "Let in with the password alone.",
    SignInStatus.SECOND_FACTOR: "Asked for the second factor.",
    SignInStatus.ENROLL: "Let in only after binding a factor.",
    SignInStatus.NEW_PASSWORD: "Asked to choose a new password first.",
    SignInStatus.REFUSED: "Refused, with the same message as for a wrong password.",
}
_WHERE = {
    Bucket.STRANGERS: "networks that {login} has not signed in from",
    Bucket.KNOWN: "the networks that {login} signed in from in the last 90 days",
}


def explained(context: Context, user: UserRecord, address: str = "") -> Explanation:
    """Return what a sign-in of a user of the context's tenant with the right password results in now."""
    address = _checked(address)
    bucket, throttle = _bucket(context, user, address), throttle_of(context, user)
    until = held_until(throttle, bucket, context.now)
    live = live_factors(context.connection, user.pk)
    code, admission = bypass_now(context, user), _admission(context, user, address)
    right = user.password_hash is not None and not is_over(user.password_until, context.now)
    facts = sign_in_facts(
        context, context.tenant, user, live, code, right=right, held_back=until > 0, admission=admission
    )
    decision = decide_sign_in(facts)
    then = decide_second_factor(facts) if decision.status is SignInStatus.NEW_PASSWORD else None
    held = held_buckets(throttle, context.now)
    return Explanation(
        user=user.id,
        login=user.login,
        address=address,
        outcome=decision.status,
        rule=decision.rule,
        message=_message(decision, then),
        because=(
            *_because(context, user, facts, then or decision, until),
            *_network_words(context, user, address, admission),
            *_holds(context, user, throttle),
        ),
        remind=(then or decision).remind,
        then_outcome=then.status if then else None,
        then_rule=then.rule if then else None,
        facts=facts,
        at=when(context.now),
        bucket=bucket,
        locked_for=held,
        tell=tell_caller(
            decision,
            then,
            facts,
            [_for_caller(factor) for factor in live],
            recovery_left=count_left(context.connection, user.pk),
            known_networks=count_known(context.connection, user.pk, context.now),
            locked_for=held,
            first_time=user.password_until > 0,
            has_password=user.password_hash is not None,
        ),
    )


def _for_caller(factor: FactorRecord) -> CallerFactor:
    is_active, is_exhausted = factor.state is FactorState.ACTIVE, factor.failures >= EXHAUSTED
    return CallerFactor(factor.kind, is_active, masked(factor), factor.given, is_exhausted)


def _admission(context: Context, user: UserRecord, address: str) -> Admission:
    """Return the decision about an address, or that of an allowed one if there is none."""
    if not address:
        return Admission(Ground.NO_RULE)
    return admit(context.tenant.networks, user.role, parse_address(address), context.now)


def _network_words(context: Context, user: UserRecord, address: str, admission: Admission) -> list[str]:
    """Describe which network decided, if the tenant allows only certain ones."""
    if not in_force(context.tenant.networks, context.now):
        return []
    if not address:
        return ["Sign-ins from networks that are not allowed are refused."]
    rule = admission.rule
    record = record_by_id(context.connection, context.tenant.pk, rule.id) if rule else None
    return [admission_words(parse_address(address), user.role, admission, record.note if record else "")]


def _bucket(context: Context, user: UserRecord, address: str) -> Bucket:
    if address:
        return bucket_of(context, user, address)
    return Bucket.KNOWN if has_known(context.connection, user.pk, context.now) else Bucket.STRANGERS


def _holds(context: Context, user: UserRecord, throttle: Throttle) -> list[str]:
    """Describe the networks from which wrong entries hold sign-ins back, whether or not this one is among them."""
    parts = []
    for bucket in SIGN_IN:
        until = held_until(throttle, bucket, context.now)
        count = throttle.run(bucket).worst
        where = _WHERE[bucket].format(login=user.login)
        if until >= PARTLY:
            parts.append(f"Sign-ins from {where} are locked after {count} wrong entries.")
        elif until:
            parts.append(f"Sign-ins from {where} are held back until {_second(until)} after {count} wrong entries.")
    return parts


def _checked(address: str) -> str:
    try:
        return str(ipaddress.ip_address(address.strip())) if address.strip() else ""
    except ValueError:
        raise Invalid("That is not an IP address. Enter one such as 203.0.113.9 or 2001:db8::7.", "address") from None


def _message(decision: Decision, then: Decision | None) -> str:
    parts = _MESSAGES[decision.status]
    return f"{parts} After that: {_MESSAGES[then.status][0].lower()}{_MESSAGES[then.status][1:]}" if then else parts


def _because(context: Context, user: UserRecord, facts: SignInFacts, decision: Decision, until: int) -> list[str]:
    """Describe the facts that decided."""
    if decision.rule is Rule.REFUSED:
        return _refusals(user, facts, until)
    if decision.rule is Rule.NETWORK:
        return []
    if decision.rule is Rule.FROZEN:
        return [frozen_words(context.tenant)]
    why = "The password is a first-time one." if user.password_until else "An administrator reset the password."
    parts = [why] if facts.must_reset else []
    parts.append(f"The policy is {facts.policy}.")
    match decision.rule:
        case Rule.PLATFORM_ADMIN:
            parts.append("Platform administrators are always asked for a bound factor, whatever the policy.")
            if facts.whitelisted:
                parts.append(f"{_on_whitelist(context, user)} That does not exempt them.")
            parts += _bound(context, user)
        case Rule.POLICY_OFF:
            if facts.active_factor:
                parts.append("The bound factor is kept, but not asked for.")
            if facts.switched_on:
                parts.append(
                    "A factor is required of this user individually. That has no effect while the policy is off."
                )
        case Rule.WHITELISTED:
            parts.append(_on_whitelist(context, user))
        case Rule.EXEMPT_NETWORK:
            parts.append(f"A factor is bound: {', '.join(user.kinds)}. It is not asked for from that network.")
        case Rule.HAS_FACTOR:
            if facts.whitelisted:
                parts.append(f"{_on_whitelist(context, user)} But {user.login} chose to be asked anyway.")
            parts += _bound(context, user)
        case Rule.SWITCHED_ON | Rule.REQUIRED if facts.bypass and not facts.pending_factor:
            parts.append("No factor is bound, and none can be bound while a bypass code works.")
        case Rule.SWITCHED_ON if facts.pending_factor:
            parts.append(
                "A second factor is required of this user individually. An administrator entered one for them, and "
                "the code that is sent there confirms it."
            )
        case Rule.SWITCHED_ON:
            parts.append("A second factor is required of this user individually, and none is active.")
        case Rule.OPTIONAL:
            parts.append("No factor is bound.")
        case Rule.GRACE:
            parts.append(
                f"No factor is bound, and none is needed until {_time(grace_end(context.tenant, user, context.now))}."
            )
        case Rule.REQUIRED:
            parts.append("No factor is bound, and the grace period is over.")
    if facts.bypass and decision.status is SignInStatus.SECOND_FACTOR:
        parts.append("A bypass code from the helpdesk works now.")
    return parts


def frozen_words(tenant: TenantRow) -> str:
    """Describe the freeze, with its time and its author."""
    since = f" since {_time(tenant.frozen_since)}" if tenant.frozen_since else ""
    by = f", by {tenant.frozen_by}" if tenant.frozen_by else ""
    return f"Sign-ins to {tenant.name} have been frozen{since}{by}. Only platform administrators are let in."


def _bound(context: Context, user: UserRecord) -> list[str]:
    """Describe what the user can show: the factors, and the recovery codes that replace them."""
    parts = [f"A factor is bound: {', '.join(user.kinds)}."]
    if left := count_left(context.connection, user.pk):
        parts.append(f"A recovery code works as well: {left} left.")
    return parts


def _refusals(user: UserRecord, facts: SignInFacts, until: int) -> list[str]:
    parts = []
    if not facts.password_right and user.password_hash is not None:
        parts.append("The first-time password has expired. Inviting the user again sends another one.")
    elif not facts.password_right:
        parts.append("No password is set. Inviting the user, or resetting the password, sets one.")
    if facts.disabled:
        parts.append("The account is disabled.")
    if until >= PARTLY:
        parts.append("The account is locked after too many wrong entries, until an administrator unlocks it.")
    elif until:
        parts.append(f"Wrong entries delay sign-ins until {_second(until)}.")
    return parts


def _on_whitelist(context: Context, user: UserRecord) -> str:
    entry = exemption_of(context.connection, user.pk, context.now)
    until = f" until {_time(entry.until)}" if entry and entry.until else ""
    return f"On the whitelist{until}, because: {entry.reason.rstrip('.')}." if entry else "On the whitelist."


def _second(milliseconds: int) -> str:
    return f"{when(milliseconds):%Y-%m-%d %H:%M:%S} UTC"


def _time(milliseconds: int) -> str:
    at: datetime = when(milliseconds)
    return f"{at:%Y-%m-%d %H:%M} UTC"
