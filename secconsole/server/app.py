"""The ASGI application: routes, request ids, health, metrics, and answers to everything unforeseen."""

from __future__ import annotations

import logging
import re
import secrets
import time
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from secconsole import __version__
from secconsole.config.report import describe
from secconsole.server.changes import add_changes
from secconsole.server.metrics import Metrics
from secconsole.server.openapi import complete
from secconsole.server.problems import problem
from secconsole.server.routes import Performer, add_routes

log = logging.getLogger("secconsole.server")

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
_SAFE_HEADERS = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]


def make_app(performer: Performer) -> FastAPI:
    """The application over a performer of operations; whoever calls this opens and closes the store."""
    app = FastAPI(title="secconsole", version=__version__, docs_url=None, redoc_url=None, redirect_slashes=False)
    metrics = Metrics()
    add_routes(app, performer)
    add_changes(app, performer)

    @app.get("/healthz", include_in_schema=False)
    async def healthy() -> Response:
        """Alive: the process answers."""
        return PlainTextResponse("ok\n")

    @app.get("/readyz", include_in_schema=False)
    async def ready() -> Response:
        """Ready: the store answers too."""
        if await performer.is_ready():
            return PlainTextResponse("ready\n")
        return PlainTextResponse("the store does not answer\n", 503)

    @app.get("/metrics", include_in_schema=False)
    async def measured() -> Response:
        return PlainTextResponse(metrics.text(), media_type="text/plain; version=0.0.4")

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
    app.add_middleware(_Around, metrics=metrics)
    return app


def _methods_at(app: FastAPI, path: str) -> set[str]:
    """The methods of all routes with this path: they are separate routes here, and each knows only its own."""
    found: set[str] = set()
    for route in app.routes:
        if isinstance(route, Route | APIRoute) and route.path_regex.match(path):
            found |= route.methods or set()
    return found


class _Around:
    """Around every request: an id for the audit and the log, its time for the metrics, and no traceback outwards."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        request_id = given if _REQUEST_ID.match(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        began, status = time.perf_counter(), 500
        started = False

        async def sending(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                have = {name for name, _ in message["headers"]}
                extra = [(name, value) for name, value in _SAFE_HEADERS if name not in have]
                message["headers"] = [*message["headers"], *extra, (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            log.error("request %s failed: %s", request_id, describe(error))
            if started:
                raise
            detail = "That did not work: an internal error. The log has it under this request id."
            await problem(500, "internal-error", detail, request_id)(scope, receive, sending)
        finally:
            route = scope.get("route")
            name = getattr(route, "name", "none")
            self._metrics.count(name, status, time.perf_counter() - began)
            log.info("%s %s %s %.1f ms", request_id, name, status, (time.perf_counter() - began) * 1000)
