"""Middleware of every request: id, caller, log line and time, and errors without tracebacks."""

from __future__ import annotations

import logging
import re
import secrets
import time
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from secconsole.config.report import describe
from secconsole.server.metrics import OTHER, Metrics
from secconsole.server.problems import problem
from secconsole.server.transport.admission import TOO_MANY, TOO_MANY_HERE
from secconsole.server.transport.peers import Caller, Callers
from secconsole.server.transport.protocol import TOO_SLOW
from secconsole.server.transport.proxies import Unreadable
from secconsole.server.transport.shutdown import ShutdownSignal

log = logging.getLogger("secconsole.server.request")

MONITORING_PATHS = {"/healthz": "healthz", "/readyz": "readyz", "/metrics": "metrics"}
_NAMES = MONITORING_PATHS | {"/openapi.json": "openapi"}
GONE = 499  # only in log and metrics, as in nginx: the client closed the connection before the answer

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
_SAFE_HEADERS = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]


class RequestMiddleware:
    """Middleware that sets `request_id` and `caller`, answers errors, and logs the outcome."""

    def __init__(self, app: ASGIApp, metrics: Metrics, callers: Callers, shutdown: ShutdownSignal) -> None:
        self._app, self._metrics, self._callers, self._shutdown = app, metrics, callers, shutdown

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await _Request(scope, self._metrics, self._shutdown).answer(self._app, self._callers, receive, send)


class _Request:
    def __init__(self, scope: Scope, metrics: Metrics, shutdown: ShutdownSignal) -> None:
        request_id = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        self.id = request_id if _REQUEST_ID.match(request_id) else secrets.token_hex(8)
        self._scope, self._metrics, self._shutdown = scope, metrics, shutdown
        self._state: dict[str, Any] = scope.setdefault("state", {})
        self._state["request_id"] = self.id
        self._state["caller"] = Caller()
        self._began = time.perf_counter()
        self._seconds = 0.0  # until the response began
        self._status = 500
        self._started = self._is_stream = False

    async def answer(self, app: ASGIApp, callers: Callers, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._start(message)
            await send(message)

        self._metrics.in_flight.inc()
        try:
            if not await self._refused(callers, receive, sending):
                await app(self._scope, receive, sending)
        except ClientDisconnect:
            self._status = TOO_SLOW[0] if self._state.get("too_slow") else GONE
        except Exception as error:
            log.error("request %s failed: %s", self.id, describe(error))
            if self._started:
                raise
            detail = "The request failed with an internal error. The server's log lists it under this request ID."
            await problem(500, "internal-error", detail, self.id)(self._scope, receive, sending)
        finally:
            (self._metrics.streams if self._is_stream else self._metrics.in_flight).dec()
            self._report()

    async def _refused(self, callers: Callers, receive: Receive, send: Send) -> bool:
        """Return True if the request was refused and answered before it reached the application."""
        refusal: tuple[int, str, str] | None = self._state.get("refusal")
        if refusal in (TOO_MANY, TOO_MANY_HERE) and self._scope["path"] in MONITORING_PATHS:
            refusal = None  # a busy server is still healthy
        try:
            self._state["caller"] = callers.of(self._scope)
        except Unreadable:
            header = callers.proxies.header.title()
            refusal = refusal or (400, "bad-forwarding", f"The proxy's {header} header contains no valid address.")
        if refusal is None:
            return False
        response = problem(*refusal, self.id)
        response.headers["connection"] = "close"
        await response(self._scope, receive, send)
        return True

    def _start(self, message: Message) -> None:
        self._status, self._started = message["status"], True
        self._seconds = time.perf_counter() - self._began
        have = dict(message["headers"])
        extra = [(name, value) for name, value in _SAFE_HEADERS if name not in have]
        if self._shutdown.has_begun and b"connection" not in have:
            extra.append((b"connection", b"close"))  # no further requests on this connection
        message["headers"] = [*message["headers"], *extra, (b"x-request-id", self.id.encode())]
        if have.get(b"content-type", b"").startswith(b"text/event-stream"):
            self._is_stream = True
            self._metrics.in_flight.dec()
            self._metrics.streams.inc()

    def _report(self) -> None:
        elapsed = time.perf_counter() - self._began
        path = self._scope["path"]
        operation = _NAMES.get(path) or str(getattr(self._scope.get("route"), "name", OTHER))
        self._metrics.count(operation, self._status, self._seconds if self._started else elapsed)
        level = logging.WARNING if self._status >= 500 else logging.DEBUG if path in MONITORING_PATHS else logging.INFO
        log.log(
            level,
            "request",
            extra={
                "request": {
                    "operation": operation,
                    "status": self._status,
                    "ms": round(elapsed * 1000, 1),
                    "peer": self._state["caller"].address,
                    "request_id": self.id,
                }
            },
        )
