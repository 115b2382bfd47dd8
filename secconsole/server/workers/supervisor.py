"""Supervisor of several worker processes on the same sockets: starts them again, and stops them together."""

from __future__ import annotations

import logging
import os
import selectors
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from secconsole.domain.errors import SecconsoleError, Unavailable
from secconsole.server.transport.systemd import notify

log = logging.getLogger(__name__)

PAUSES = (0.0, 1.0, 5.0, 15.0)  # seconds before a worker is started again that ends again and again
SOUND = 30.0  # seconds after which a worker counts as sound, so that the next one starts without a pause
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
_READY, _FAILED = b"+", b"-"


class Link:
    """A worker's link to its supervisor: it reports that it is ready, and notices when the supervisor has died."""

    def __init__(self, reports: int, life: int) -> None:
        self._reports, self.life = reports, life

    def ready(self) -> None:
        """Report that connections are accepted."""
        os.write(self._reports, _READY)

    def failed(self, message: str) -> None:
        """Report why the worker cannot start."""
        with suppress(OSError):
            os.write(self._reports, _FAILED + message.encode(errors="replace")[:4000])


Work = Callable[[int, Link], None]


@dataclass(slots=True)
class _Worker:
    number: int
    pid: int = 0
    reports: int = -1
    begun: float = 0.0
    ends: int = 0  # in a row, each soon after its start
    again: float = 0.0  # when it is started again
    is_ready: bool = False
    told: bytes = b""


