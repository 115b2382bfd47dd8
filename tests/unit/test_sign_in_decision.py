"""The sign-in table over its whole input space, against a second formulation of the rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from functools import cache
from itertools import product

import pytest

from secconsole.domain.model import PolicyMode, SignInStatus
from secconsole.domain.policy import Decision, Rule, SignInFacts, decide_sign_in

FLAGS = [field.name for field in fields(SignInFacts) if field.name != "policy"]


@cache  # made by the first test that runs here, not by each process that imports the module
def every_case() -> list[SignInFacts]:
    return [
        SignInFacts(policy=policy, **dict(zip(FLAGS, values, strict=True)))
        for values in product((False, True), repeat=len(FLAGS))
        for policy in PolicyMode
    ]


@cache
def decided() -> list[tuple[SignInFacts, Decision]]:
    """Return every case with its decision."""
    return [(case, decide_sign_in(case)) for case in every_case()]


def pairs(flag: str) -> Iterator[tuple[SignInFacts, Decision, Decision]]:
    """Yield each case in which a flag is set, with its decision and the one of the same case without the flag."""
    all_cases = decided()
    apart = len(PolicyMode) * 2 ** (len(FLAGS) - 1 - FLAGS.index(flag))
    for at, (case, decision) in enumerate(all_cases):
        if getattr(case, flag):
            yield case, decision, all_cases[at - apart][1]


def test_the_input_space_is_complete() -> None:
    assert len(every_case()) == 2 ** len(FLAGS) * 3 == len(set(every_case()))


@pytest.mark.parametrize("flag", ["frozen", "network_exempt"])
def test_pairs_differ_in_their_flag_only(flag: str) -> None:
    found = list(pairs(flag))
    assert len(found) == len(every_case()) // 2
    for case, decision, without in found[::97]:
        assert (decision, without) == (decide_sign_in(case), decide_sign_in(replace(case, **{flag: False})))


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
    wrong = [(case, decision) for case, decision in decided() if decision != in_rows(case)]
    assert not wrong, wrong[:3]


def test_no_case_admits_without_the_password() -> None:
    for case, decision in decided():
        if not case.password_right or not case.known:
            assert decision.status is SignInStatus.REFUSED


def test_a_bound_user_is_always_asked_unless_switched_off_or_whitelisted() -> None:
    for case, decision in decided():
        if case.active_factor and decision.status is SignInStatus.COMPLETE:
            assert decision.rule in (Rule.POLICY_OFF, Rule.WHITELISTED, Rule.EXEMPT_NETWORK)
            assert not case.platform_admin


def test_a_network_exempt_from_the_challenge_is_not_exempt_from_binding() -> None:
    for case, exempt, not_exempt in pairs("network_exempt"):
        if not case.active_factor:
            assert exempt == not_exempt


def test_no_policy_or_whitelist_exempts_a_platform_administrator() -> None:
    for case, decision in decided():
        if case.platform_admin and case.active_factor:
            assert decision.status is not SignInStatus.COMPLETE
            assert decision.status is not SignInStatus.ENROLL


def test_a_refusal_does_not_reveal_its_reason() -> None:
    refused = (d for c, d in decided() if not c.password_right or c.disabled or c.held_back or not c.known)
    assert set(refused) == {Decision(SignInStatus.REFUSED, Rule.REFUSED)}


def test_a50_a_freeze_refuses_everyone_but_platform_administrators_and_changes_nothing_for_them() -> None:
    assert all(decision.rule is not Rule.FROZEN for case, decision in decided() if not case.frozen)
    for case, frozen, thawed in pairs("frozen"):
        if case.platform_admin:
            assert frozen == thawed
        else:
            assert frozen.status is SignInStatus.REFUSED


def test_a_freeze_neither_hides_nor_changes_an_earlier_refusal() -> None:
    for _, frozen, thawed in pairs("frozen"):
        if thawed.status is SignInStatus.REFUSED:
            assert frozen == thawed
