"""Allowed networks as a pure rule: who may come from where, at which moment."""

from __future__ import annotations

import ipaddress
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secconsole.domain.clock import NOTICED
from secconsole.domain.errors import Invalid
from secconsole.domain.networks.network import LOCAL
from secconsole.domain.networks.network_rules import (
    CONFIRM_WITHIN,
    Ground,
    NetworkRule,
    Origin,
    This,
    admit,
    allowing,
    clashing,
    in_force,
    is_overdue,
    is_waiting,
    known_origin,
    origin_of_request,
    parse_address,
    parse_network,
    removable,
    uncovered,
)
from secconsole.domain.roles import Role

NOW = 1_800_000_000_000
OFFICE = NetworkRule("1", "10.0.0.0/8")
HOTEL = NetworkRule("2", "203.0.113.0/24", (Role.HELPDESK,), until=NOW + 1)

ROLES = st.sets(st.sampled_from(list(Role)), max_size=3).map(lambda found: tuple(r for r in Role if r in found))
ADDRESSES = st.one_of(
    st.ip_addresses(network="10.0.0.0/29"),
    st.ip_addresses(network="2001:db8::/125"),
    st.ip_addresses(),
)
NETWORKS = st.one_of(
    st.builds(
        lambda a, n: str(ipaddress.ip_network((a, n), strict=False)),
        st.ip_addresses(network="10.0.0.0/29"),
        st.integers(26, 32),
    ),
    st.builds(
        lambda a, n: str(ipaddress.ip_network((a, n), strict=False)),
        st.ip_addresses(network="2001:db8::/125"),
        st.integers(120, 128),
    ),
    st.sampled_from([LOCAL, "not a network", "0.0.0.0/0", "::/0"]),
)
RULES = st.lists(
    st.builds(NetworkRule, st.uuids().map(str), NETWORKS, ROLES, st.sampled_from([0, 0, NOW, NOW + 1]), st.booleans()),
    max_size=5,
)
ORIGINS = st.one_of(ADDRESSES, st.just(This.MACHINE), st.none())


def model(rules: list[NetworkRule], role: Role, origin: object) -> bool:
    """Return True if a user may come from there, by a second formulation."""
    local = [rule for rule in rules if rule.network == LOCAL]
    if origin is This.MACHINE:
        return not local or any(rule.until != NOW and (not rule.roles or role in rule.roles) for rule in local)
    mine = [rule for rule in rules if rule.network != LOCAL and (not rule.roles or role in rule.roles)]
    if not mine:
        return True
    if origin is None:
        return False
    return any(
        rule.until != NOW and rule.network != "not a network" and origin in ipaddress.ip_network(rule.network)
        for rule in mine
    )


@given(RULES, st.sampled_from(list(Role)), ORIGINS)
def test_a26_the_decision_is_that_of_the_model(rules: list[NetworkRule], role: Role, origin: object) -> None:
    found = admit(rules, role, origin, NOW)  # type: ignore[arg-type]
    assert found.is_allowed == model(rules, role, origin)
    if found.rule is not None:
        assert found.ground is Ground.LISTED
        assert found.rule in rules
    assert not (found.is_exempt and not found.is_allowed)


@given(RULES, RULES, st.sampled_from(list(Role)), st.lists(st.one_of(ORIGINS, NETWORKS.map(known_origin)), max_size=8))
def test_many_origins_are_decided_like_each_alone(
    rules: list[NetworkRule], waiting: list[NetworkRule], role: Role, origins: list[Origin]
) -> None:
    rules = [*rules, *(replace(rule, pending_until=NOW + 1, leaving=rule.no_challenge) for rule in waiting)]
    is_allowed = allowing(rules, role, NOW)
    for origin in origins:
        assert is_allowed(origin) is admit(rules, role, origin, NOW).is_allowed


