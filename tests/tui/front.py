"""A server in front of an organisation's store, which tests stop, start again and delay."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from secconsole.backends.embedded import EmbeddedBackend
from secconsole.backends.http import HttpBackend
from secconsole.operations.caller import Credential, Nobody
from secconsole.server.app import make_app
from secconsole.server.transport.shutdown import ShutdownSignal
from tests.organisation import NEVER_MIND


class _Gate:
    """Gate that lets requests pass while it is open, and counts them by path."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.open = asyncio.Event()
        self.open.set()
        self.asked: list[str] = []
        self.losing = ""
        self.lose: Callable[[], None] = lambda: None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.asked.append(scope["path"])
            await self.open.wait()
            if self.losing and scope["path"].endswith(self.losing):
                self.losing = ""
                await self._app(scope, receive, _to_nobody)
                self.lose()
                return
        await self._app(scope, receive, send)


async def _to_nobody(message: Message) -> None:
    """Drop an answer, as if it were lost on the way."""


class Front:
    """A real uvicorn on a UNIX socket, in the loop of the test so that it shares the clock."""

    def __init__(self, store: EmbeddedBackend, home: Path) -> None:
        self._store = store
        self.socket = home / "api.sock"
        self.url = f"unix:{self.socket}"
        self._server: uvicorn.Server | None = None
        self._running: asyncio.Task[None] | None = None
        self._shutdown = ShutdownSignal()
        self.gate = _Gate(make_app(store, refused=NEVER_MIND))
        self._opened: list[HttpBackend] = []

    async def start(self) -> None:
        self._shutdown = ShutdownSignal()
        self.gate._app = make_app(self._store, shutdown=self._shutdown, refused=NEVER_MIND)
        config = uvicorn.Config(
            self.gate,
            uds=str(self.socket),
            log_config=None,
            lifespan="off",
            http="httptools",
            timeout_graceful_shutdown=0,
        )
        self._server = uvicorn.Server(config)
        self._running = asyncio.create_task(self._server._serve())
        while not self._server.started:
            await asyncio.sleep(0)

    async def stop(self) -> None:
        """Go away at once, as when the process is killed: connections break, nothing listens."""
        if self._server is None or self._running is None:
            return
        self._break_connections()
        self._server.should_exit = self._server.force_exit = True
        await self._running
        self._server = None
        self.socket.unlink(missing_ok=True)

    def _break_connections(self) -> None:
        if self._server is not None:
            for connection in list(self._server.server_state.connections):
                connection.transport.abort()  # type: ignore[union-attr]

    def lose_reply(self, path: str) -> None:
        """Do what is asked for next at a path that ends like this, and break every line before saying so."""
        self.gate.losing, self.gate.lose = path, self._break_connections

    def hold_up(self) -> None:
        """Answer nothing that is asked from here on, until `go_on`."""
        self.gate.open.clear()

    def go_on(self) -> None:
        self.gate.open.set()

    def client(self, credential: Credential | None = None) -> HttpBackend:
        """A backend that goes through this server."""
        backend = HttpBackend(self.url, credential or Nobody())
        self._opened.append(backend)
        return backend

    async def close(self) -> None:
        self.go_on()
        for backend in self._opened:
            await backend.close()
        await self.stop()
