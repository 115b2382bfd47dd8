"""Trusted proxies, whose headers alone decide the origin of a request."""

from __future__ import annotations

import ipaddress
import pwd
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from secconsole.domain.errors import Invalid

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Headers = Iterable[tuple[bytes, bytes]]

UNIX = "unix"  # the peer of a UNIX socket: any user, or with `:USER` a certain one
HEADERS = ("x-forwarded-for", "forwarded")


class Unreadable(ValueError):
    """A trusted proxy named a client that is not an address."""


@dataclass(frozen=True, slots=True)
class Proxies:
    """The trusted proxies and the one header that they set, as a client may forge others.

    `users` are the user ids of proxies on a UNIX socket. With `unix` every user there is a proxy.
    """

    networks: tuple[Network, ...] = ()
    users: frozenset[int] = frozenset()
    unix: bool = False
    header: str = HEADERS[0]

    def trust(self, peer: Address | int) -> bool:
        """Return True if an address, or the user behind a UNIX socket, is a trusted proxy."""
        if isinstance(peer, int):
            return self.unix or peer in self.users
        return is_in(peer, self.networks)

    def client_of(self, peer: Address | int, headers: Headers) -> Address | None:
        """Return the rightmost address that is not a trusted proxy's, else the peer's, or None for a user.

        Raises `Unreadable` if a malformed address comes first.
        """
        found = None if isinstance(peer, int) else peer
        if not self.trust(peer):
            return found
        for text in reversed(list(_hops(self.header, headers))):
            found = _hop(text)
            if not is_in(found, self.networks):
                break
        return found


def parse_proxies(texts: Sequence[str], header: str = HEADERS[0]) -> Proxies:
    """Parse addresses, networks, `unix` and `unix:USER`, or raise `Invalid`, also for a network of all addresses."""
    named = [text for text in texts if text.startswith(UNIX + ":")]
    return Proxies(
        parse_networks([t for t in texts if t != UNIX and t not in named], "trusted-proxy", allow_all=False),
        frozenset(_uid(text.removeprefix(UNIX + ":")) for text in named),
        UNIX in texts,
        header,
    )


def parse_networks(texts: Sequence[str], field: str, *, allow_all: bool = True) -> tuple[Network, ...]:
    """Parse addresses and networks (`10.0.0.1`, `10.0.0.0/8`, `2001:db8::/32`)."""
    found: list[Network] = []
    for text in texts:
        try:
            network = ipaddress.ip_network(text)
        except ValueError:
            raise Invalid(f"{text} is not an address or a network such as 10.0.0.1 or 10.0.0.0/8.", field) from None
        if not network.prefixlen and not allow_all:
            raise Invalid(
                f"{text} contains all addresses, so that every client could forge its origin. Name the proxy.", field
            )
        found.append(network)
    return tuple(found)


def parse_ip(text: str) -> Address | None:
    """Parse an address of a socket or header, IPv4 within IPv6 as IPv4, or return None."""
    if "%" in text:  # a zone may be any text, and has no meaning on another machine
        text = text.partition("%")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def _hops(name: str, headers: Headers) -> Iterator[str]:
    """Yield the address that each proxy noted, first hop first, over all headers of the name."""
    wanted = name.encode()
    for given, value in headers:
        if given != wanted:
            continue
        for part in value.decode("latin-1").split(","):
            yield _forwarded_for(part) if name == "forwarded" else part.strip()


def _forwarded_for(part: str) -> str:
    """Return the `for` of one element of RFC 7239's header, or an empty string."""
    for pair in part.split(";"):
        key, _, value = pair.partition("=")
        if key.strip().lower() == "for":
            return value.strip().removeprefix('"').removesuffix('"')
    return ""


def _hop(text: str) -> Address:
    """Parse `192.0.2.7`, `192.0.2.7:4711`, `2001:db8::7`, `[2001:db8::7]` or `[2001:db8::7]:4711`."""
    host = text
    if text.startswith("["):
        host, closed, port = text[1:].partition("]")
        if not closed or (port and not _is_port(port.removeprefix(":"))):
            raise Unreadable
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
        if not _is_port(port):
            raise Unreadable
    address = None if "%" in host else parse_ip(host)
    if address is None:
        raise Unreadable
    return address


def _uid(name: str) -> int:
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        raise Invalid(f"There is no user {name} on this machine.", "trusted-proxy") from None


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit()