@given(st.sampled_from(list(Role)), ORIGINS)
def test_without_rules_everything_is_allowed(role: Role, origin: object) -> None:
    assert admit([], role, origin, NOW).is_allowed  # type: ignore[arg-type]


@given(st.ip_addresses(v=4), RULES, st.sampled_from(list(Role)))
def test_an_ipv4_address_within_ipv6_is_the_ipv4_address(
    address: ipaddress.IPv4Address, rules: list[NetworkRule], role: Role
) -> None:
    mapped = parse_address(f"::ffff:{address}")
    assert mapped == address
    assert admit(rules, role, mapped, NOW) == admit(rules, role, address, NOW)


@given(RULES, RULES, st.sampled_from(list(Role)), ORIGINS, st.booleans())
def test_a27_a_change_that_waits_counts_until_its_time_and_not_after(
    before: list[NetworkRule], added: list[NetworkRule], role: Role, origin: object, leaves: bool
) -> None:
    """Without a process that does anything: the decision follows from the moment alone."""
    until = NOW + CONFIRM_WITHIN
    waiting = [replace(rule, pending_until=until, pending_by="u", leaving=leaves) for rule in added]
    stored, final = [*before, *waiting], (before if leaves else [*before, *added])
    reverted = [*before, *added] if leaves else before
    for moment, expected in ((NOW, final), (until - 1, final), (until, reverted), (until + 10**9, reverted)):
        assert admit(stored, role, origin, moment).is_allowed == admit(expected, role, origin, moment).is_allowed  # type: ignore[arg-type]
        assert all(is_overdue(rule, moment) == (moment >= until) for rule in waiting)


def test_a_deadline_of_a_clock_that_was_ahead_has_passed() -> None:
    rule = replace(OFFICE, pending_until=NOW + CONFIRM_WITHIN + NOTICED + 1)
    assert not is_waiting(rule, NOW)
    assert in_force([rule], NOW) == []
    assert is_overdue(rule, NOW)


@given(RULES, st.sampled_from(list(Role)), ORIGINS)
def test_removing_what_has_ended_changes_no_decision(rules: list[NetworkRule], role: Role, origin: object) -> None:
    gone = removable(rules, NOW)
    left = [rule for rule in rules if rule not in gone]
    assert admit(left, role, origin, NOW).is_allowed == admit(rules, role, origin, NOW).is_allowed  # type: ignore[arg-type]


@given(RULES, st.sampled_from(list(Role)))
def test_where_no_role_depends_on_ends_alone_none_is_ever_shut_out_by_an_end(
    rules: list[NetworkRule], role: Role
) -> None:
    if uncovered(rules) is None:
        later = NOW + 10**12
        left = [rule for rule in rules if not rule.has_ended(later)]
        mine = [rule for rule in rules if rule.network != LOCAL and rule.applies_to(role)]
        assert not mine or any(rule.network != LOCAL and rule.applies_to(role) for rule in left)


def test_an_end_neither_opens_a_tenant_nor_may_close_it() -> None:
    assert uncovered([HOTEL]) is Role.HELPDESK
    assert uncovered([OFFICE, HOTEL]) is None
    assert uncovered([NetworkRule("3", LOCAL, until=NOW + 1)]) is This.MACHINE
    origin = parse_address("198.51.100.7")
    assert not admit([HOTEL], Role.HELPDESK, origin, NOW + 2).is_allowed
    assert removable([HOTEL], NOW + 2) == []
    assert removable([OFFICE, HOTEL], NOW + 2) == [HOTEL]


