"""The ASGI application: routes, health, metrics, and answers to everything unforeseen."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from secconsole.operations.wire import encode
from secconsole.server.around import Around
from secconsole.server.changes import add_changes
from secconsole.server.metrics import Counted, Metrics
from secconsole.server.openapi import document
from secconsole.server.peers import Caller, Callers
from secconsole.server.problems import problem
from secconsole.server.proxies import Network, is_in
from secconsole.server.routes import Performer, add_routes
from secconsole.server.routing import add_refusals
from secconsole.server.stopping import Stop


def make_app(
    performer: Performer,
    *,
    stop: Stop | None = None,
    callers: Callers | None = None,
    metrics: Metrics | None = None,
    metrics_from: Sequence[Network] = (),
) -> FastAPI:
    """The application over a performer of operations; whoever calls this opens and closes the store.

    Metrics are for this machine and the networks in `metrics_from`.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    stop = stop or Stop()
    metrics = metrics or Metrics()
    performer = Counted(performer, metrics)
    add_routes(app, performer)
    add_changes(app, performer, stop)
    _add_health(app, performer, stop)
    _add_metrics(app, metrics, metrics_from)

    _add_description(app)
    add_refusals(app)
    app.add_middleware(Around, metrics=metrics, callers=callers or Callers(), stop=stop)
    return app


def _add_description(app: FastAPI) -> None:
    async def described(_: Request) -> Response:
        return Response(encode(document()), media_type="application/json")

    app.add_route("/openapi.json", described, include_in_schema=False)


def _add_health(app: FastAPI, performer: Performer, stop: Stop) -> None:
    async def healthy(_: Request) -> Response:
        """Alive: the process answers."""
        return PlainTextResponse("ok\n")

    async def ready(_: Request) -> Response:
        """Ready: the store answers too, and the server is not about to stop."""
        if stop.has_begun:
            return PlainTextResponse("stopping\n", 503)
        if await performer.is_ready():
            return PlainTextResponse("ready\n")
        return PlainTextResponse("the store does not answer\n", 503)

    app.add_route("/healthz", healthy, name="healthz")
    app.add_route("/readyz", ready, name="readyz")


def _add_metrics(app: FastAPI, metrics: Metrics, metrics_from: Sequence[Network]) -> None:
    async def measured(request: Request) -> Response:
        caller: Caller = request.state.caller
        address = caller.network
        if address is not None and not address.is_loopback and not is_in(address, metrics_from):
            detail = "Metrics are for this machine. The server's --metrics-from names who else may read them."
            return problem(403, "not-allowed", detail, request.state.request_id)
        return PlainTextResponse(metrics.text(), media_type="text/plain; version=0.0.4")

    app.add_route("/metrics", measured, name="metrics")
