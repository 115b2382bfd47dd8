"""The network of an address: IPv4 /24, IPv6 /64, or the user of this machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secconsole.domain.networks.network import LOCAL, network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.0/24"),
        ("203.0.113.255", "203.0.113.0/24"),
        ("203.0.114.0", "203.0.114.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:203.0.113.9", "203.0.113.0/24"),
        ("::FFFF:CB00:7109", "203.0.113.0/24"),
        ("64:ff9b::203.0.113.9", "203.0.113.0/24"),
        ("::ffff:0:203.0.113.9", "203.0.113.0/24"),
        ("fe80::1%eth0", "fe80::/64"),
        ("127.0.0.1", "127.0.0.0/24"),
        ("", LOCAL),
        ("uid 1000", "uid 1000"),
        ("ana (uid 1000)", "uid 1000"),
        ("uid 0 (uid 1000)", "uid 1000"),
    ],
)
def test_networks(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    "address", ["unknown", "203.0.113", "203.0.113.9:80", "1.2.3.4.5", "127.1", " ", "uid", "::1::"]
)
def test_invalid_text_is_not_a_network(address: str) -> None:
    assert network_of(address) is None


@given(st.text(max_size=60))
def test_no_text_crashes_the_parser(text: str) -> None:
    network_of(text)


@given(st.ip_addresses(v=4))
def test_ipv4_mapped_addresses_are_ipv4(address: object) -> None:
    assert network_of(f"::ffff:{address}") == network_of(str(address)) == network_of(f"64:ff9b::{address}")
