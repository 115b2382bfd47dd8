"""Counts and times of requests, as Prometheus reads them."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest


class Metrics:
    """One registry per application: tests and several applications in a process stay apart."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "secconsole_requests_total", "Requests by operation and status.", ("operation", "status"),
            registry=self._registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "secconsole_request_seconds", "Time to answer, by operation.", ("operation",), registry=self._registry
        )

    def count(self, operation: str, status: int, seconds: float) -> None:
        self._requests.labels(operation, str(status)).inc()
        self._seconds.labels(operation).observe(seconds)

    def text(self) -> str:
        return generate_latest(self._registry).decode()
