"""Connections to receivers, plain or with TLS.

A library's stream does not say whether the other side has ended TLS in reply to us, which is how a syslog receiver
confirms that it has everything.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import ssl
import termios
from array import array
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from secconsole.config.certificates import machine_trust
from secconsole.delivery.connect import connect
from secconsole.delivery.streams.receiver import CONNECT, StreamReceiver
from secconsole.domain.secret import Secret

T = TypeVar("T")
_PART = 65_536


class Line:
    """Connection to a receiver."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._loop = asyncio.get_running_loop()

    async def send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self._socket, data)

    async def receive(self) -> bytes:
        """Return what comes next, nothing at the end."""
        return await self._loop.sock_recv(self._socket, _PART)

    async def finish(self) -> None:
        """Say that this was everything, and return once the other side has ended the connection for it."""
        self._socket.shutdown(socket.SHUT_WR)
        while await self.receive():
            pass

    def close(self) -> None:
        self._socket.close()


class TlsLine(Line):
    """Connection with TLS, after `handshake`."""

    def __init__(self, connected: socket.socket, context: ssl.SSLContext, host: str) -> None:
        super().__init__(connected)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    async def handshake(self) -> None:
        await self._run(self._tls.do_handshake)

    async def send(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            part = left[:_PART]
            left = left[await self._run(lambda part=part: self._tls.write(part)) :]  # type: ignore[misc]

    async def receive(self) -> bytes:
        try:
            return await self._run(lambda: self._tls.read(_PART))
        except ssl.SSLZeroReturnError:
            return b""

    async def finish(self) -> None:
        """Send close_notify, and return once the other side has read it and ended the connection for it.

        It must send its own (RFC 5425 section 4.4), but rsyslog with GnuTLS only ends TCP. That counts if all was
        acknowledged: a system that closes a connection with unread data resets it. Nothing signs such an end: an
        attacker who forges it makes a gap, which the numbers of the entries show.
        """
        try:
            await self._run(self._tls.unwrap)
        except ssl.SSLEOFError:
            if self._count_unacknowledged():
                raise

    def _count_unacknowledged(self) -> int:
        """Return how many bytes the other side's system has not acknowledged."""
        count = array("i", [0])
        fcntl.ioctl(self._socket, termios.TIOCOUTQ, count)
        return count[0]

    async def _run(self, step: Callable[[], T]) -> T:
        """Return the result of a step of TLS, exchanging what it needs."""
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                await self._flush()
                data = await super().receive()
                if data:
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()
            except ssl.SSLError:
                with suppress(OSError):
                    await self._flush()  # why we refuse
                raise
            else:
                await self._flush()
                return result

    async def _flush(self) -> None:
        if data := self._outgoing.read():
            await super().send(data)


async def open_line(receiver: StreamReceiver) -> Line:
    """Return a connection to a receiver of the network, or raise `OSError`, `Unavailable` or `Unreachable`."""
    to = receiver.to
    context = tls_context(receiver) if to.tls else None
    connected = await connect(to.host, to.port, receiver.reach, timeout=CONNECT)
    if context is None:
        return Line(connected)
    line = TlsLine(connected, context, to.host)
    try:
        await line.handshake()
    except BaseException:
        line.close()
        raise
    return line


def tls_context(receiver: StreamReceiver) -> ssl.SSLContext:
    """Return the context for a receiver, or raise `OSError` if its certificates cannot be used."""
    if receiver.ca:
        context = ssl.create_default_context(cadata=receiver.ca)
    else:
        context = machine_trust()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if receiver.certificate and receiver.key is not None:
        _load_chain(context, receiver.certificate, receiver.key)
    return context


def _load_chain(context: ssl.SSLContext, certificate: str, key: Secret[str]) -> None:
    """Load certificate and key, which OpenSSL only reads from a file: one in memory, if the system has that."""
    text = f"{certificate.rstrip()}\n{key.reveal().strip()}\n".encode()
    handle = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        os.write(handle, text)
        # Without a password, so that nothing asks for one at the terminal.
        context.load_cert_chain(f"/proc/self/fd/{handle}", password=lambda: b"")
    finally:
        os.close(handle)
