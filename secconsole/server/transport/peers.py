"""Peers of connections: a network address, or a user of this machine."""

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
from secconsole.server.transport.proxies import Address, Headers, Proxies, parse_ip

_CREDENTIALS = struct.Struct("iII")  # unix(7): struct ucred is pid, uid, gid
# Headers of proxies that were not named: their clients are not the user who opened the socket.
_FORWARDING = (b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip")


@dataclass(frozen=True, slots=True)
class OsUser:
    """User who connected a UNIX socket, as reported by the kernel."""

    uid: int

    def __str__(self) -> str:
        """Return `alice (uid 1000)`, or `uid 1000` for a user without a name."""
        name = _name_of(self.uid)
        return f"{name} (uid {self.uid})" if name else f"uid {self.uid}"


@dataclass(frozen=True, slots=True)
class Caller:
    """Sender of a request: its address for the audit, and its credential without a token."""

    address: str = ""
    without_token: Nobody | StoreOwner = field(default_factory=Nobody)
    network: Address | None = None  # None: this machine, by a UNIX socket
    relayed: bool = False  # by a proxy on a UNIX socket that is not trusted, so that the origin is unknown


@dataclass(frozen=True, slots=True)
class Callers:
    """Recognition of callers.

    `owner` is the credential of the server's own user without a token. It is None unless requested: then they sign in
    like other users.
    """

    proxies: Proxies = field(default_factory=Proxies)
    owner: StoreOwner | None = None

    def of(self, scope: Mapping[str, Any]) -> Caller:
        """Return the caller of an ASGI scope, or raise `Unreadable` for a proxy's malformed client address."""
        headers: Headers = scope["headers"]
        user: OsUser | None = scope.get("state", {}).get("os_user")
        client = scope.get("client")
        peer = user.uid if user is not None else _address_of(client[0]) if client else None
        found = self.proxies.client_of(peer, headers) if peer is not None else None
        if found is not None:
            return Caller(str(found), network=found)
        if user is None:
            return Caller()
        relayed = _is_relayed(headers)
        return Caller(str(user), Nobody() if relayed else self._owner(user), relayed=relayed)

    def _owner(self, user: OsUser) -> Nobody | StoreOwner:
        """Return the owner's credential for the server's own user, unless they run a proxy for others."""
        if (
            self.owner is None
            or user.uid != os.geteuid()
            or user.uid == _overflow_uid()
            or self.proxies.trust(user.uid)
        ):
            return Nobody()
        return self.owner


@lru_cache(maxsize=4096)
def _address_of(text: str) -> Address | None:
    """Return the address of a socket, cached because a connection sends many requests."""
    return parse_ip(text)


def _is_relayed(headers: Headers) -> bool:
    return any(name in _FORWARDING for name, _ in headers)


def os_user_of(transport: BaseTransport) -> OsUser | None:
    """Return the user who connected a UNIX socket, or None for a network connection."""
    opened = transport.get_extra_info("socket")
    if opened is None or opened.family != socket.AF_UNIX:
        return None
    return OsUser(uid_behind(opened))


def uid_behind(opened: socket.socket) -> int:
    """Return the id of the user who connected a UNIX socket, as reported by the kernel."""
    _, uid, _ = _CREDENTIALS.unpack(opened.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return int(uid)


@lru_cache(maxsize=256)
def _name_of(uid: int) -> str:
    """Return the name of a user, cached because the lookup may query a directory server."""
    try:
        return visible(pwd.getpwuid(uid).pw_name)
    except KeyError:
        return ""


@lru_cache(maxsize=1)
def _overflow_uid() -> int:
    """Return the id that the kernel reports for unknown users of other namespaces (user_namespaces(7))."""
    try:
        return int(Path("/proc/sys/kernel/overflowuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 65534
