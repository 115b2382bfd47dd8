"""Counts and times of requests in the format of Prometheus, without labels that a client chose."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from secconsole.domain.errors import SecconsoleError
from secconsole.operations.base import Operation
from secconsole.operations.caller import Credential, Source
from secconsole.operations.signin import SignInAnswer
from secconsole.server.routes import OperationExecutor

R = TypeVar("R")
ReadLags = Callable[[], Awaitable[Mapping[str, tuple[int, float]]]]

OTHER = "other"  # a path of no operation


class Metrics:
    """Metrics with a registry of their own, so that several applications in a process are separate."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._found: dict[
            tuple[str, int], tuple[Counter, Histogram]
        ] = {}  # looking labels up takes longer than counting
        self._requests = Counter(
            "secconsole_requests_total",
            "Requests by operation and status.",
            ("operation", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "secconsole_request_seconds", "Response time by operation.", ("operation",), registry=self._registry
        )
        self._signed_in = Counter(
            "secconsole_sign_in_answers_total",
            "Answers to steps of a sign-in, by step and resulting state.",
            ("operation", "answer"),
            registry=self._registry,
        )
        self.in_flight = Gauge(
            "secconsole_requests_in_flight",
            "Requests being answered now, without streams of changes.",
            registry=self._registry,
        )
        self.streams = Gauge(
            "secconsole_change_streams", "Streams of changes that are open now.", registry=self._registry
        )

        self._lag_entries = Gauge(
            "secconsole_audit_stream_lag_entries",
            "Entries of the audit that the receiver of a stream lacks.",
            ("stream",),
            registry=self._registry,
        )
        self._lag_seconds = Gauge(
            "secconsole_audit_stream_lag_seconds",
            "Age of the oldest entry of the audit that the receiver of a stream lacks.",
            ("stream",),
            registry=self._registry,
        )

    def count(self, operation: str, status: int, seconds: float) -> None:
        key = operation, status
        found = self._found.get(key)
        if found is None:
            found = self._requests.labels(operation, str(status)), self._seconds.labels(operation)
            self._found[key] = found
        requests, times = found
        requests.inc()
        times.observe(seconds)

    def count_sign_in(self, operation: str, answer: str) -> None:
        self._signed_in.labels(operation, answer).inc()

    def watch_certificate(self, expires: Callable[[], float]) -> None:
        """Add a gauge for the expiry of the certificate in use, in seconds since the epoch."""
        gauge = Gauge(
            "secconsole_certificate_expiry_timestamp_seconds",
            "Time when the certificate in use expires.",
            registry=self._registry,
        )
        gauge.set_function(expires)

    def watch_damage(self, count: Callable[[], int]) -> None:
        """Add a gauge for the sealed secrets that did not open."""
        gauge = Gauge(
            "secconsole_damaged_secrets",
            "Times that a sealed secret of the store did not open, since the start.",
            registry=self._registry,
        )
        gauge.set_function(count)

    async def read_lags(self, read: ReadLags) -> None:
        """Read the lag of each stream of the audit.

        Without an answer there are no values, rather than old ones.
        """
        found: Mapping[str, tuple[int, float]] = {}
        with suppress(SecconsoleError, TimeoutError):
            found = await read()
        self._lag_entries.clear()
        self._lag_seconds.clear()
        for stream, (entries, seconds) in found.items():
            self._lag_entries.labels(stream).set(entries)
            self._lag_seconds.labels(stream).set(seconds)

    def text(self) -> str:
        return generate_latest(self._registry).decode()


class CountingExecutor:
    """An executor that counts sign-ins by their result."""

    def __init__(self, executor: OperationExecutor, metrics: Metrics) -> None:
        self._executor, self._metrics = executor, metrics

    async def perform_as(self, operation: Operation[R], credential: Credential, source: Source) -> R:
        reply = await self._executor.perform_as(operation, credential, source)
        if isinstance(reply, SignInAnswer):
            self._metrics.count_sign_in(operation.spec.name, reply.status.value)
        return reply

    def changes_for(self, credential: Credential, source: Source) -> AsyncIterator[frozenset[str]]:
        return self._executor.changes_for(credential, source)

    async def is_ready(self) -> bool:
        return await self._executor.is_ready()
