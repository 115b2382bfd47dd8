"""`python -m bench.callers SOCKET AT_ONCE`: call a server over persistent connections, and time every call.

Standard input is `{"head": TEXT, "calls": [[PATH, BODY], …]}`, standard output the seconds of each call and of all. It
is a separate process without an HTTP library, so that only the server is measured.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from typing import cast

import uvloop

ACCEPTED = b'"accepted":true'


class Caller(asyncio.Protocol):
    """One connection, which sends the next call after the last one was answered."""

    def __init__(self, calls: Iterator[bytes], took: list[float], done: asyncio.Future[None]) -> None:
        self._calls, self._took, self._done = calls, took, done
        self._read = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)

    def begin(self) -> None:
        """Send the first call."""
        self._next()

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            return
        self._took.append(time.perf_counter() - self._sent)
        if not head.startswith(b"HTTP/1.1 200") or ACCEPTED not in body:
            self._done.set_exception(ValueError(f"not accepted: {self._read!r}"))
            return
        self._read = b""
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("the server closed the connection"))

    def _next(self) -> None:
        call = next(self._calls, None)
        if call is None:
            self._done.set_result(None)
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(call)


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])


async def call(socket: str, at_once: int, calls: list[bytes]) -> tuple[list[float], float]:
    """Make all calls, so many at once, and return the seconds of each and of all, without those to connect."""
    loop = asyncio.get_running_loop()
    work, took = iter(calls), list[float]()
    ended = [loop.create_future() for _ in range(at_once)]
    lines = [
        (await loop.create_unix_connection(lambda done=done: Caller(work, took, done), socket))[1] for done in ended
    ]
    started = time.perf_counter()
    for line in lines:
        line.begin()
    await asyncio.gather(*ended)
    return took, time.perf_counter() - started


def main() -> None:
    given = json.load(sys.stdin)
    calls = [
        f"POST {path} HTTP/1.1\r\n{given['head']}content-length: {len(body)}\r\n\r\n{body}".encode()
        for path, body in given["calls"]
    ]
    took, seconds = uvloop.run(call(sys.argv[1], int(sys.argv[2]), calls))
    json.dump({"took": took, "seconds": seconds}, sys.stdout)


if __name__ == "__main__":
    main()
