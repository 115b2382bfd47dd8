"""Who is at the other end of a connection: an address of the network, or a user of this machine."""

from __future__ import annotations

import os
import pwd
import socket
import struct
from asyncio import BaseTransport
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from secconsole.domain.text import visible
from secconsole.operations.caller import Nobody, StoreOwner
from secconsole.server.proxies import Address, Headers, Proxies, parse_address

_CREDENTIALS = struct.Struct("iII")  # unix(7): struct ucred is pid, uid, gid
# Proxies that say what they are, though nobody named them: their callers are not who opened the socket.
_FORWARDING = (b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip")


@dataclass(frozen=True, slots=True)
class OsUser:
    """The user behind a UNIX socket when it was connected, as the kernel says."""

    uid: int

    def __str__(self) -> str:
        """`alice (uid 1000)`, or `uid 1000` for one without a name."""
        name = _name_of(self.uid)
        return f"{name} (uid {self.uid})" if name else f"uid {self.uid}"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a request comes from: `address` for the audit, and who they are if they show no token."""

    address: str = ""
    without_token: Nobody | StoreOwner = field(default_factory=Nobody)
    network: Address | None = None  # None: this machine, by a UNIX socket


@dataclass(frozen=True, slots=True)
class Callers:
    """Tells who a request comes from. `owner`: whom the server's own user acts as; None for nobody."""

    proxies: Proxies = field(default_factory=Proxies)
    owner: StoreOwner | None = None

    def of(self, scope: Mapping[str, Any]) -> Caller:
        """Read an ASGI scope; raise `Unreadable` if a trusted proxy names a client that is no address."""
        headers: Headers = scope["headers"]
        user: OsUser | None = scope.get("state", {}).get("os_user")
        client = scope.get("client")
        peer = user.uid if user is not None else parse_address(client[0]) if client else None
        found = self.proxies.client_of(peer, headers) if peer is not None else None
        if found is not None:
            return Caller(str(found), network=found)
        if user is None:
            return Caller()
        return Caller(str(user), self._owner(user, headers))

    def _owner(self, user: OsUser, headers: Headers) -> Nobody | StoreOwner:
        """The server's own user could open the store as well as we did; a proxy that they run speaks for others."""
        if (
            self.owner is None
            or user.uid != os.geteuid()
            or user.uid == _overflow_uid()
            or self.proxies.trust(user.uid)
        ):
            return Nobody()
        return Nobody() if any(name in _FORWARDING for name, _ in headers) else self.owner


def os_user_of(transport: BaseTransport) -> OsUser | None:
    """The user who connected a UNIX socket; None for a connection over a network."""
    opened = transport.get_extra_info("socket")
    if opened is None or opened.family != socket.AF_UNIX:
        return None
    _, uid, _ = _CREDENTIALS.unpack(opened.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return OsUser(uid)


def owner_of(*files: Path) -> StoreOwner | None:
    """The user who runs this, if all of the store's files belong to them."""
    try:
        owners = {os.stat(path).st_uid for path in files}
    except OSError:
        return None
    uid = os.geteuid()
    return StoreOwner(_name_of(uid) or str(uid)) if owners == {uid} else None


@lru_cache(maxsize=256)
def _name_of(uid: int) -> str:
    """Kept, since asking may mean asking a directory server."""
    try:
        return visible(pwd.getpwuid(uid).pw_name)
    except KeyError:
        return ""


@lru_cache(maxsize=1)
def _overflow_uid() -> int:
    """What the kernel calls users of other namespaces: whoever it is, it is nobody we know (user_namespaces(7))."""
    try:
        return int(Path("/proc/sys/kernel/overflowuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 65534
