"""The server at work: it accepts, and it ends when it is told to."""

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

from secconsole.server.limits import Limits
from secconsole.server.listen import BACKLOG, Door
from secconsole.server.notify import notify
from secconsole.server.protocol import Connection
from secconsole.server.stopping import Stop
from secconsole.server.tls import LiveCertificate

log = logging.getLogger(__name__)


class ApiServer(uvicorn.Server):
    """uvicorn on doors that are bound already, with signals left to whoever runs it."""

    def __init__(
        self,
        app: ASGIApp,
        doors: Sequence[Door],
        certificate: LiveCertificate | None,
        limits: Limits,
        opened: Callable[[], None],
    ) -> None:
        config = uvicorn.Config(
            app,
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # who is believed is for `Callers` to say
            timeout_keep_alive=limits.idle,
            timeout_graceful_shutdown=limits.stop,
        )
        super().__init__(config)
        self._doors, self._certificate, self._limits, self._opened = doors, certificate, limits, opened

    async def startup(self, sockets: Any = None) -> None:
        """Accept at every door: encrypted where there is a certificate, but not where the kernel says who it is."""
        await self.lifespan.startup()
        loop = asyncio.get_running_loop()
        self.servers = []
        for door in self._doors:
            if door.is_unix:
                server = await loop.create_unix_server(self._connection, sock=door.socket, backlog=BACKLOG)
            elif self._certificate is None:
                server = await loop.create_server(self._connection, sock=door.socket, backlog=BACKLOG)
            else:
                server = await loop.create_server(
                    self._connection,
                    sock=door.socket,
                    backlog=BACKLOG,
                    ssl=self._certificate.context,
                    ssl_handshake_timeout=self._limits.handshake,
                )
            self.servers.append(server)
        self.started = True
        self._opened()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None: uvicorn would end the process by the signal it was stopped with, after having ended well."""
        yield

    def _connection(self) -> Connection:
        return Connection(
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
            limits=self._limits,
        )


@contextlib.contextmanager
def signals(stop: Stop, certificate: LiveCertificate | None) -> Iterator[None]:
    """SIGTERM and SIGINT stop the server, a second one ends the process; SIGHUP loads the certificate anew.

    Where somebody sits at a terminal, SIGHUP says that it is gone, and stops the server too.
    """
    loop = asyncio.get_running_loop()
    at_terminal = sys.stderr.isatty()

    def end(number: signal.Signals) -> None:
        if not stop.has_begun:
            log.info("Stopping: requests under way are finished first.")
            notify("STOPPING=1")
            stop.begin()
            return
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def hang_up() -> None:
        if at_terminal:
            end(signal.SIGTERM)
        elif certificate is not None:
            certificate.look(always=True)

    loop.add_signal_handler(signal.SIGTERM, end, signal.SIGTERM)
    loop.add_signal_handler(signal.SIGINT, end, signal.SIGINT)
    loop.add_signal_handler(signal.SIGHUP, hang_up)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(number)


async def run_until_stopped(server: ApiServer, stop: Stop) -> None:
    """Serve until `stop`; requests under way are finished."""
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    stopping.cancel()
    await serving
