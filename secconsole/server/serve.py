"""Start-up and shutdown of the server, in an order that leaves nothing half done."""

from __future__ import annotations

import asyncio
import logging
import sys
from dataclasses import dataclass, field

from secconsole.backends.demo.inbox import is_demo
from secconsole.backends.embedded import EmbeddedBackend
from secconsole.backends.head_log import log_heads
from secconsole.backends.stores import StorePlace, open_store
from secconsole.domain.errors import Unavailable
from secconsole.operations.caller import Nobody
from secconsole.server.app import make_app
from secconsole.server.logs import report_loop_errors
from secconsole.server.metrics import Metrics
from secconsole.server.transport.limits import Limits, make_room
from secconsole.server.transport.listen import (
    Door,
    Listen,
    close_doors,
    demand_encryption,
    is_handed_over,
    open_doors,
)
from secconsole.server.transport.peers import Callers
from secconsole.server.transport.proxies import Network, Proxies
from secconsole.server.transport.running import ApiServer, run_until_stopped, signals
from secconsole.server.transport.shutdown import ShutdownSignal
from secconsole.server.transport.systemd import notify
from secconsole.server.transport.tls import Certificate, LiveCertificate

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """Options of the server.

    `socket_group` is the group whose members may open UNIX sockets. `metrics_from` are networks that may read metrics.
    With `trust_owner` the user who runs the server acts on a UNIX socket as the store's owner, without a token. With
    `demo` the store is a demo's.
    """

    listen: tuple[Listen, ...]
    certificate: Certificate | None = None
    proxies: Proxies = field(default_factory=Proxies)
    socket_group: str = ""
    metrics_from: tuple[Network, ...] = ()
    limits: Limits = field(default_factory=Limits)
    trust_owner: bool = False
    demo: bool = False


def run(settings: ServeOptions, store: StorePlace) -> None:
    """Serve until SIGTERM or SIGINT, finish requests in progress, and raise what `check` would."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve(settings, store))


async def serve(settings: ServeOptions, store: StorePlace) -> None:
    certificate, doors = _prepare(settings)
    try:
        asyncio.get_running_loop().set_exception_handler(report_loop_errors)
        backend = await open_served_store(store, demo=settings.demo)
        try:
            backend.delivery_worker.stay()
            backend.stream_worker.stay()
            backend.retention_worker.stay()
            backend.tending.stay()
            backend.head_log.stay(log_heads)
            backend.alert_worker.stay()
            shutdown, metrics = ShutdownSignal(), Metrics()
            if certificate is not None:
                metrics.watch_certificate(lambda: certificate.expires.timestamp())
                if warning := certificate.warning():
                    log.error("%s", warning)
            callers = Callers(settings.proxies, store.owner if settings.trust_owner else None)
            app = make_app(
                backend,
                shutdown=shutdown,
                metrics=metrics,
                metrics_from=settings.metrics_from,
                callers=callers,
                refused=settings.limits.refused,
            )
            server = ApiServer(app, doors, certificate, settings.limits, lambda: _opened(doors), callers)
            with signals(shutdown, certificate):
                await run_until_stopped(server, shutdown)
        finally:
            await backend.close()
    finally:
        close_doors(doors)
    log.info("Stopped.")


async def check(settings: ServeOptions, store: StorePlace) -> list[str]:
    """Return warnings about addresses, store, key and certificate, or raise what `serve` would."""
    places = tuple(place for place in settings.listen if not place.is_handed_over or is_handed_over())
    certificate, doors = _prepare(settings, places)
    close_doors(doors)
    await (await open_served_store(store, demo=settings.demo)).close()
    warning = certificate.warning() if certificate is not None else ""
    return [warning] if warning else []


def _prepare(
    settings: ServeOptions, places: tuple[Listen, ...] | None = None
) -> tuple[LiveCertificate | None, list[Door]]:
    if settings.certificate is None:
        demand_encryption(settings.listen)
    # Before anything is opened: a limit on files that is too low is found at the start and not under load.
    make_room(settings.limits.connections)
    certificate = LiveCertificate(settings.certificate) if settings.certificate else None
    doors = open_doors(settings.listen if places is None else places, group=settings.socket_group)
    try:
        if certificate is None:
            demand_encryption(tuple(doors))  # the addresses that a name or a socket unit resolves to
    except BaseException:
        close_doors(doors)
        raise
    return certificate, doors


def _opened(doors: list[Door]) -> None:
    log.info("Listening on %s.", ", ".join(str(door) for door in doors))
    notify("READY=1")


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    """Return uvloop's event loop, or None if it is not installed."""
    if sys.platform == "win32":
        return None
    try:
        import uvloop
    except ModuleNotFoundError:
        return None
    return uvloop.Loop


async def open_served_store(place: StorePlace, *, demo: bool = False) -> EmbeddedBackend:
    """Open a store for many authenticated callers, a demo's store only on request."""
    backend = await open_store(place, Nobody(), "api")
    try:
        found = await asyncio.wrap_future(backend.store.read(lambda connection: is_demo(connection, backend.keys)))
        if found and not demo:
            raise Unavailable(f"{place} is a demo's store, whose passwords are public. To serve it anyway, add --demo")
        if demo and not found:
            raise Unavailable(f"{place} is not a demo's store. Leave --demo out to serve it.")
    except BaseException:
        await backend.close()
        raise
    return backend
