"""Running the server: everything that is needed to start, in an order in which nothing is half done."""

from __future__ import annotations

import asyncio
import logging
import sys
from dataclasses import dataclass, field

from secconsole.backends.stores import StorePlace
from secconsole.server.app import make_app
from secconsole.server.limits import Limits, make_room
from secconsole.server.listen import Door, Listen, close_doors, demand_encryption, is_handed_over, open_doors
from secconsole.server.logs import report_loop_errors
from secconsole.server.metrics import Metrics
from secconsole.server.notify import notify
from secconsole.server.opening import open_store, store_owner
from secconsole.server.peers import Callers
from secconsole.server.proxies import Network, Proxies
from secconsole.server.running import ApiServer, run_until_stopped, signals
from secconsole.server.stopping import Stop
from secconsole.server.tls import Certificate, LiveCertificate

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """How to serve. `socket_group`: whose members may open UNIX sockets; `metrics_from`: who else may read metrics."""

    listen: tuple[Listen, ...]
    certificate: Certificate | None = None
    proxies: Proxies = field(default_factory=Proxies)
    socket_group: str = ""
    metrics_from: tuple[Network, ...] = ()
    limits: Limits = field(default_factory=Limits)


def run(settings: Settings, store: StorePlace) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are finished. Raises what `check` would."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve(settings, store))


async def serve(settings: Settings, store: StorePlace) -> None:
    certificate, doors = _prepare(settings)
    try:
        asyncio.get_running_loop().set_exception_handler(report_loop_errors)
        backend = await open_store(store)
        try:
            backend.courier.stay()
            stop, metrics = Stop(), Metrics()
            if certificate is not None:
                metrics.watch_certificate(lambda: certificate.expires.timestamp())
                if warning := certificate.warning():
                    log.error("%s", warning)
            app = make_app(
                backend,
                stop=stop,
                metrics=metrics,
                metrics_from=settings.metrics_from,
                callers=Callers(settings.proxies, store_owner(store)),
            )
            server = ApiServer(app, doors, certificate, settings.limits, lambda: _opened(doors))
            with signals(stop, certificate):
                await run_until_stopped(server, stop)
        finally:
            await backend.close()
    finally:
        close_doors(doors)
    log.info("Stopped.")


async def check(settings: Settings, store: StorePlace) -> list[str]:
    """Whether `serve` would start: addresses, store, key and certificate. Raises what it would; returns warnings."""
    places = tuple(place for place in settings.listen if not place.is_handed_over or is_handed_over())
    certificate, doors = _prepare(settings, places)
    close_doors(doors)
    await (await open_store(store)).close()
    warning = certificate.warning() if certificate is not None else ""
    return [warning] if warning else []


def _prepare(settings: Settings, places: tuple[Listen, ...] | None = None) -> tuple[LiveCertificate | None, list[Door]]:
    if settings.certificate is None:
        demand_encryption(settings.listen)
    make_room(settings.limits.connections)
    certificate = LiveCertificate(settings.certificate) if settings.certificate else None
    doors = open_doors(settings.listen if places is None else places, group=settings.socket_group)
    try:
        if certificate is None:
            demand_encryption(tuple(doors))  # what a name or a socket unit really stands for
    except BaseException:
        close_doors(doors)
        raise
    return certificate, doors


def _opened(doors: list[Door]) -> None:
    log.info("Listening on %s.", ", ".join(str(door) for door in doors))
    notify("READY=1")


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    """uvloop's where it is installed."""
    if sys.platform == "win32":
        return None
    try:
        import uvloop
    except ModuleNotFoundError:
        return None
    return uvloop.Loop
