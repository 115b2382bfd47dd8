"""Connections to hosts that settings name: resolved once, checked, and made to the checked address.

A second look-up could return another address than the one that was checked (DNS rebinding).
"""

from __future__ import annotations

import asyncio
import socket

from secconsole.domain.networks.reach import Reach, usable


class Unreachable(OSError):
    """Failure to connect, without a reason: the caller must not learn whether a port is open, closed or forbidden."""


async def connect(host: str, port: int, reach: Reach, *, timeout: float) -> socket.socket:
    """Return a connected socket, or raise `Unreachable` if there is none within `timeout` seconds."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            allowed = usable([str(address[0]) for *_, address in found], reach) if reach.allows_port(port) else []
            places = [place for place in found if str(place[4][0]) in allowed]
            for number, (family, kind, protocol, _, address) in enumerate(places):
                last = number == len(places) - 1
                try:
                    async with asyncio.timeout(None if last else timeout / (len(places) + 1)):
                        return await _connected(loop, family, kind, protocol, address)
                except (OSError, TimeoutError):
                    if last:
                        raise
    except (OSError, TimeoutError, UnicodeError) as error:  # a name too long for DNS fails to encode
        raise Unreachable from error
    raise Unreachable


async def _connected(
    loop: asyncio.AbstractEventLoop, family: int, kind: int, protocol: int, address: tuple[object, ...]
) -> socket.socket:
    made = socket.socket(family, kind, protocol)
    try:
        made.setblocking(False)
        await loop.sock_connect(made, address)
    except BaseException:
        made.close()
        raise
    return made
