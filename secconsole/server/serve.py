"""Start-up and shutdown of the server, in an order that leaves nothing half done."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from secconsole.backends.demo.inbox import is_demo
from secconsole.backends.embedded import EmbeddedBackend
from secconsole.backends.head_log import log_heads
from secconsole.backends.stores import StorePlace, open_store
from secconsole.domain.errors import Unavailable
from secconsole.operations.caller import Nobody
from secconsole.server.app import make_app
from secconsole.server.logs import report_loop_errors
from secconsole.server.metrics import Metrics, SharedMetrics
from secconsole.server.transport.admission import Admission
from secconsole.server.transport.gate import Gate
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
    `demo` the store is a demo's. `workers` is the number of processes that answer requests.
    """

    listen: tuple[Listen, ...]
    certificate: Certificate | None = None
    proxies: Proxies = field(default_factory=Proxies)
    socket_group: str = ""
    metrics_from: tuple[Network, ...] = ()
    limits: Limits = field(default_factory=Limits)
    trust_owner: bool = False
    demo: bool = False
    workers: int = 1


@dataclass(frozen=True, slots=True)
class Part:
    """Part of one process in a server.

    `opened` is called when connections are accepted. `is_keeper`: it does the regular work of the store, which is once
    for all workers. `life`: end of a pipe that closes with the supervisor. The rest is what workers share.
    """

    opened: Callable[[], None]
    is_keeper: bool = True
    life: int | None = None
    admission: Admission | None = None
    gate: Gate | None = None
    metrics: SharedMetrics | None = None


def run(settings: ServeOptions, store: StorePlace) -> None:
    """Serve until SIGTERM or SIGINT, finish requests in progress, and raise what `check` would."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(settings, store))


async def serve(settings: ServeOptions, store: StorePlace) -> None:
    certificate, doors = prepare(settings)
    try:
        await serve_part(settings, store, certificate, doors, Part(lambda: announce(doors)))
    finally:
        close_doors(doors)
    log.info("Stopped.")


async def serve_part(
    settings: ServeOptions, store: StorePlace, certificate: LiveCertificate | None, doors: list[Door], part: Part
) -> None:
    """Serve at open sockets until a signal, and finish requests in progress."""
    asyncio.get_running_loop().set_exception_handler(report_loop_errors)
    backend = await open_served_store(store, demo=settings.demo)
    try:
        if part.is_keeper:
            _keep(backend)
        shutdown, metrics = ShutdownSignal(), Metrics(part.metrics)
        if certificate is not None:
            metrics.watch_certificate(lambda: certificate.expires.timestamp())
            if part.is_keeper and (warning := certificate.warning()):
                log.error("%s", warning)
        callers = Callers(settings.proxies, store.owner if settings.trust_owner else None)
        app = make_app(
            backend,
            shutdown=shutdown,
            metrics=metrics,
            metrics_from=settings.metrics_from,
            callers=callers,
            gate=part.gate or Gate(settings.limits.refused),
        )
        server = ApiServer(app, doors, certificate, settings.limits, part.opened, callers, part.admission)
        with signals(shutdown, certificate, supervisor=part.life):
            await run_until_stopped(server, shutdown)
    finally:
        await backend.close()


def _keep(backend: EmbeddedBackend) -> None:
    """Do the regular work of the store from now on."""
    backend.delivery_worker.stay()
    backend.stream_worker.stay()
    backend.retention_worker.stay()
    backend.tending.stay()
    backend.head_log.stay(log_heads)
    backend.alert_worker.stay()


async def check(settings: ServeOptions, store: StorePlace) -> list[str]:
    """Return warnings about addresses, store, key and certificate, or raise what `serve` would."""
    places = tuple(place for place in settings.listen if not place.is_handed_over or is_handed_over())
    certificate, doors = prepare(settings, places)
    close_doors(doors)
    await (await open_served_store(store, demo=settings.demo)).close()
    warning = certificate.warning() if certificate is not None else ""
    return [warning] if warning else []


def prepare(
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


def announce(doors: list[Door], workers: int = 1) -> None:
    """Report to the log and to systemd that connections are accepted."""
    by = f" with {workers} workers" if workers > 1 else ""
    log.info("Listening on %s%s.", ", ".join(str(door) for door in doors), by)
    notify("READY=1")


def loop_factory() -> type[asyncio.AbstractEventLoop] | None:
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
