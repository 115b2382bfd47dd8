"""The addresses that delivery settings may reach: those of tenants' administrators only public ones (A10)."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secconsole.domain.networks.reach import PUBLIC, Reach, is_odd_number, is_public, literal_address, parse_networks

PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "224.0.0.1",
    "239.1.1.1",
    "255.255.255.255",
    "240.0.0.1",
    "198.18.0.1",
    "192.0.0.1",
    "203.0.113.9",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "2001:db8::1",
    "2001::1",
    "3fff::1",
    "::127.0.0.1",
    "100::1",
    "5f00::1",
    "64:ff9b:1::1",
]


@pytest.mark.parametrize("text", PRIVATE)
def test_addresses_that_are_not_public_are_not_reached(text: str) -> None:
    address = ip_address(text)
    assert not is_public(address)
    assert not PUBLIC.allows(address)
    assert Reach(anywhere=True).allows(address)


@pytest.mark.parametrize(
    "text", ["1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1", "2a00:1450::5"]
)
def test_public_addresses_are_reached(text: str) -> None:
    assert PUBLIC.allows(ip_address(text))


@given(st.ip_addresses(v=4))
def test_an_address_embedded_in_ipv6_is_unwrapped(inner: IPv4Address) -> None:
    """IPv4-mapped, 6to4 and NAT64: each of them leads to the address within."""
    number = int(inner)
    for outer in (
        IPv6Address((0xFFFF << 32) | number),
        IPv6Address((0x2002 << 112) | (number << 80)),
        IPv6Address(int(IPv6Address("64:ff9b::")) | number),
    ):
        assert is_public(outer) is is_public(inner)
        only = Reach(networks=parse_networks([f"{inner}/32"]))
        assert only.allows(outer)


def test_the_owner_lists_networks_and_ports() -> None:
    reach = Reach(networks=parse_networks(["10.0.0.0/8", "fd12::/16", "192.168.1.5"]), ports=(25, 1025))
    assert [reach.allows(ip_address(text)) for text in ("10.1.2.3", "fd12::1", "192.168.1.5", "1.1.1.1")] == [True] * 4
    assert not any(reach.allows(ip_address(text)) for text in ("192.168.1.6", "127.0.0.1", "fd13::1", "::1"))
    assert [reach.allows_port(port) for port in (25, 1025, 587, 22)] == [True, True, False, False]
    assert [PUBLIC.allows_port(port) for port in (25, 465, 587, 2525, 22, 6379)] == [True] * 4 + [False] * 2
    for wrong in ("10.0.0.1/8", "acme", "10.0.0.0/33", ""):
        with pytest.raises(ValueError):
            parse_networks([wrong])


def test_an_address_in_another_spelling_is_recognized() -> None:
    odd = ("127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.0.0.1.", "1.2.3.4.5", "0x", "[127.1]")
    assert all(map(is_odd_number, odd))
    assert not any(
        map(is_odd_number, ("127.0.0.1", "::1", "[::1]", "mail.acme.example", "1.acme.example", "7f000001.x"))
    )
    assert literal_address("mail.acme.example") is None
