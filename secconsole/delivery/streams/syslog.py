"""Delivery of syslog messages: over TLS as in RFC 5425, or to a UNIX socket.

Syslog has no answers. A receiver has everything once it has read up to the end of the connection and ended it for that,
so each portion has its own connection. A datagram counts as received when the socket has taken it.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Sequence

from secconsole.delivery.connect import Unreachable
from secconsole.delivery.streams.line import Line, open_line
from secconsole.delivery.streams.receiver import (
    CONNECT,
    INTERRUPTED,
    SEND,
    SILENT,
    UNREACHABLE,
    Delivered,
    StreamReceiver,
)
from secconsole.domain.audit.audit_stream import StreamKind
from secconsole.domain.audit.syslog import octet_counted
from secconsole.domain.errors import Unavailable

_UNTRUSTED = "The certificate of the receiver is not trusted, expired, or for another name."
_TLS = "TLS with the receiver failed. It may demand a certificate, or not speak TLS."
_NO_SOCKET = "There is no socket at that path, or it does not accept messages."


async def send_syslog(receiver: StreamReceiver, messages: Sequence[bytes], *, timeout: float = SEND) -> Delivered:
    """Send messages, all or none of which count as received, without raising for anything the other side does."""
    local = receiver.kind is StreamKind.SYSLOG_UNIX
    line: Line | None = None
    try:
        async with asyncio.timeout(timeout):
            async with asyncio.timeout(min(CONNECT, timeout)):
                line = await (_open_socket(receiver.to.path) if local else open_line(receiver))
            await _send(line, messages, local=local)
    except TimeoutError:
        return Delivered(0, UNREACHABLE if line is None and not local else SILENT)
    except (OSError, Unavailable, ValueError) as error:
        return Delivered(0, connection_problem(error, is_open=line is not None, local=local))
    finally:
        if line is not None:
            line.close()
    return Delivered(len(messages))


def connection_problem(error: Exception, *, is_open: bool, local: bool = False) -> str:
    """Return what went wrong with a connection, in our own words."""
    if isinstance(error, Unavailable):
        return error.message
    if is_open:  # with TLS 1.3 a client's certificate is refused after the handshake
        was_refused = isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError)
        return _TLS if was_refused else INTERRUPTED
    if isinstance(error, ssl.SSLCertVerificationError):
        return _UNTRUSTED
    if isinstance(error, ssl.SSLError | ValueError | ConnectionError) and not isinstance(error, Unreachable):
        return _NO_SOCKET if local else _TLS
    return _NO_SOCKET if local else UNREACHABLE


async def _send(line: Line, messages: Sequence[bytes], *, local: bool) -> None:
    if isinstance(line, _Datagrams):
        for message in messages:
            await line.send(message)
        return
    for message in messages:
        await line.send(message + b"\n" if local else octet_counted(message))
    await line.finish()


class _Datagrams(Line):
    """Socket that takes each message by itself."""


async def _open_socket(path: str) -> Line:
    """Return a connection to a UNIX socket of either kind."""
    loop = asyncio.get_running_loop()
    for kind, make in ((socket.SOCK_DGRAM, _Datagrams), (socket.SOCK_STREAM, Line)):
        found = socket.socket(socket.AF_UNIX, kind)
        try:
            found.setblocking(False)
            await loop.sock_connect(found, path)
            return make(found)
        except BaseException as error:
            found.close()
            if not isinstance(error, OSError) or error.errno != errno.EPROTOTYPE or kind is socket.SOCK_STREAM:
                raise
    raise AssertionError("one of the kinds returns or raises")
