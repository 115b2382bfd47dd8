"""A server of several workers: what they share, and what each of them does."""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from secconsole.backends.stores import StorePlace
from secconsole.server.metrics import SharedMetrics, forget_worker
from secconsole.server.serve import Part, ServeOptions, announce, loop_factory, prepare, serve_part
from secconsole.server.transport.admission import Admission
from secconsole.server.transport.gate import BEARERS, Gate
from secconsole.server.transport.listen import Door, close_doors
from secconsole.server.transport.tls import LiveCertificate
from secconsole.server.workers.board import Board
from secconsole.server.workers.shared_buckets import SharedBuckets
from secconsole.server.workers.supervisor import Link, Supervisor

log = logging.getLogger(__name__)

LAST_WAIT = 20.0  # seconds for a worker to close the store after its last request


def run_workers(settings: ServeOptions, store: StorePlace) -> None:
    """Serve with several processes until SIGTERM or SIGINT, and raise what `check` would."""
    _, doors = prepare(settings)
    folder = Path(tempfile.mkdtemp(prefix="secconsole-metrics-"))
    try:
        shared = _Shared(settings, store, doors, folder)
        Supervisor(
            settings.workers,
            shared.work,
            shared.forget,
            settings.limits.stop + LAST_WAIT,
            lambda: announce(doors, settings.workers),
        ).run()
    finally:
        close_doors(doors)
        shutil.rmtree(folder, ignore_errors=True)
    log.info("Stopped.")


class _Shared:
    """Sockets, counters and rates that all workers share, made before the first of them is forked."""

    def __init__(self, settings: ServeOptions, store: StorePlace, doors: list[Door], folder: Path) -> None:
        self._settings, self._store, self._folder = settings, store, folder
        # Without the path, because the supervisor removes the files of sockets.
        self._doors = [replace(door, path=None) for door in doors]
        limits = settings.limits
        self._board = Board(settings.workers)
        self._openings, self._evictions = SharedBuckets(limits.openings), SharedBuckets(limits.evictions)
        self._refused, self._bearers = SharedBuckets(limits.refused), SharedBuckets(BEARERS)

    def work(self, number: int, link: Link) -> None:
        """Be one of the workers."""
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(self._serve(number, link))

    def forget(self, number: int) -> None:
        """Forget the connections of a worker that has ended."""
        self._board.forget(number)
        forget_worker(self._folder, number)

    async def _serve(self, number: int, link: Link) -> None:
        settings = self._settings
        admission = Admission(
            settings.limits,
            elsewhere=self._board.view(number),
            openings=self._openings,
            evictions=self._evictions,
        )
        part = Part(
            link.ready,
            is_keeper=number == 0,
            life=link.life,
            admission=admission,
            gate=Gate(self._refused, bearers=self._bearers),
            metrics=SharedMetrics(self._folder, number),
        )
        # Loaded again, because each worker renews its own when the files change.
        certificate = LiveCertificate(settings.certificate) if settings.certificate else None
        await serve_part(settings, self._store, certificate, self._doors, part)
