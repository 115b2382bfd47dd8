"""Delivery of signed requests as https://www.standardwebhooks.com has it: one entry each, in order, on one connection.

The answer's text is never kept: its status alone counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import h11

from secconsole.delivery.streams.line import Line, open_line
from secconsole.delivery.streams.receiver import CONNECT, SEND, SILENT, UNREACHABLE, Delivered, StreamReceiver
from secconsole.delivery.streams.syslog import connection_problem
from secconsole.domain.audit.webhook import signature
from secconsole.domain.errors import Unavailable
from secconsole.domain.secret import Secret

ANSWER = 15.0  # seconds for one answer
_LONGEST_WAIT = 3_600
_LONGEST_ANSWER = 64 * 1024
_NO_HTTP = "The receiver ended the connection without an answer in HTTP."
_WORDS = {
    401: "The receiver refuses our signature",
    403: "The receiver refuses our signature",
    404: "The receiver does not know this URL",
    410: "The receiver wants no more entries. Remove the stream, or correct the receiver",
    413: "The receiver refuses an entry of this size",
    429: "The receiver asks to send more slowly",
}


@dataclass(frozen=True, slots=True)
class Request:
    """Body of a request, and the id by which a receiver recognises it when it comes again."""

    id: str
    body: bytes


async def send_requests(
    receiver: StreamReceiver, requests: Sequence[Request], seconds: int, *, timeout: float = SEND
) -> Delivered:
    """Send requests until one is refused, without raising for anything the other side does."""
    done = 0
    line: Line | None = None
    try:
        async with asyncio.timeout(timeout):
            async with asyncio.timeout(min(CONNECT, timeout)):
                line = await open_line(receiver)
            connection = h11.Connection(h11.CLIENT)
            for request in requests:
                async with asyncio.timeout(ANSWER):
                    status, wait = await _exchange(line, connection, _head(receiver, request, seconds), request.body)
                if not 200 <= status < 300:
                    return Delivered(done, _refusal(status), wait)
                done += 1
                if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                    break  # it ends the connection: the rest goes with the next one
                connection.start_next_cycle()
    except TimeoutError:
        return Delivered(done, UNREACHABLE if line is None else SILENT)
    except h11.RemoteProtocolError:
        return Delivered(done, _NO_HTTP)
    except (OSError, Unavailable, ValueError) as error:
        return Delivered(done, connection_problem(error, is_open=line is not None))
    finally:
        if line is not None:
            line.close()
    return Delivered(done)


def _head(receiver: StreamReceiver, request: Request, seconds: int) -> h11.Request:
    to = receiver.to
    host = f"[{to.host}]" if ":" in to.host else to.host
    usual = to.port == (443 if to.tls else 80)
    signed = signature(receiver.secret or Secret(""), request.id, seconds, request.body)
    headers = {
        "host": host if usual else f"{host}:{to.port}",
        "user-agent": "secconsole",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "content-length": str(len(request.body)),
        "webhook-id": request.id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": signed,
    }
    return h11.Request(method="POST", target=to.path, headers=list(headers.items()))


async def _exchange(line: Line, connection: h11.Connection, head: h11.Request, body: bytes) -> tuple[int, int]:
    """Send one request, and return the status of its answer and the seconds to wait."""
    parts = (connection.send(head), connection.send(h11.Data(body)), connection.send(h11.EndOfMessage()))
    await line.send(b"".join(part for part in parts if part))
    status = wait = length = 0
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await line.receive())
        elif isinstance(event, h11.Response):
            status, wait = event.status_code, _wait(event)
        elif isinstance(event, h11.Data):
            length += len(event.data)
            if length > _LONGEST_ANSWER:
                return status, wait
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed) or event is h11.PAUSED:
            return status, wait


def _refusal(status: int) -> str:
    if 300 <= status < 400:
        return f"The receiver redirects, which is not followed (HTTP {status})."
    return f"{_WORDS.get(status, 'The receiver did not take an entry')} (HTTP {status})."


def _wait(response: h11.Response) -> int:
    text = dict(response.headers).get(b"retry-after", b"")
    return min(int(text), _LONGEST_WAIT) if text.isdigit() and len(text) < 6 else 0
