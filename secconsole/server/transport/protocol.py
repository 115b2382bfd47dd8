"""One connection: its peer, and its limits of time and size."""

from __future__ import annotations

from asyncio import TimerHandle, Transport
from functools import lru_cache
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from secconsole.domain.networks.origin import origin_in
from secconsole.server.problems import problem
from secconsole.server.transport.admission import Admission, Seat, Stage
from secconsole.server.transport.limits import Limits
from secconsole.server.transport.peers import Callers, os_user_of
from secconsole.server.transport.proxies import Unreadable

TOO_SLOW = (408, "too-slow", "The request did not arrive in time.")
TOO_LONG = (431, "headers-too-large", "The address and headers are too long.")
CROWDED_OUT = (429, "too-many-connections", "Too many unfinished requests come from your address. Complete them.")
NOT_HTTP = (400, "not-http", "This is not an HTTP request.")


class TooManyQueued(Exception):
    """A request that is not read, because too many of its connection are queued."""


class Connection(HttpToolsProtocol):
    """uvicorn's connection with limits for the client, which also recognises the user behind a UNIX socket.

    It sets in the request's state `os_user`, `refusal`, which is status, code and detail of the answer, and `too_slow`
    when the rest of a body did not arrive in time.
    """

    def __init__(self, *, limits: Limits, admission: Admission, callers: Callers, seat: Seat, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._limits, self._admission, self._callers, self._seat = limits, admission, callers, seat
        self._timer: TimerHandle | None = None
        self._unread: TimerHandle | None = None
        self._answering: RequestResponseCycle | None = None
        self._in_head = True
        self._idle_bytes = 0  # since the last request or part of a body

    # Called by asyncio

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._os_user = os_user_of(transport)
        self._seat.evict = self._make_room
        if not self._seat.is_taken:  # it was evicted during the TLS handshake
            transport.abort()
            return
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._admission.leave(self._seat)
        self._expect_nothing()
        self.resume_writing()
        if self._answering is not None:  # uvicorn notifies only the newest request, which may be queued
            self._answering.disconnected = True
            self._answering.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._timer is None and (self.cycle is None or self.cycle.response_complete):
            self._expect_head()  # also for blank lines before a request
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

    # Called by the parser

    def on_message_begin(self) -> None:
        self._in_head = True
        if len(self.pipeline) >= self._limits.queued:  # a few bytes each in transit, and kilobytes in memory
            raise TooManyQueued  # the parser stops; what is queued is answered, then the connection closes
        super().on_message_begin()
        self.scope["state"]["os_user"] = self._os_user
        if self._timer is None:
            self._expect_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # ignore trailers of a chunked body
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._idle_bytes = 0
        state = self.scope["state"]
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > self._limits.head_bytes:
            state["refusal"] = TOO_LONG
        elif self._is_waited_for() and (refusal := self._admission.ask(self._seat, self._origin())) is not None:
            state["refusal"] = refusal
        self._expect(self._limits.body, self._body_is_late)
        super().on_headers_complete()
        if not self.pipeline:
            self._answering = self.cycle

    def on_body(self, body: bytes) -> None:
        self._idle_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._idle_bytes = 0
        self._expect_nothing()
        if self._is_waited_for():  # answered before its body had arrived
            self._admission.note_idle(self._seat)
        elif not self.pipeline:
            self._admission.answer(self._seat)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self._answering = self.pipeline[-1][0] if self.pipeline else None
        super().on_response_complete()
        if self._is_waited_for():  # and no other request arrived meanwhile
            self._admission.note_idle(self._seat)
            if self._timer is not None:
                self._admission.await_client(self._seat)
        elif self.cycle.more_body:
            self._admission.await_client(self._seat)

    def send_400_response(self, msg: str) -> None:
        self._refuse(NOT_HTTP)

    def _unsupported_upgrade_warning(self) -> None:
        """Log nothing, because what clients try does not concern the operator."""

    # Limits of size

    def _is_waited_for(self) -> bool:
        """Return True if there is no request to answer, so that the connection waits for the client."""
        return self.cycle is None or self.cycle.response_complete

    def _origin(self) -> str | None:
        """Return the origin that a request counts for, which a named proxy's header decides."""
        if self._seat.home is not None:
            return self._seat.home
        try:
            return origin_in(self._callers.of(self.scope).address)
        except Unreadable:
            return None

    def _make_room(self) -> None:
        """Close the connection, with an answer to an unfinished request."""
        self._expect_nothing()
        if self._is_waited_for() and self._seat.stage is Stage.IDLE:
            self.transport.close()
            return
        if self.scope is not None:
            self.scope["state"]["too_slow"] = True
        self._refuse(CROWDED_OUT)

    # Limits of time

    def _expect_head(self) -> None:
        if self._is_waited_for():
            self._admission.await_client(self._seat)
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
            self._expect_head()  # the client waits for the answer to the previous request
        else:
            self._refuse(TOO_SLOW)

    def _body_is_late(self) -> None:
        self._timer = None
        if self.pipeline:
            self._expect(self._limits.body, self._body_is_late)  # the client waits: its request is queued
            return
        self.scope["state"]["too_slow"] = True
        if self.cycle.response_complete:
            self.transport.close()
        else:
            self._refuse(TOO_SLOW)

    def _refuse(self, why: tuple[int, str, str]) -> None:
        """Answer without the application and close, after earlier requests have been answered."""
        if self.transport.is_closing():
            return
        waiting = self._is_waited_for()
        if self._in_head and not waiting:
            self.cycle.keep_alive = False
            return
        if waiting or not (self.cycle.response_started or self.pipeline):
            self.transport.write(_plain(*why))
        self.transport.close()


@lru_cache(maxsize=16)
def _plain(status: int, code: str, detail: str) -> bytes:
    """Return the bytes of a problem response that does not come from the application."""
    response = problem(status, code, detail)
    lines = [name + b": " + value for name, value in [*response.raw_headers, (b"connection", b"close")]]
    return STATUS_LINE[response.status_code] + b"\r\n".join(lines) + b"\r\n\r\n" + bytes(response.body)