@dataclass(slots=True)
class Supervisor:
    """Keeper of so many workers, which call `work` with their number. `ended` is called with that of a dead one."""

    count: int
    work: Work
    ended: Callable[[int], None]
    stop_seconds: float
    opened: Callable[[], None]
    _workers: list[_Worker] = field(default_factory=list)
    _life: tuple[int, int] = (-1, -1)
    _stopping: float = 0.0  # when they are killed
    _announced: bool = False

    def run(self) -> None:
        """Start the workers one after the other, and return when all have stopped after a signal.

        Raise `Unavailable` with the reason of the first one, if it cannot start.
        """
        self._workers = [_Worker(number) for number in range(self.count)]
        self._life = os.pipe()
        with _wakeups() as woken, selectors.DefaultSelector() as selector:
            selector.register(woken, selectors.EVENT_READ)
            try:
                self._start(self._workers[0])  # alone: it brings the store's schema up to date
                self._await_first(selector, woken)
                self._serve(selector, woken)
            finally:
                self._kill()
                for end in self._life:
                    os.close(end)

    def _await_first(self, selector: selectors.BaseSelector, woken: int) -> None:
        first = self._workers[0]
        while not first.is_ready and not self._stopping:
            self._turn(selector, woken, None)
            if not first.pid and not first.is_ready:
                raise Unavailable(first.told[1:].decode(errors="replace") or "The first worker ended at its start.")
        for worker in self._workers[1:]:
            if not self._stopping:
                self._start(worker)

    def _serve(self, selector: selectors.BaseSelector, woken: int) -> None:
        while any(worker.pid for worker in self._workers) or not self._stopping:
            if not self._announced and all(worker.is_ready for worker in self._workers):
                self._announced = True
                self.opened()
            self._turn(selector, woken, self._until_next())
            now = time.monotonic()
            for worker in self._workers:
                if not worker.pid and not self._stopping and now >= worker.again:
                    self._start(worker)
            if self._stopping and now >= self._stopping:
                log.error("Workers that did not stop in time are killed.")
                self._kill()

    def _until_next(self) -> float | None:
        """Return the seconds until something is due."""
        if self._stopping:
            return max(0.0, self._stopping - time.monotonic())
        waiting = [worker.again for worker in self._workers if not worker.pid]
        return max(0.0, min(waiting) - time.monotonic()) if waiting else None

    def _turn(self, selector: selectors.BaseSelector, woken: int, timeout: float | None) -> None:
        """Wait for a signal or a report, and act on both."""
        reporting = {worker.reports: worker for worker in self._workers if worker.reports >= 0}
        for reports in reporting:
            selector.register(reports, selectors.EVENT_READ)
        try:
            found = selector.select(timeout)
        finally:
            for reports in reporting:
                selector.unregister(reports)
        for key, _ in found:
            if key.fd == woken:
                for number in os.read(woken, 256):
                    self._take(signal.Signals(number))
            else:
                self._listen(reporting[key.fd])

    def _listen(self, worker: _Worker) -> None:
        if worker.reports < 0:
            return
        said = os.read(worker.reports, 4096)
        worker.told += said
        worker.is_ready = worker.is_ready or said.startswith(_READY)
        if not said:
            os.close(worker.reports)
            worker.reports = -1

    def _take(self, number: signal.Signals) -> None:
        if number == signal.SIGCHLD:
            self._reap()
        elif number == signal.SIGHUP and not sys.stderr.isatty():
            self._send(number)
        elif self._stopping:  # a second signal ends everything at once
            self._kill()
        else:
            log.info("Stopping after the requests in progress.")
            notify("STOPPING=1")
            self._stopping = time.monotonic() + self.stop_seconds
            self._send(signal.SIGTERM)

    def _send(self, number: signal.Signals) -> None:
        for worker in self._workers:
            if worker.pid:
                with suppress(ProcessLookupError):
                    os.kill(worker.pid, number)

    def _kill(self) -> None:
        self._send(signal.SIGKILL)
        for worker in self._workers:
            if worker.pid:
                with suppress(ChildProcessError):
                    os.waitpid(worker.pid, 0)
                self._note_end(worker)

    def _reap(self) -> None:
        """Note the workers that have ended, and when to start them again."""
        for worker in self._workers:
            if not worker.pid:
                continue
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if not pid:
                continue
            lasted = time.monotonic() - worker.begun
            while worker.reports >= 0:
                self._listen(worker)
            if not self._stopping and (worker.is_ready or self._announced):
                how = f"signal {-code}" if (code := os.waitstatus_to_exitcode(status)) < 0 else f"exit code {code}"
                why = worker.told.partition(_FAILED)[2].decode(errors="replace")
                log.error("Worker %d ended with %s and is started again. %s", worker.number, how, why)
            worker.ends = 0 if lasted >= SOUND else worker.ends + 1
            worker.again = time.monotonic() + PAUSES[min(max(worker.ends - 1, 0), len(PAUSES) - 1)]
            self._note_end(worker)

    def _note_end(self, worker: _Worker) -> None:
        worker.pid = 0
        self.ended(worker.number)

    def _start(self, worker: _Worker) -> None:
        """Fork a worker, which never returns from here."""
        reading, writing = os.pipe()
        worker.told, worker.is_ready, worker.begun = b"", False, time.monotonic()
        pid = os.fork()
        if pid:
            os.close(writing)
            worker.pid, worker.reports = pid, reading
            return
        code = 1
        try:
            os.close(reading)
            os.close(self._life[1])  # otherwise the workers would keep each other from noticing
            for other in self._workers:
                if other.reports >= 0:
                    os.close(other.reports)
            code = self._live(worker.number, Link(writing, self._life[0]))
        finally:
            logging.shutdown()
            os._exit(code)

    def _live(self, number: int, link: Link) -> int:
        signal.set_wakeup_fd(-1)
        for given in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(given, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all, and the supervisor passes it on
        os.environ.pop("NOTIFY_SOCKET", None)  # the supervisor notifies for all
        try:
            self.work(number, link)
        except SecconsoleError as error:
            link.failed(error.message)
            return 6
        return 0


@contextmanager
def _wakeups() -> Iterator[int]:
    """Yield the end of a pipe from which the numbers of signals can be read."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = {number: signal.signal(number, _nothing) for number in _SIGNALS}
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield reading
    finally:
        signal.set_wakeup_fd(-1)
        for number, handler in before.items():
            signal.signal(number, handler)
        for end in (reading, writing):
            os.close(end)


def _nothing(number: int, frame: object) -> None:
    """Do nothing here, because the number is read from the pipe."""
