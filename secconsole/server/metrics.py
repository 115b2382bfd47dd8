"""Counts and times of requests in the format of Prometheus, without labels that a client chose."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest, values
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

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

    def __init__(self, shared: SharedMetrics | None = None) -> None:
        self._shared = shared
        self._registry = CollectorRegistry()
        self._here = self._registry if shared is None else CollectorRegistry()  # what every process knows itself
        self._lags: Mapping[str, tuple[int, float]] = {}
        self._certificate: Callable[[], float] | None = None
        self._damage, self._damaged = _none_damaged, 0
        self._here.register(_Facts(self._facts))
        if shared is None:
            ProcessCollector(registry=self._registry)
        else:
            shared.use()
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
            multiprocess_mode="livesum",
            registry=self._registry,
        )
        self.streams = Gauge(
            "secconsole_change_streams",
            "Streams of changes that are open now.",
            multiprocess_mode="livesum",
            registry=self._registry,
        )
        self._damaged_secrets = Gauge(
            "secconsole_damaged_secrets",
            "Times that a sealed secret of the store did not open, since the start.",
            multiprocess_mode="sum",
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
        self._note_damage()

    def count_sign_in(self, operation: str, answer: str) -> None:
        self._signed_in.labels(operation, answer).inc()

    def watch_certificate(self, expires: Callable[[], float]) -> None:
        """Report when the certificate in use expires, in seconds since the epoch."""
        self._certificate = expires

    def watch_damage(self, count: Callable[[], int]) -> None:
        """Report the sealed secrets that did not open."""
        self._damage = count

    async def read_lags(self, read: ReadLags) -> None:
        """Read the lag of each stream of the audit.

        Without an answer there are no values, rather than old ones.
        """
        self._lags = {}
        with suppress(SecconsoleError, TimeoutError):
            self._lags = await read()

    def text(self) -> str:
        self._note_damage()
        found = generate_latest(self._here)
        return (found if self._shared is None else self._shared.text() + found).decode()

    def _note_damage(self) -> None:
        if (damaged := self._damage()) != self._damaged:
            self._damaged_secrets.inc(damaged - self._damaged)
            self._damaged = damaged

    def _facts(self) -> Iterator[GaugeMetricFamily]:
        entries = GaugeMetricFamily(
            "secconsole_audit_stream_lag_entries",
            "Entries of the audit that the receiver of a stream lacks.",
            labels=("stream",),
        )
        age = GaugeMetricFamily(
            "secconsole_audit_stream_lag_seconds",
            "Age of the oldest entry of the audit that the receiver of a stream lacks.",
            labels=("stream",),
        )
        for stream, (count, seconds) in self._lags.items():
            entries.add_metric((stream,), count)
            age.add_metric((stream,), seconds)
        yield from (entries, age)
        if self._certificate is not None:
            yield GaugeMetricFamily(
                "secconsole_certificate_expiry_timestamp_seconds",
                "Time when the certificate in use expires.",
                self._certificate(),
            )


class SharedMetrics:
    """Metrics of all workers of a server, which keep their values in files of a private folder.

    The files are named by the worker's number, so that a worker that is started again continues to count.
    """

    def __init__(self, folder: Path, worker: int) -> None:
        self._folder, self._worker = folder, worker

    def use(self) -> None:
        """Keep the values of metrics that are made from now on in these files."""
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(self._folder)
        values.ValueClass = values.MultiProcessValue(lambda: self._worker)  # type: ignore[no-untyped-call]

    def text(self) -> bytes:
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(self._folder))  # type: ignore[no-untyped-call]
        return generate_latest(registry)


def forget_worker(folder: Path, worker: int) -> None:
    """Forget what a worker that has ended was doing, and keep what it has counted."""
    mark_process_dead(worker, path=str(folder))  # type: ignore[no-untyped-call]


class _Facts(Collector):
    """Values that are read when they are asked for."""

    def __init__(self, read: Callable[[], Iterator[GaugeMetricFamily]]) -> None:
        self._read = read

    def collect(self) -> Iterator[GaugeMetricFamily]:
        return self._read()


def _none_damaged() -> int:
    return 0


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
