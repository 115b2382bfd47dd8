"""Running the server: where it listens, how it is encrypted, and how it ends."""

from __future__ import annotations

import ipaddress
import os
import ssl
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from secconsole.backends.embedded import EmbeddedBackend, open_embedded
from secconsole.config import locations
from secconsole.domain.errors import Invalid, Unavailable
from secconsole.operations.caller import Nobody
from secconsole.server.app import make_app

GRACE = 10  # seconds for requests under way when the server is told to stop


@dataclass(frozen=True, slots=True)
class Listen:
    """An address to listen on: host and port, or a UNIX socket."""

    host: str = ""
    port: int = 0
    socket: Path | None = None

    @property
    def is_local(self) -> bool:
        """Whether nobody else's line is between the two ends."""
        if self.socket is not None or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        if self.socket is not None:
            return f"unix:{self.socket}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files in PEM form; the key must be private."""

    chain: Path
    key: Path


def parse_listen(text: str) -> Listen:
    """Read `HOST:PORT`, `[IPv6]:PORT` or `unix:PATH`; raise `Invalid` for anything else."""
    if text.startswith("unix:"):
        path = Path(text.removeprefix("unix:").removeprefix("//"))
        if not path.name:
            raise Invalid("unix: needs the path of a socket, as in unix:/run/secconsole/api.sock.", "listen")
        return Listen(socket=path.absolute())
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65536:
        raise Invalid(f"{text} is no address: give HOST:PORT or unix:PATH.", "listen")
    return Listen(host, int(port))


def parse_store(url: str) -> Path:
    """Read `sqlite:///PATH`; empty means the store of this home."""
    if not url:
        return locations.database_path()
    path = url.removeprefix("sqlite:///")
    if path == url or not path:
        raise Invalid(f"{url} is no store that can be served so far: give sqlite:///PATH.", "store")
    return Path(path).absolute()


async def serve(listen: Listen, database: Path, certificate: Certificate | None) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are finished. Raises `Invalid` for an unsafe address."""
    if certificate is None and not listen.is_local:
        raise Invalid(
            f"{listen} is open to the network, and passwords would cross it in the clear. "
            "Give --tls-cert and --tls-key, or listen on 127.0.0.1 or a UNIX socket behind a proxy that encrypts.",
            "listen",
        )
    backend = await open_embedded(Nobody(), "api", database=database)
    try:
        await _run(backend, listen, certificate)
    finally:
        await backend.close()


async def check(listen: Listen, database: Path, certificate: Certificate | None) -> None:
    """Whether `serve` would start: address, store, key and certificate; raises what `serve` would."""
    if certificate is None and not listen.is_local:
        await serve(listen, database, certificate)
    if certificate is not None:
        _tls(certificate)
    await (await open_embedded(Nobody(), "api", database=database)).close()


async def _run(backend: EmbeddedBackend, listen: Listen, certificate: Certificate | None) -> None:
    config = uvicorn.Config(
        make_app(backend),
        host=listen.host or "127.0.0.1",
        port=listen.port,
        uds=str(_private_socket(listen.socket)) if listen.socket else None,
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the peer's own address is what counts; a header can say anything
        timeout_graceful_shutdown=GRACE,
        lifespan="off",
        h11_max_incomplete_event_size=64 * 1024,
    )
    config.load()
    if certificate is not None:
        config.ssl = _tls(certificate)
    server = uvicorn.Server(config)
    try:
        await server.serve()
    except SystemExit:
        raise Unavailable(f"{listen} cannot be listened on. Is something else there already?") from None
    finally:
        if listen.socket:
            listen.socket.unlink(missing_ok=True)


def _private_socket(path: Path) -> Path:
    """A socket lies in a folder of its own that only we may enter: uvicorn makes the socket open to everybody."""
    locations.ensure_private_dir(path.parent)
    if path.is_socket():
        os.unlink(path)
    return path


def _tls(certificate: Certificate) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate.chain, certificate.key)
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "reason", None) or "not a certificate and its key"
        raise Unavailable(f"The certificate {certificate.chain} cannot be used: {reason}.") from None
    return context
