"""Middleware of every request: id, caller, log line and time, and errors without tracebacks."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Iterator
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from secconsole.config.report import describe
from secconsole.server.logs import log_request
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
_UNKNOWN = Caller()
_IDS_AT_ONCE = 256


class RequestMiddleware:
    """Middleware that sets `request_id` and `caller`, answers errors, and logs the outcome."""

    def __init__(self, app: ASGIApp, metrics: Metrics, callers: Callers, shutdown: ShutdownSignal) -> None:
        self._app, self._metrics, self._callers, self._shutdown = app, metrics, callers, shutdown
        self._ids = _random_ids()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _given_id(scope) or next(self._ids)
        await _Request(scope, request_id, self._metrics, self._shutdown).answer(self._app, self._callers, receive, send)


def _random_ids() -> Iterator[str]:
    """Yield ids of 16 digits, many to one call of the system, which lets other threads run and waits for them."""
    while True:
        digits = os.urandom(8 * _IDS_AT_ONCE).hex()
        yield from (digits[place : place + 16] for place in range(0, len(digits), 16))


def _given_id(scope: Scope) -> str:
    """Return the request's own id, empty if it has none that can be used."""
    given = ""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given = value.decode("latin-1")
    return given if given and _REQUEST_ID.match(given) else ""


class _Request:
    def __init__(self, scope: Scope, request_id: str, metrics: Metrics, shutdown: ShutdownSignal) -> None:
        self.id = request_id
        self._scope, self._metrics, self._shutdown = scope, metrics, shutdown
        self._state: dict[str, Any] = scope.setdefault("state", {})
        self._state["request_id"] = self.id
        self._state["caller"] = _UNKNOWN
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
        operation: str = self._state.get("operation") or _NAMES.get(path, OTHER)
        self._metrics.count(operation, self._status, self._seconds if self._started else elapsed)
        level = logging.WARNING if self._status >= 500 else logging.DEBUG if path in MONITORING_PATHS else logging.INFO
        if log.isEnabledFor(level):
            peer = self._state["caller"].address
            fields = {"operation": operation, "status": self._status, "ms": round(elapsed * 1000, 1), "peer": peer}
            log_request(log, level, {**fields, "request_id": self.id})
