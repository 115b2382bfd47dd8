"""The sign-in table over its whole input space, against a second formulation of the rules."""

from __future__ import annotations

from dataclasses import fields, replace
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


def test_the_input_space_is_complete() -> None:
    assert len(CASES) == 2 ** len(FLAGS) * 3 == len(set(CASES))


def in_rows(f: SignInFacts) -> Decision:
    """The table as rows of (does it match, answer), first match wins."""
    keeps = f.keeps_factor and f.active_factor
    rows = [
        (not (f.known and f.password_right), SignInStatus.REFUSED, Rule.REFUSED),
        (f.disabled or f.held_back, SignInStatus.REFUSED, Rule.REFUSED),
        (not f.network_allowed, SignInStatus.REFUSED, Rule.NETWORK),
        (f.frozen and not f.platform_admin, SignInStatus.REFUSED, Rule.FROZEN),
        (f.must_reset, SignInStatus.NEW_PASSWORD, Rule.PASSWORD_RESET),
        (f.platform_admin and f.active_factor, SignInStatus.SECOND_FACTOR, Rule.PLATFORM_ADMIN),
        (f.policy == "off", SignInStatus.COMPLETE, Rule.POLICY_OFF),
        (f.whitelisted and not keeps, SignInStatus.COMPLETE, Rule.WHITELISTED),
        (f.active_factor and f.network_exempt and not keeps, SignInStatus.COMPLETE, Rule.EXEMPT_NETWORK),
        (f.active_factor, SignInStatus.SECOND_FACTOR, Rule.HAS_FACTOR),
        (f.switched_on and (f.pending_factor or f.bypass), SignInStatus.SECOND_FACTOR, Rule.SWITCHED_ON),
        (f.switched_on, SignInStatus.ENROLL, Rule.SWITCHED_ON),
        (f.policy == "optional", SignInStatus.COMPLETE, Rule.OPTIONAL),
        (f.in_grace, SignInStatus.COMPLETE, Rule.GRACE),
        (f.bypass, SignInStatus.SECOND_FACTOR, Rule.REQUIRED),
        (True, SignInStatus.ENROLL, Rule.REQUIRED),
    ]
    status, rule = next((status, rule) for matches, status, rule in rows if matches)
    return Decision(status, rule, remind=rule is Rule.GRACE)


def test_every_case_follows_the_table() -> None:
    wrong = [(case, decide_sign_in(case)) for case in CASES if decide_sign_in(case) != in_rows(case)]
    assert not wrong, wrong[:3]


def test_no_case_admits_without_the_password() -> None:
    for case in CASES:
        if not case.password_right or not case.known:
            assert decide_sign_in(case).status is SignInStatus.REFUSED


def test_a_bound_user_is_always_asked_unless_switched_off_or_whitelisted() -> None:
    for case in CASES:
        decision = decide_sign_in(case)
        if case.active_factor and decision.status is SignInStatus.COMPLETE:
            assert decision.rule in (Rule.POLICY_OFF, Rule.WHITELISTED, Rule.EXEMPT_NETWORK)
            assert not case.platform_admin


def test_a_network_exempt_from_the_challenge_is_not_exempt_from_binding() -> None:
    for case in CASES:
        if not case.active_factor:
            assert decide_sign_in(case) == decide_sign_in(replace(case, network_exempt=False))


def test_no_policy_or_whitelist_exempts_a_platform_administrator() -> None:
    for case in CASES:
        decision = decide_sign_in(case)
        if case.platform_admin and case.active_factor:
            assert decision.status is not SignInStatus.COMPLETE
            assert decision.status is not SignInStatus.ENROLL


def test_a_refusal_does_not_reveal_its_reason() -> None:
    answers = {decide_sign_in(c) for c in CASES if not c.password_right or c.disabled or c.held_back or not c.known}
    assert answers == {Decision(SignInStatus.REFUSED, Rule.REFUSED)}


def test_a50_a_freeze_refuses_everyone_but_platform_administrators_and_changes_nothing_for_them() -> None:
    for case in CASES:
        if not case.frozen:
            assert decide_sign_in(case).rule is not Rule.FROZEN
        elif case.platform_admin:
            assert decide_sign_in(case) == decide_sign_in(replace(case, frozen=False))
        else:
            assert decide_sign_in(case).status is SignInStatus.REFUSED


def test_a_freeze_neither_hides_nor_changes_an_earlier_refusal() -> None:
    for case in CASES:
        before = decide_sign_in(replace(case, frozen=False))
        if before.status is SignInStatus.REFUSED:
            assert decide_sign_in(case) == before
