"""One connection: who is at its other end, and how long and how much it may take."""

from __future__ import annotations

from asyncio import TimerHandle, Transport
from typing import Any

from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from secconsole.server.limits import TOLD, Limits
from secconsole.server.peers import os_user_of
from secconsole.server.problems import problem

TOO_SLOW = (408, "too-slow", "The request did not arrive in time.")
TOO_LONG = (431, "headers-too-large", "The address and headers are longer than is taken.")
TOO_MANY = (503, "busy", "Too many connections are open. Try again in a moment.")
NOT_HTTP = (400, "not-http", "This is no HTTP request.")


class Connection(HttpToolsProtocol):
    """uvicorn's connection, with the client's time and room limited, and the user behind a UNIX socket told.

    What it finds goes into the request's state: `os_user`; `refusal`, a status, code and detail to answer with;
    `too_slow` once the rest of a body was waited for long enough.
    """

    def __init__(self, *, limits: Limits, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._limits = limits
        self._timer: TimerHandle | None = None
        self._unread: TimerHandle | None = None
        self._in_head = True
        self._idle_bytes = 0  # since there was last a request or a piece of a body

    # What asyncio calls

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._os_user = os_user_of(transport)
        if len(self.connections) > self._limits.connections + TOLD:
            transport.abort()
            return
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_nothing()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._timer is None and (self.cycle is None or self.cycle.response_complete):
            self._expect_head()  # even for the blank lines that may stand before a request
        self._idle_bytes += len(data)
        super().data_received(data)
        if self._idle_bytes > self._limits.head_bytes and not self.transport.is_closing():
            self._refuse(TOO_LONG)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self._unread or self.loop.call_later(self._limits.unread, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    # What the parser calls

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self.scope["state"]["os_user"] = self._os_user
        if self._timer is None:
            self._expect_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # what follows a chunked body is of no use here
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._idle_bytes = 0
        state = self.scope["state"]
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > self._limits.head_bytes:
            state["refusal"] = TOO_LONG
        elif len(self.connections) > self._limits.connections:
            state["refusal"] = TOO_MANY
        self._expect(self._limits.body, self._body_is_late)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._idle_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._idle_bytes = 0
        self._expect_nothing()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(NOT_HTTP)

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing: what clients try is none of the operator's business."""

    # Patience

    def _expect_head(self) -> None:
        self._expect(self._limits.head, self._head_is_late)

    def _expect(self, seconds: float, late: Any) -> None:
        self._expect_nothing()
        self._timer = self.loop.call_later(seconds, late)

    def _expect_nothing(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _head_is_late(self) -> None:
        self._timer = None
        if self.cycle is not None and not self.cycle.response_complete:
            self._expect_head()  # it is we who keep the client waiting, with the request before this one
        else:
            self._refuse(TOO_SLOW)

    def _body_is_late(self) -> None:
        self._timer = None
        if self.pipeline:
            self._expect(self._limits.body, self._body_is_late)  # again it is we: it has to queue
            return
        self.scope["state"]["too_slow"] = True
        if self.cycle.response_complete:
            self.transport.close()
        else:
            self._refuse(TOO_SLOW)

    def _refuse(self, why: tuple[int, str, str]) -> None:
        """Answer without asking the application, and close; but what was asked before is answered first."""
        if self.transport.is_closing():
            return
        waiting = self.cycle is None or self.cycle.response_complete
        if self._in_head and not waiting:
            self.cycle.keep_alive = False
            return
        if waiting or not (self.cycle.response_started or self.pipeline):
            self.transport.write(_plain(problem(*why)))
        self.transport.close()


def _plain(response: Response) -> bytes:
    lines = [name + b": " + value for name, value in [*response.raw_headers, (b"connection", b"close")]]
    return STATUS_LINE[response.status_code] + b"\r\n".join(lines) + b"\r\n\r\n" + bytes(response.body)
