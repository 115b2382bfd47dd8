"""Hosts and ports that servers in settings may have: public ones, and others for those who manage all tenants."""

from __future__ import annotations

from secconsole.domain.errors import NotAllowed
from secconsole.domain.messages.delivery import is_loopback
from secconsole.domain.networks.reach import Reach, literal_address


def refuse_unreachable(reach: Reach, host: str, port: int) -> None:
    """Raise `NotAllowed` for a host or port that is forbidden without a look-up.

    Names are resolved and checked at each connection.
    """
    address = literal_address("127.0.0.1" if is_loopback(host) else host)
    if address is not None and not reach.allows(address):
        raise NotAllowed(
            "Only a platform-admin may use an address that is not public. The owner of the store can allow its "
            "network with delivery_networks in config.toml"
        )
    if not reach.allows_port(port):
        ports = ", ".join(map(str, reach.ports))
        raise NotAllowed(f"Only a platform-admin may use a port other than {ports}.")
