"""Token buckets: never more than the burst and the refill, in bounded memory, and the origins they count."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secconsole.domain.networks.origin import origin_in, origin_of, plain
from secconsole.domain.throttling.token_bucket import Rate, TokenBuckets

RATES = st.builds(Rate, st.integers(1, 50), st.floats(0.5, 600))
STEPS = st.lists(st.tuples(st.floats(0, 120), st.sampled_from("abc")), max_size=60)


@given(RATES, STEPS)
def test_no_key_gets_more_than_burst_and_refill(rate: Rate, steps: list[tuple[float, str]]) -> None:
    buckets, now = TokenBuckets(rate, 100), 0.0
    got = dict.fromkeys("abc", 0)
    for pause, key in steps:
        now += pause
        if buckets.wait(key, now) == 0:
            buckets.spend(key, now)
            got[key] += 1
        assert got[key] <= rate.burst + now * rate.per_minute / 60 + 1e-6
        assert 0 <= buckets.level(key, now) <= rate.burst


@given(RATES, st.integers(0, 80))
def test_the_wait_is_exact(rate: Rate, spent: int) -> None:
    buckets = TokenBuckets(rate, 100)
    for _ in range(spent):
        buckets.spend("a", 0.0)
    wait = buckets.wait("a", 0.0)
    assert (wait == 0) == (spent < rate.burst)
    assert buckets.wait("a", wait + 1e-6) == 0
    if wait:
        assert buckets.wait("a", wait * 0.99) > 0


@given(RATES, st.integers(1, 20), st.lists(st.integers(0, 1000), max_size=100))
def test_memory_is_bounded_and_the_latest_spender_is_remembered(rate: Rate, most: int, keys: list[int]) -> None:
    buckets = TokenBuckets(rate, most)
    for at, key in enumerate(keys):
        buckets.spend(key, float(at))
        assert len(buckets) <= most
        assert buckets.level(key, float(at)) <= rate.burst - 1


def test_another_key_is_not_charged() -> None:
    buckets = TokenBuckets(Rate(1, 1), 10)
    buckets.spend("a", 0.0)
    assert buckets.wait("a", 0.0) == 60
    assert buckets.wait("b", 0.0) == 0


@pytest.mark.parametrize(("burst", "per_minute"), [(0, 1.0), (1, 0.0), (-1, 5.0)])
def test_a_bucket_without_capacity_is_refused(burst: int, per_minute: float) -> None:
    with pytest.raises(ValueError, match="at least one token"):
        Rate(burst, per_minute)


@given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
def test_addresses_of_one_ipv6_network_are_one_origin(address: ipaddress.IPv6Address, host: int) -> None:
    neighbour = ipaddress.IPv6Address(int(address) >> 64 << 64 | host)
    if plain(address) == address and plain(neighbour) == neighbour:
        assert origin_of(address) == origin_of(neighbour)


@given(st.ip_addresses(v=4))
def test_ipv4_is_the_same_origin_in_every_spelling(address: ipaddress.IPv4Address) -> None:
    assert origin_of(address) == origin_in(f"::ffff:{address}") == str(address)
    assert origin_in(f"64:ff9b::{address}") == origin_in(f"::ffff:0:{address}") == str(address), "translated"


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("2001:db8::7", "2001:db8::/64"),
        ("2001:db8:0:1::7", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("alice (uid 1000)", "alice (uid 1000)"),
        ("", ""),
    ],
)
def test_the_origin_in_a_text(text: str, origin: str) -> None:
    assert origin_in(text) == origin