def test_the_narrowest_network_decides_about_the_challenge() -> None:
    wide, narrow = replace(OFFICE, no_challenge=True), NetworkRule("3", "10.1.0.0/16")
    for rules in ([wide, narrow], [narrow, wide]):
        assert admit(rules, Role.USER, parse_address("10.2.0.1"), NOW).is_exempt
        assert not admit(rules, Role.USER, parse_address("10.1.0.1"), NOW).is_exempt
    special = NetworkRule("4", "10.0.0.0/8", (Role.AUDITOR,))
    assert not admit([wide, special], Role.AUDITOR, parse_address("10.2.0.1"), NOW).is_exempt
    assert admit([wide, special], Role.USER, parse_address("10.2.0.1"), NOW).is_exempt


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("10.0.0.0/8", "10.0.0.0/8"),
        (" 10.0.0.0/8 ", "10.0.0.0/8"),
        ("203.0.113.9", "203.0.113.9/32"),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("2001:db8::7", "2001:db8::7/128"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:203.0.113.9", "203.0.113.9/32"),
        ("Local", "local"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("::/0", "::/0"),
    ],
)
def test_a_network_has_one_spelling(text: str, network: str) -> None:
    assert parse_network(text) == network
    assert parse_network(network) == network


@pytest.mark.parametrize(
    "text",
    [
        "",
        "office",
        "10.0.0.1/8",
        "10.0.0.0/33",
        "10.0.0",
        "10.0.0.256",
        "2001:db8::1/32",
        "fe80::1%eth0",
        "fe80::%1/64",
        "10.0.0.0/8/8",
        "10.0.0.0-10.0.0.9",
        "*",
        "localhost",
        "010.0.0.1",
        "１０.0.0.0/8",
    ],
)
def test_a_text_that_is_not_a_network_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_network(text)
    assert refused.value.field == "network"


def test_a_host_in_a_network_is_answered_with_the_network() -> None:
    with pytest.raises(Invalid, match=r"Enter the network: 10\.0\.0\.0/8"):
        parse_network("10.0.0.5/8")


@given(st.text(max_size=60))
def test_no_text_makes_it_fail(text: str) -> None:
    parse_address(text)
    known_origin(text)
    origin_of_request(text, remote=True)
    with suppress(Invalid):
        parse_network(text)


@pytest.mark.parametrize(
    ("address", "remote", "relayed", "origin"),
    [
        ("", False, False, This.MACHINE),
        ("", True, False, None),
        ("alice (uid 1000)", True, False, This.MACHINE),
        ("uid 1000", True, False, This.MACHINE),
        ("www-data (uid 33)", True, True, None),
        ("unknown", True, False, None),
        ("10.0.0.1, 10.0.0.2", True, False, None),
        ("127.0.0.1", True, False, ipaddress.ip_address("127.0.0.1")),
        ("::1", True, False, ipaddress.ip_address("::1")),
        ("::ffff:10.0.0.1", True, False, ipaddress.ip_address("10.0.0.1")),
        ("fe80::1%eth0", True, False, ipaddress.ip_address("fe80::1")),
        ("10.0.0.1", True, True, None),
    ],
)
def test_a26_an_unreadable_origin_is_unknown(address: str, remote: bool, relayed: bool, origin: object) -> None:
    assert origin_of_request(address, remote=remote, relayed=relayed) == origin


def test_networks_clash_for_a_common_role_or_if_both_are_for_all() -> None:
    some = replace(OFFICE, id="3", roles=(Role.AUDITOR, Role.USER))
    assert clashing([OFFICE], replace(OFFICE, id="9")) is OFFICE
    assert clashing([some], replace(some, id="9", roles=(Role.USER,))) is some
    assert clashing([some], replace(some, id="9", roles=(Role.HELPDESK,))) is None
    assert clashing([OFFICE], some) is None


def test_networks_that_were_seen_are_compared_as_a_whole() -> None:
    inside = NetworkRule("3", "203.0.113.128/25")
    assert admit([inside], Role.USER, known_origin("203.0.113.0/24"), NOW).is_allowed
    assert not admit([inside], Role.USER, known_origin("203.0.114.0/24"), NOW).is_allowed
    assert admit([inside], Role.USER, known_origin("local"), NOW).ground is Ground.LOCAL
    assert admit([inside], Role.USER, known_origin("uid 7"), NOW).ground is Ground.LOCAL
