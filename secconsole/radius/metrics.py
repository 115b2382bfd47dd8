"""Counts of RADIUS packets in the format of Prometheus, without labels that a client chose."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from secconsole.radius.pending import WaitingSignIns


class RadiusMetrics:
    """Metrics with a registry of their own."""

    def __init__(self, waiting: WaitingSignIns) -> None:
        self.registry = CollectorRegistry()
        self._replies = Counter(
            "secconsole_radius_replies_total",
            "Replies by client and kind.",
            ("client", "reply"),
            registry=self.registry,
        )
        self._ignored = Counter(
            "secconsole_radius_ignored_total",
            "Packets without an answer, by reason.",
            ("reason",),
            registry=self.registry,
        )
        open_ones = Gauge("secconsole_radius_waiting", "Sign-ins that wait for a code.", registry=self.registry)
        open_ones.set_function(lambda: len(waiting))

    def count_reply(self, client: str, reply: str) -> None:
        self._replies.labels(client, reply).inc()

    def count_ignored(self, reason: str) -> None:
        self._ignored.labels(reason).inc()

    def serve(self, host: str, port: int) -> None:
        """Serve the metrics over HTTP in a thread."""
        start_http_server(port, addr=host, registry=self.registry)
