"""The sign-in table over its whole input space, against the rules said a second way."""

from __future__ import annotations

from dataclasses import fields
from itertools import product

from secconsole.domain.model import PolicyMode, SignInStatus
from secconsole.domain.policy import Decision, Rule, SignInFacts, decide_sign_in

FLAGS = [field.name for field in fields(SignInFacts) if field.name != "policy"]


def every_case() -> list[SignInFacts]:
    return [
        SignInFacts(policy=policy, **dict(zip(FLAGS, values, strict=True)))
        for values in product((False, True), repeat=len(FLAGS))
        for policy in PolicyMode
    ]


CASES = every_case()


def test_the_space_is_whole() -> None:
    assert len(CASES) == 2 ** len(FLAGS) * 3 == len(set(CASES))


def in_rows(f: SignInFacts) -> Decision:
    """The table as rows of (does it match, answer), first match wins."""
    keeps = f.keeps_factor and f.active_factor
    rows = [
        (not (f.known and f.password_right), SignInStatus.REFUSED, Rule.REFUSED),
        (f.disabled or f.held_back, SignInStatus.REFUSED, Rule.REFUSED),
        (not f.network_allowed, SignInStatus.REFUSED, Rule.NETWORK),
        (f.must_reset, SignInStatus.NEW_PASSWORD, Rule.PASSWORD_RESET),
        (f.policy == "off", SignInStatus.COMPLETE, Rule.POLICY_OFF),
        (f.whitelisted and not keeps, SignInStatus.COMPLETE, Rule.WHITELISTED),
        (f.active_factor, SignInStatus.SECOND_FACTOR, Rule.HAS_FACTOR),
        (f.switched_on and f.pending_factor, SignInStatus.SECOND_FACTOR, Rule.SWITCHED_ON),
        (f.switched_on, SignInStatus.ENROLL, Rule.SWITCHED_ON),
        (f.policy == "optional", SignInStatus.COMPLETE, Rule.OPTIONAL),
        (f.in_grace, SignInStatus.COMPLETE, Rule.GRACE),
        (True, SignInStatus.ENROLL, Rule.REQUIRED),
    ]
    status, rule = next((status, rule) for matches, status, rule in rows if matches)
    return Decision(status, rule, remind=rule is Rule.GRACE)


def test_every_case_follows_the_table() -> None:
    wrong = [(case, decide_sign_in(case)) for case in CASES if decide_sign_in(case) != in_rows(case)]
    assert not wrong, wrong[:3]


def test_nobody_gets_in_without_the_password() -> None:
    for case in CASES:
        if not case.password_right or not case.known:
            assert decide_sign_in(case).status is SignInStatus.REFUSED


def test_a_bound_user_is_always_asked_unless_switched_off_or_whitelisted() -> None:
    for case in CASES:
        decision = decide_sign_in(case)
        if case.active_factor and decision.status is SignInStatus.COMPLETE:
            assert decision.rule in (Rule.POLICY_OFF, Rule.WHITELISTED)


def test_the_refused_cannot_tell_why() -> None:
    answers = {decide_sign_in(c) for c in CASES if not c.password_right or c.disabled or c.held_back or not c.known}
    assert answers == {Decision(SignInStatus.REFUSED, Rule.REFUSED)}
