"""Acceptor of connections, which counts every connection before any decryption."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

from secconsole.config.report import describe
from secconsole.domain.networks.origin import origin_of
from secconsole.server.transport.admission import Admission, Seat
from secconsole.server.transport.limits import Limits
from secconsole.server.transport.listen import Door
from secconsole.server.transport.peers import uid_behind
from secconsole.server.transport.proxies import Proxies, parse_ip

log = logging.getLogger(__name__)

_NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_AT_ONCE = 64  # connections that are closed before other tasks have their turn
_PAUSE = 0.05  # seconds, if the system has no resources for another connection


class Acceptor:
    """Acceptor of connections at a listening socket, with the `close` and `wait_closed` that uvicorn calls."""

    def __init__(
        self,
        door: Door,
        certificate: ssl.SSLContext | None,
        limits: Limits,
        admission: Admission,
        proxies: Proxies,
        make: Callable[[Seat], asyncio.Protocol],
    ) -> None:
        self._door, self._certificate, self._limits = door, certificate, limits
        self._admission, self._proxies, self._make = admission, proxies, make
        self._loop = asyncio.get_running_loop()
        self._greetings: set[asyncio.Task[None]] = set()
        door.socket.setblocking(False)
        self._accepting = self._loop.create_task(self._accept())

    def close(self) -> None:
        self._accepting.cancel()

    async def wait_closed(self) -> None:
        with suppress(asyncio.CancelledError):
            await self._accepting
        for greeting in list(self._greetings):
            greeting.cancel()
        if self._greetings:
            await asyncio.wait(set(self._greetings))

    async def _accept(self) -> None:
        while True:
            try:
                opened, address = await self._loop.sock_accept(self._door.socket)
            except OSError as error:
                if error.errno in _NO_ROOM and not self._admission.make_room():
                    log.error("No connection can be accepted: %s.", error.strerror)
                    await asyncio.sleep(1)
                await asyncio.sleep(_PAUSE)
                continue
            self._let_in(opened, address)
            await asyncio.sleep(0)  # a flood of connections must not block existing ones

    def _let_in(self, opened: socket.socket, address: object) -> None:
        """Accept the next connection that is admitted.

        Closing one is cheap, so a flood is soon passed.
        """
        for _ in range(_AT_ONCE):
            try:
                if self._greet(opened, self._home_of(opened, address)):
                    return
            except Exception as error:  # no error of one connection may stop the acceptor
                log.error("A connection was not accepted: %s", describe(error))
                opened.close()
            try:
                opened, address = self._door.socket.accept()
            except OSError:
                return
            opened.setblocking(False)
        self._greet(opened, self._home_of(opened, address))

    def _home_of(self, opened: socket.socket, address: object) -> str | None:
        """Return the origin that a connection counts for, or None for a named proxy."""
        if opened.family == socket.AF_UNIX:
            uid = uid_behind(opened)
            return None if self._proxies.trust(uid) else f"uid {uid}"
        found = parse_ip(str(address[0])) if isinstance(address, tuple) else None
        if found is None:
            return ""
        return None if self._proxies.trust(found) else origin_of(found)

    def _greet(self, opened: socket.socket, home: str | None) -> bool:
        """Admit a connection, or close it and return False."""

        def cut() -> None:
            with suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)

        seat = self._admission.enter(home, cut) if self._admission.may_open(home) else None
        if seat is None:
            opened.close()
            return False
        greeting = self._loop.create_task(self._connect(opened, seat))
        self._greetings.add(greeting)
        greeting.add_done_callback(self._greetings.discard)
        return True

    async def _connect(self, opened: socket.socket, seat: Seat) -> None:
        """Pass a connection to its protocol, after the TLS handshake if there is one."""
        encrypted = (
            {}
            if self._certificate is None
            else {
                "ssl": self._certificate,
                "ssl_handshake_timeout": self._limits.handshake,
                "ssl_shutdown_timeout": self._limits.farewell,
            }
        )
        try:
            await self._loop.connect_accepted_socket(lambda: self._make(seat), opened, **encrypted)  # type: ignore[arg-type]
        except (OSError, TimeoutError):  # of the client or the network; includes ssl.SSLError
            self._admission.leave(seat)
            opened.close()
        except BaseException:
            self._admission.leave(seat)
            opened.close()
            raise
