"""The running server and the signals that stop it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from secconsole.server.transport.accepting import Acceptor
from secconsole.server.transport.admission import Admission, Seat
from secconsole.server.transport.limits import Limits
from secconsole.server.transport.listen import Door
from secconsole.server.transport.peers import Callers
from secconsole.server.transport.protocol import Connection
from secconsole.server.transport.shutdown import ShutdownSignal
from secconsole.server.transport.systemd import notify
from secconsole.server.transport.tls import LiveCertificate

log = logging.getLogger(__name__)


class ApiServer(uvicorn.Server):
    """uvicorn on sockets that are bound already, with signals left to the caller."""

    def __init__(
        self,
        app: ASGIApp,
        doors: Sequence[Door],
        certificate: LiveCertificate | None,
        limits: Limits,
        opened: Callable[[], None],
        callers: Callers | None = None,
        admission: Admission | None = None,
    ) -> None:
        config = uvicorn.Config(
            app,
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # `Callers` decides which proxies are trusted
            timeout_keep_alive=limits.idle,
            timeout_graceful_shutdown=limits.stop,
        )
        super().__init__(config)
        self._doors, self._certificate, self._limits, self._opened = doors, certificate, limits, opened
        self._callers = callers or Callers()
        self.admission = admission or Admission(limits)

    async def startup(self, sockets: Any = None) -> None:
        """Accept at every socket, with TLS if there is a certificate, except on UNIX sockets."""
        await self.lifespan.startup()
        self.servers = [self._acceptor(door) for door in self._doors]  # type: ignore[misc]
        self.started = True
        self._opened()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture no signals: uvicorn would end the process by the signal even after a clean shutdown."""
        yield

    def _acceptor(self, door: Door) -> Acceptor:
        certificate = None if door.is_unix or self._certificate is None else self._certificate.context
        return Acceptor(door, certificate, self._limits, self.admission, self._callers.proxies, self._connection)

    def _connection(self, seat: Seat) -> Connection:
        return Connection(
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
            limits=self._limits,
            admission=self.admission,
            callers=self._callers,
            seat=seat,
        )


@contextlib.contextmanager
def signals(
    shutdown: ShutdownSignal, certificate: LiveCertificate | None, *, supervisor: int | None = None
) -> Iterator[None]:
    """Stop the server on SIGTERM and SIGINT, end the process on a second one, and reload the certificate on SIGHUP.

    At a terminal SIGHUP means that it was closed, and stops the server too. A worker leaves SIGINT to its supervisor,
    and stops too when `supervisor` can be read, which is the end of a pipe that closes when the supervisor dies.
    """
    loop = asyncio.get_running_loop()
    at_terminal = sys.stderr.isatty()

    def end(number: signal.Signals) -> None:
        if not shutdown.has_begun:
            if supervisor is None:  # which reports it once for all workers
                log.info("Stopping after the requests in progress.")
                notify("STOPPING=1")
            shutdown.begin()
            return
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def hang_up() -> None:
        if at_terminal:
            end(signal.SIGTERM)
        elif certificate is not None:
            certificate.look(always=True)

    def orphaned() -> None:
        assert supervisor is not None
        loop.remove_reader(supervisor)
        log.error("The supervisor of this worker has ended. Stopping after the requests in progress.")
        shutdown.begin()

    handled = [signal.SIGTERM, signal.SIGINT] if supervisor is None else [signal.SIGTERM]
    for number in handled:
        loop.add_signal_handler(number, end, number)
    loop.add_signal_handler(signal.SIGHUP, hang_up)
    if supervisor is not None:
        loop.add_reader(supervisor, orphaned)
    try:
        yield
    finally:
        if supervisor is not None:
            loop.remove_reader(supervisor)
        for number in (*handled, signal.SIGHUP):
            loop.remove_signal_handler(number)


async def run_until_stopped(server: ApiServer, shutdown: ShutdownSignal) -> None:
    """Serve until `shutdown`, and finish requests in progress."""
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(shutdown.wait())
    await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    stopping.cancel()
    await serving
