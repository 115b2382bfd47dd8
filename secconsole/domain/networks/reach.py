"""Addresses that messages may be delivered to: public ones, and others that the owner of the store allows.

A tenant's administrators name hosts, and the server connects to them from a network that is not theirs. So their hosts
must have public addresses and ports of mail servers, unless the owner of the store allows more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAIL_PORTS = (25, 465, 587, 2525)

# The special-purpose registries of IANA, and multicast: addresses of no mail server on the internet. Listed here
# because ipaddress classifies them differently in each version of Python.
_NOT_PUBLIC = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_UNICAST = IPv6Network("2000::/3")  # all that is allocated of IPv6
_NOT_PUBLIC_6 = tuple(
    IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
)
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: its last 32 bits are an IPv4 address, as with 6to4
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")


def literal_address(host: str) -> Address | None:
    """Return the address that a host spells out, or None for a name."""
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None


def is_odd_number(host: str) -> bool:
    """Return True for a host such as `127.1`, `2130706433` or `0x7f000001`, which systems resolve to an address."""
    last = host.strip("[]").rstrip(".").rpartition(".")[2]
    return literal_address(host) is None and _NUMBER.fullmatch(last) is not None


def is_public(address: Address) -> bool:
    """Return True if an address is public, even if an IPv4 address is embedded in it."""
    address = _inner(address)
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC)
    return address in _UNICAST and not any(address in network for network in _NOT_PUBLIC_6)


@dataclass(frozen=True, slots=True)
class Reach:
    """Addresses and ports that settings may lead to.

    `anywhere`: their owner works on this machine or manages all tenants. `networks` and `ports`: what the owner of the
    store allows everyone else.
    """

    anywhere: bool = False
    networks: tuple[Network, ...] = ()
    ports: tuple[int, ...] = MAIL_PORTS

    def allows(self, address: Address) -> bool:
        """Return True if connections to an address are allowed."""
        if self.anywhere or is_public(address):
            return True
        address = _inner(address)
        return any(address in network for network in self.networks if network.version == address.version)

    def allows_port(self, port: int) -> bool:
        """Return True if connections to a port are allowed."""
        return self.anywhere or port in self.ports


PUBLIC = Reach()


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Parse addresses and networks, or raise `ValueError`."""
    return tuple(ip_network(text.strip()) for text in texts)


def usable(found: Sequence[str], reach: Reach) -> list[str]:
    """Return the addresses of a host to which connections are allowed, in their order."""
    return [text for text in found if (address := literal_address(text)) is not None and reach.allows(address)]


def _inner(address: Address) -> Address:
    """Return the IPv4 address embedded in an IPv6 address, else the address unchanged."""
    if isinstance(address, IPv4Address):
        return address
    if (mapped := address.ipv4_mapped or address.sixtofour) is not None:
        return mapped
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else address
