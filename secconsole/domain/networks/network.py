"""Network of an address, by which callers are distinguished."""

from __future__ import annotations

import ipaddress
import re

from secconsole.domain.networks.origin import IPV6_PREFIX, plain

IPV4_PREFIX = 24
LOCAL = "local"  # this machine: the store itself, or a socket that does not identify its peer
_OS_USER = re.compile(r"(?:.* \()?(uid \d+)\)?", re.DOTALL)  # as transport/peers.py formats the user of a socket


def network_of(address: str) -> str | None:
    """Return the IPv4 /24 or IPv6 /64 of an address, or the local user that it names, else None.

    Without an address it is `LOCAL`. An IPv4 address mapped into IPv6 counts as IPv4.
    """
    if not address:
        return LOCAL
    if user := _OS_USER.fullmatch(address):
        return user[1]
    try:
        found = plain(ipaddress.ip_address(address.partition("%")[0]))
    except ValueError:
        return None
    bits = IPV4_PREFIX if isinstance(found, ipaddress.IPv4Address) else IPV6_PREFIX
    return str(ipaddress.ip_network((found, bits), strict=False))


def is_os_user(address: str) -> bool:
    """Return True if an address names a user of this machine, as a UNIX socket does."""
    return _OS_USER.fullmatch(address) is not None
