"""Words for a caller who cannot sign in: what to do, derived from the decision about their next sign-in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from secconsole.domain.model import FactorKind, SignInStatus
from secconsole.domain.policy import Decision, Rule, SignInFacts
from secconsole.domain.throttling.throttle import Bucket

_BIND = (
    "Install an authenticator app: Aegis, 2FAS, Google Authenticator.",
    "Then sign in, scan the QR code you see, and enter the six digits.",
)
_BYPASS = "Type the bypass code that you were given where the code is asked for."


@dataclass(frozen=True, slots=True)
class CallerFactor:
    """A factor as far as the caller is concerned. `given`: entered by an administrator, and offered at the sign-in."""

    kind: FactorKind
    active: bool
    masked: str
    given: bool
    exhausted: bool


def tell_caller(
    decision: Decision,
    then: Decision | None,
    facts: SignInFacts,
    factors: Sequence[CallerFactor],
    *,
    recovery_left: int,
    known_networks: int,
    locked_for: Sequence[Bucket],
    first_time: bool,
    has_password: bool,
) -> tuple[str, ...]:
    """Return what to tell a caller, a sentence or two each, in the order of what they do.

    `then`: the decision after a new password. `first_time`: the password was mailed as a first-time one.
    """
    if facts.disabled:
        return ("Your account is disabled. I cannot change that; an administrator can.",)
    advice = _locked(locked_for, known_networks)
    if not facts.password_right:
        expired = "Your first-time password has expired." if has_password else "You have no password yet."
        return (*advice, f"{expired} An administrator mails you a first-time one.")
    if decision.rule is Rule.NETWORK:
        return (*advice, "Sign in from a network that your organisation allows.")
    if decision.rule is Rule.FROZEN:
        return (*advice, "Sign-ins are stopped for all users after an incident. Wait until you hear that it is over.")
    if decision.status is SignInStatus.REFUSED:
        return tuple(advice)
    if any(factor.exhausted for factor in factors):
        advice.append("Codes from your phone are no longer accepted. It has to be bound again.")
    if then is not None:
        which = "first-time password that was mailed to you" if first_time else "one-time password"
        advice.append(f"Sign in with the {which}; you are then asked for a new one.")
    return (*advice, *_second_step(then or decision, facts, factors, recovery_left))


def _locked(locked_for: Sequence[Bucket], known_networks: int) -> list[str]:
    """Return what to do about wrong entries, and where sign-ins still work."""
    if not any(bucket is not Bucket.STEP_UP for bucket in locked_for):
        return []
    elsewhere = Bucket.KNOWN not in locked_for and known_networks
    known = ["You can sign in from where you did before: at work, or at home."] if elsewhere else []
    return [*known, "Too many wrong entries. Wait, or let me unlock it once I know it is you."]


def _second_step(
    decision: Decision, facts: SignInFacts, factors: Sequence[CallerFactor], recovery_left: int
) -> list[str]:
    """Return what comes after the password."""
    active = [factor for factor in factors if factor.active]
    if decision.status is SignInStatus.COMPLETE and decision.remind:
        return ["The password is enough for now. Bind a phone in your own account before the grace period ends."]
    if decision.status is SignInStatus.COMPLETE and (active or decision.rule is Rule.WHITELISTED):
        return ["You are not asked for a code at the moment: the password is enough."]
    if decision.status is SignInStatus.COMPLETE:
        return ["The password is enough. You may bind a phone in your own account."]
    if decision.status is SignInStatus.ENROLL:
        return [*_BIND]
    bypass = [_BYPASS] if facts.bypass else []
    if active:
        return [*_codes(active), *_not_verified(factors), *_no_phone(active, recovery_left), *bypass]
    given = [factor.masked for factor in factors if factor.given and factor.kind is not FactorKind.TOTP]
    if not given:
        return bypass
    return [
        f"Sign in. A code is sent to {' or '.join(given)} on request.",
        "Its four letters are on the screen too; type the six digits.",
        *bypass,
    ]


def _codes(active: Sequence[CallerFactor]) -> list[str]:
    """Return where the code comes from, for each bound kind."""
    kinds = {factor.kind for factor in active}
    advice = []
    if FactorKind.TOTP in kinds:
        advice += [
            "Open the authenticator app, and enter the six digits it shows for us.",
            "Codes refused? Set the phone's clock to automatic, try the next one.",
        ]
    sent = [factor.masked for factor in active if factor.kind is not FactorKind.TOTP]
    if sent:
        ask = "Check spam; ask" if FactorKind.EMAIL in kinds else "Ask"
        advice += [
            f"{'Or have' if advice else 'Have'} a code sent to {' or '.join(sent)}, and enter its six digits.",
            "The four letters before them are the ones on your screen.",
            f"None arrives? {ask} for another after 40 seconds.",
            "Still none? I check if it was sent.",
        ]
    return advice


def _not_verified(factors: Sequence[CallerFactor]) -> list[str]:
    """Return a line on addresses that were never used: an administrator's are offered, the user's own are not."""
    waiting = [f.masked for f in factors if not f.active and f.kind is not FactorKind.TOTP]
    return [f"{' or '.join(waiting)} is not verified: if it is offered, its first code does that."] if waiting else []


def _no_phone(active: Sequence[CallerFactor], left: int) -> list[str]:
    if all(factor.kind is FactorKind.EMAIL for factor in active):
        away, lost = "Not at your mail?", "Mailbox gone? I unbind it; you bind something else at the next sign-in."
    else:
        away, lost = "Phone at home?", "Lost the phone? I unbind it; you bind the new one at the next sign-in."
    return [
        f"{away} Use a recovery code instead, each works once ({left} left)."
        if left
        else f"{away} There is no recovery code left to use instead.",
        lost,
    ]
