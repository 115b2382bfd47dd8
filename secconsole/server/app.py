"""The ASGI application: routes, health, metrics, and problems for all errors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp

from secconsole.domain.throttling.token_bucket import Rate
from secconsole.operations.wire import encode
from secconsole.server.changes import add_changes
from secconsole.server.metrics import CountingExecutor, Metrics, ReadLags
from secconsole.server.middleware import RequestMiddleware
from secconsole.server.openapi.document import document
from secconsole.server.problems import problem
from secconsole.server.routes import OperationExecutor, add_routes
from secconsole.server.routing import Dispatcher, RouteTable, add_refusals
from secconsole.server.transport.gate import Gate, Gated
from secconsole.server.transport.limits import REFUSED
from secconsole.server.transport.peers import Caller, Callers
from secconsole.server.transport.proxies import Network, is_in
from secconsole.server.transport.shutdown import ShutdownSignal


def make_app(
    executor: OperationExecutor,
    *,
    shutdown: ShutdownSignal | None = None,
    callers: Callers | None = None,
    metrics: Metrics | None = None,
    metrics_from: Sequence[Network] = (),
    gate: Gate | None = None,
    refused: Rate = REFUSED,
) -> ASGIApp:
    """Return the application over an executor of operations.

    The caller opens and closes the store.

    Metrics are limited to this machine and the networks in `metrics_from`. `refused` is the rate of refused sign-ins
    that an origin may have, unless there is a `gate` with others.
    """
    app = Starlette()
    app.router.redirect_slashes = False
    shutdown = shutdown or ShutdownSignal()
    metrics = metrics or Metrics()
    opened = executor
    metrics.watch_damage(lambda: getattr(opened, "damaged_secrets", 0))
    executor = Gated(CountingExecutor(executor, metrics), gate or Gate(refused))
    table = RouteTable()
    add_routes(table, executor)
    add_changes(table, executor, shutdown)
    _add_health(app, executor, shutdown)
    _add_metrics(app, metrics, metrics_from, getattr(opened, "stream_lags", None))

    _add_description(app)
    add_refusals(app, table)
    return RequestMiddleware(Dispatcher(table, app), metrics, callers or Callers(), shutdown)


@lru_cache(maxsize=1)
def _description() -> bytes:
    """Return the API's description, encoded once because it is public and may be requested at any rate."""
    return encode(document())


def _add_description(app: Starlette) -> None:
    async def described(_: Request) -> Response:
        return Response(_description(), media_type="application/json")

    app.add_route("/openapi.json", described)


def _add_health(app: Starlette, executor: OperationExecutor, shutdown: ShutdownSignal) -> None:
    async def healthy(_: Request) -> Response:
        """Report that the process answers."""
        return PlainTextResponse("ok\n")

    async def ready(_: Request) -> Response:
        """Report whether the store answers and the server is not shutting down."""
        if shutdown.has_begun:
            return PlainTextResponse("stopping\n", 503)
        if await executor.is_ready():
            return PlainTextResponse("ready\n")
        return PlainTextResponse("the store does not answer\n", 503)

    app.add_route("/healthz", healthy, name="healthz")
    app.add_route("/readyz", ready, name="readyz")


def _add_metrics(app: Starlette, metrics: Metrics, metrics_from: Sequence[Network], lags: ReadLags | None) -> None:
    async def measured(request: Request) -> Response:
        caller: Caller = request.state.caller
        address = caller.network
        if address is not None and not address.is_loopback and not is_in(address, metrics_from):
            detail = "Metrics are limited to this machine and the networks of the server's --metrics-from."
            return problem(403, "not-allowed", detail, request.state.request_id)
        if lags is not None:
            await metrics.read_lags(lags)
        return PlainTextResponse(metrics.text(), media_type="text/plain; version=0.0.4")

    app.add_route("/metrics", measured, name="metrics")
