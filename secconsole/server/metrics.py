"""Counts and times of requests, as Prometheus reads them. No label holds anything that a client chose."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from secconsole.operations.base import Operation
from secconsole.operations.caller import Credential, Source
from secconsole.operations.signin import SignInAnswer
from secconsole.server.routes import Performer

R = TypeVar("R")

OTHER = "other"  # a path that no operation has


class Metrics:
    """One registry per application: tests and several applications in a process stay apart."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "secconsole_requests_total", "Requests by operation and status.", ("operation", "status"),
            registry=self._registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "secconsole_request_seconds", "Time to answer, by operation.", ("operation",), registry=self._registry
        )
        self._signed_in = Counter(
            "secconsole_sign_in_answers_total", "Answers to steps of a sign-in, by the step and how it stands then.",
            ("operation", "answer"), registry=self._registry,
        )  # fmt: skip
        self.in_flight = Gauge(
            "secconsole_requests_in_flight", "Requests being answered now, without streams of changes.",
            registry=self._registry,
        )  # fmt: skip
        self.streams = Gauge(
            "secconsole_change_streams", "Streams of changes that are open now.", registry=self._registry
        )

    def count(self, operation: str, status: int, seconds: float) -> None:
        self._requests.labels(operation, str(status)).inc()
        self._seconds.labels(operation).observe(seconds)

    def count_sign_in(self, operation: str, answer: str) -> None:
        self._signed_in.labels(operation, answer).inc()

    def watch_certificate(self, expires: Callable[[], float]) -> None:
        """Tell until when the certificate in use is valid, in seconds since the epoch."""
        gauge = Gauge(
            "secconsole_certificate_expiry_timestamp_seconds", "Until when the certificate in use is valid.",
            registry=self._registry,
        )  # fmt: skip
        gauge.set_function(expires)

    def text(self) -> str:
        return generate_latest(self._registry).decode()


class Counted:
    """A performer whose sign-ins are counted by how they went."""

    def __init__(self, performer: Performer, metrics: Metrics) -> None:
        self._performer, self._metrics = performer, metrics

    async def perform_as(self, operation: Operation[R], credential: Credential, source: Source) -> R:
        reply = await self._performer.perform_as(operation, credential, source)
        if isinstance(reply, SignInAnswer):
            self._metrics.count_sign_in(operation.spec.name, reply.status.value)
        return reply

    def changes(self) -> AsyncIterator[None]:
        return self._performer.changes()

    async def is_ready(self) -> bool:
        return await self._performer.is_ready()
