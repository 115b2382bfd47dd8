"""Clients of the RADIUS server, with the networks that they ask from and the secrets that they share with it."""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from secconsole.config import locations
from secconsole.config.private import read_private
from secconsole.domain.errors import Unavailable
from secconsole.domain.limits import LONGEST_LABEL
from secconsole.domain.secret import Secret
from secconsole.domain.text import is_plain, visible

SHORTEST_SECRET = 16  # characters: RFC 2865 section 3
_KEYS = {"name", "networks", "secret", "require_message_authenticator"}
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class RadiusClient:
    """Client such as a VPN gateway.

    `is_strict`: its requests need a Message-Authenticator (CVE-2024-3596).
    """

    name: str
    networks: tuple[Network, ...]
    secret: Secret[str]
    is_strict: bool = True


@dataclass(frozen=True, slots=True)
class RadiusClients:
    """Known clients, of which the one with the narrowest network counts."""

    items: tuple[RadiusClient, ...]

    def find(self, address: str) -> RadiusClient | None:
        """Return the client that asks from an address, or None if it is unknown."""
        asked = plain_address(address)
        found = [(network.prefixlen, one) for one in self.items for network in one.networks if asked in network]
        return max(found, key=lambda pair: pair[0])[1] if found else None

    def warnings(self) -> list[str]:
        """Return what is unsafe in the file."""
        return [
            f"{one.name} may leave out the Message-Authenticator, so answers to it can be forged (CVE-2024-3596)."
            for one in self.items
            if not one.is_strict
        ]


def plain_address(text: str) -> Address:
    """Return an address, an IPv4 address within IPv6 as IPv4."""
    found = ipaddress.ip_address(text.partition("%")[0])
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found


def clients_path() -> Path:
    return locations.config_home() / "radius-clients.toml"


def load_clients(path: Path) -> RadiusClients:
    """Read the clients, or raise `Unavailable` if others may read the file or something in it is wrong."""
    try:
        found = tomllib.loads(read_private(path))
    except tomllib.TOMLDecodeError as error:
        raise Unavailable(f"{path} is not valid TOML: {error}.") from None
    items = found.get("client")
    if set(found) != {"client"} or not isinstance(items, list):
        raise Unavailable(f"{path} has to consist of [[client]] tables.")
    clients = tuple(_client(path, number, item) for number, item in enumerate(items, start=1))
    if len({one.name for one in clients}) < len(clients):
        raise Unavailable(f"{path}: two clients have the same name.")
    if len({network for one in clients for network in one.networks}) < sum(len(one.networks) for one in clients):
        raise Unavailable(f"{path}: two clients have the same network.")
    return RadiusClients(clients)


def _client(path: Path, number: int, item: object) -> RadiusClient:
    """Return one client, or raise with its name.

    The secret is never part of a message.
    """
    where = f"{path}: client {number}"
    if not isinstance(item, Mapping) or not {"name", "networks", "secret"} <= set(item) <= _KEYS:
        raise Unavailable(f"{where} needs name, networks and secret, and may have require_message_authenticator.")
    name, secret, strict = item["name"], item["secret"], item.get("require_message_authenticator", True)
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_LABEL or not is_plain(name):
        raise Unavailable(f"{where} needs a name of 1 to {LONGEST_LABEL} visible characters.")
    if not isinstance(secret, str) or len(secret) < SHORTEST_SECRET:
        raise Unavailable(f"{where}, {name}: the secret needs at least {SHORTEST_SECRET} characters.")
    if not isinstance(strict, bool):
        raise Unavailable(f"{where}, {name}: require_message_authenticator is true or false.")
    return RadiusClient(name, _networks(f"{where}, {name}", item["networks"]), Secret(secret), strict)


def _networks(where: str, texts: object) -> tuple[Network, ...]:
    if not isinstance(texts, Sequence) or isinstance(texts, str) or not texts:
        raise Unavailable(f'{where}: networks is a list such as ["192.0.2.10", "10.0.0.0/24"].')
    try:
        return tuple(ipaddress.ip_network(str(text)) for text in texts)
    except ValueError as error:
        raise Unavailable(f"{where}: {visible(str(error))}.") from None
