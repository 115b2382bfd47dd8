"""Real receivers of the audit for tests: syslog over TLS, UNIX sockets, and a webhook that verifies signatures."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import re
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from secconsole.server.transport.tls import Certificate

_PARAM = re.compile(r'([a-z_]+)="((?:[^"\\\]]|\\["\\\]])*)"')


@dataclass
class Received:
    """What a receiver got, in order."""

    port: int = 0
    messages: list[bytes] = field(default_factory=list)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    connections: int = 0

    @property
    def params(self) -> list[dict[str, str]]:
        """Structured data of each syslog message, unescaped."""
        return [params_of(message) for message in self.messages]

    @property
    def seqs(self) -> list[int]:
        """Numbers of the entries, without tests."""
        if self.requests:
            found = [json.loads(body) for _, body in self.requests]
            return [one["data"]["seq"] for one in found if one["type"] == "audit.entry"]
        return [int(one["seq"]) for one in self.params if "seq" in one]


def params_of(message: bytes) -> dict[str, str]:
    """Return the structured data of a message as an RFC 5424 parser reads it."""
    text = message.decode()
    found = re.fullmatch(
        r"<(\d{1,3})>1 (\S+) (\S{1,255}) (\S{1,48}) (\S{1,128}) (\S{1,32}) "
        r'\[secconsole@32473((?: [a-z_]+="(?:[^"\\\]]|\\["\\\]])*")*)\] \ufeff(.*)',
        text,
    )
    assert found, text
    return {name: re.sub(r'\\(["\\\]])', r"\1", value) for name, value in _PARAM.findall(found[7])}


def frames(data: bytes) -> list[bytes]:
    """Return the messages of a connection in the frames of RFC 5425, all of which must be complete."""
    found = []
    while data:
        length, _, rest = data.partition(b" ")
        assert len(rest) >= int(length)
        found.append(rest[: int(length)])
        data = rest[int(length) :]
    return found


@asynccontextmanager
async def tls_syslog(certificate: Certificate, *, client_ca: Path | None = None) -> AsyncIterator[Received]:
    """A syslog receiver on localhost, which ends TLS properly after it has read everything."""
    received = Received()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.connections += 1
        with suppress(OSError):
            received.messages += frames(await reader.read())
            writer.close()

    server = await asyncio.start_server(serve, "localhost", 0, ssl=context, family=socket.AF_INET)
    async with server:
        received.port = server.sockets[0].getsockname()[1]
        yield received


@contextmanager
def killed_receiver(certificate: Certificate | None, path: Path) -> Iterator[int]:
    """A receiver that ends as a killed process does, with what it was sent still unread: over TLS, or on a socket."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if certificate is not None:
        context.load_cert_chain(certificate.chain, certificate.key)
        server = socket.create_server(("127.0.0.1", 0))
    else:
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(path))
        server.listen()

    def serve() -> None:
        found, _ = server.accept()
        with found:
            if certificate is None:
                found.recv(1)
            else:
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                with (
                    suppress(OSError),
                    context.wrap_socket(found, server_side=True, suppress_ragged_eofs=False) as line,
                ):
                    line.recv(1)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with server:
        yield server.getsockname()[1] if certificate is not None else 0
        thread.join()


@contextmanager
def bare_receiver(certificate: Certificate) -> Iterator[int]:
    """A receiver over TLS that reads everything and then ends TCP alone, as rsyslog with GnuTLS does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)

    def serve(server: socket.socket) -> None:
        found, _ = server.accept()
        with found, context.wrap_socket(found, server_side=True) as line:
            while line.recv(65_536):
                pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


@asynccontextmanager
async def unix_datagrams(path: Path) -> AsyncIterator[Received]:
    """A socket like journald's /dev/log."""
    received = Received()
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    bound.bind(str(path))
    bound.setblocking(False)

    async def read() -> None:
        while True:
            received.messages.append(await asyncio.get_running_loop().sock_recv(bound, 100_000))

    task = asyncio.create_task(read())
    try:
        yield received
    finally:
        task.cancel()
        bound.close()


@asynccontextmanager
async def unix_stream(path: Path) -> AsyncIterator[Received]:
    """A stream socket whose messages end in newlines."""
    received = Received()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.messages += (await reader.read()).splitlines()
        writer.close()

    async with await asyncio.start_unix_server(serve, path):
        yield received


@asynccontextmanager
async def webhook(
    answer: Callable[[int], bytes] = lambda number: b"HTTP/1.1 204 No Content\r\n\r\n",
    certificate: Certificate | None = None,
) -> AsyncIterator[Received]:
    """A web server that answers each request by its number."""
    received = Received()
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.chain, certificate.key)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.connections += 1
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = dict(_header(line) for line in head[1:] if line)
                body = await reader.readexactly(int(headers["content-length"]))
                received.requests.append(({**headers, ":path": head[0].split()[1]}, body))
                writer.write(answer(len(received.requests)))
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        received.port = server.sockets[0].getsockname()[1]
        yield received


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(": ")
    return name.lower(), value


def verified(secret: str, headers: dict[str, str], body: bytes) -> Any:
    """Return the content of a request as a receiver's own implementation verifies it, written from the standard."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    wanted = base64.b64encode(hmac.new(key, signed, "sha256").digest()).decode()
    assert f"v1,{wanted}" in headers["webhook-signature"].split(" ")
    return json.loads(body)
