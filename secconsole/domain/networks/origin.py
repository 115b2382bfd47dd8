"""Origins of requests as limits count them: an IPv4 address, an IPv6 network or an OS user."""

from __future__ import annotations

import ipaddress

# The owner of an IPv6 network has at least 2**64 addresses (RFC 6177), so limits on single ones are useless.
IPV6_PREFIX = 64

# Prefixes that carry an IPv4 address: NAT64 (RFC 6052) and SIIT (RFC 7915). Counted by /64, all of them would share one
# origin.
_TRANSLATED = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::ffff:0:0:0/96"))

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def plain(address: Address) -> Address:
    """Return the IPv4 address mapped or translated into an IPv6 one, else the address unchanged."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if any(address in network for network in _TRANSLATED):
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def origin_of(address: Address) -> str:
    """Return the origin of an address: an IPv4 address (also one within IPv6), or an IPv6 /64."""
    address = plain(address)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(address), IPV6_PREFIX), strict=False))
    return str(address)


def origin_in(text: str) -> str:
    """Return the origin in a text that may be an address.

    Any other text, such as an OS user, is an origin as it is.
    """
    try:
        return origin_of(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return text
