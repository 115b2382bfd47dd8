"""A relay in front of a PostgreSQL's socket that counts how often its clients wait for the server."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.postgres import PORT, Cluster


class RoundTrips:
    """Number of round trips of all connections: a client sends, then reads what the server answers."""

    def __init__(self) -> None:
        self.count = 0

    async def relay(self, folder: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on the bytes of one connection in both directions."""
        there, out = await asyncio.open_unix_connection(folder / f".s.PGSQL.{PORT}")
        is_answered = True

        async def ask() -> None:
            nonlocal is_answered
            while data := await reader.read(2**16):
                self.count += is_answered
                is_answered = False
                out.write(data)
            out.close()

        async def answer() -> None:
            nonlocal is_answered
            while data := await there.read(2**16):
                is_answered = True
                writer.write(data)
            writer.close()

        with suppress(ConnectionError):
            await asyncio.gather(ask(), answer())


@contextmanager
def counted(postgres: Cluster, folder: Path) -> Iterator[RoundTrips]:
    """Relay a socket in another folder to the cluster's. A name in place of the cluster's folder in a DSN leads there.

    It has an event loop of its own, because opening a store blocks that of the test.
    """
    trips, loop = RoundTrips(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def listen() -> asyncio.Server:
        return await asyncio.start_unix_server(
            lambda reader, writer: trips.relay(postgres.folder, reader, writer), folder / f".s.PGSQL.{PORT}"
        )

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result()
    try:
        yield trips
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
