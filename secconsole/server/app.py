"""The ASGI application: routes, health, metrics, and answers to everything unforeseen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from secconsole import __version__
from secconsole.server.around import Around
from secconsole.server.changes import add_changes
from secconsole.server.metrics import Counted, Metrics
from secconsole.server.openapi import complete
from secconsole.server.peers import Caller, Callers
from secconsole.server.problems import problem
from secconsole.server.proxies import Network, is_in
from secconsole.server.routes import Performer, add_routes
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
    app = FastAPI(title="secconsole", version=__version__, docs_url=None, redoc_url=None, redirect_slashes=False)
    stop = stop or Stop()
    metrics = metrics or Metrics()
    performer = Counted(performer, metrics)
    add_routes(app, performer)
    add_changes(app, performer, stop)
    _add_health(app, performer, stop)
    _add_metrics(app, metrics, metrics_from)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        words = {404: ("not-found", "There is no such path."), 405: ("method-not-allowed", "Not with this method.")}
        code, detail = words.get(error.status_code, ("refused", "The request was refused."))
        response = problem(error.status_code, code, detail, request.state.request_id)
        if error.status_code == 405:
            response.headers["allow"] = ", ".join(sorted(_methods_at(app, request.url.path)))
        return response

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(
                title=app.title, version=app.version, routes=app.routes,
                description="What the console does, for programs: the same operations, the same words.",
            )  # fmt: skip
            app.openapi_schema = complete(made)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
    app.add_middleware(Around, metrics=metrics, callers=callers or Callers(), stop=stop)
    return app


def _add_health(app: FastAPI, performer: Performer, stop: Stop) -> None:
    @app.get("/healthz", include_in_schema=False)
    async def healthy() -> Response:
        """Alive: the process answers."""
        return PlainTextResponse("ok\n")

    @app.get("/readyz", include_in_schema=False)
    async def ready() -> Response:
        """Ready: the store answers too, and the server is not about to stop."""
        if stop.has_begun:
            return PlainTextResponse("stopping\n", 503)
        if await performer.is_ready():
            return PlainTextResponse("ready\n")
        return PlainTextResponse("the store does not answer\n", 503)


def _add_metrics(app: FastAPI, metrics: Metrics, metrics_from: Sequence[Network]) -> None:
    @app.get("/metrics", include_in_schema=False)
    async def measured(request: Request) -> Response:
        caller: Caller = request.state.caller
        address = caller.network
        if address is not None and not address.is_loopback and not is_in(address, metrics_from):
            detail = "Metrics are for this machine. The server's --metrics-from names who else may read them."
            return problem(403, "not-allowed", detail, request.state.request_id)
        return PlainTextResponse(metrics.text(), media_type="text/plain; version=0.0.4")


def _methods_at(app: FastAPI, path: str) -> set[str]:
    """The methods of all routes with this path: they are separate routes here, and each knows only its own."""
    found: set[str] = set()
    for route in app.routes:
        if isinstance(route, Route | APIRoute) and route.path_regex.match(path):
            found |= route.methods or set()
    return found
