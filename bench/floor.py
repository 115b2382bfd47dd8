"""`python -m bench.floor SOCKET STORE`: a minimal server, as the baseline for the served API.

It is a bare ASGI application under uvicorn, which reads the body of a request, inserts a row, commits, and answers.
STORE is the path of a new SQLite file, or the address of a PostgreSQL database.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import asyncpg
import uvicorn

CONNECTIONS = 16
_HEAD = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", b"17")],
}
_BODY = {"type": "http.response.body", "body": b'{"accepted":true}'}


class Commits(Protocol):
    async def open(self) -> None: ...

    async def insert(self, body: bytes) -> None:
        """Add a row with this body, and return when it is committed."""


class OnSqlite:
    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute("CREATE TABLE done (pk INTEGER PRIMARY KEY, body BLOB NOT NULL)")

    async def open(self) -> None:
        """Do nothing, because the pool is open already."""

    async def insert(self, body: bytes) -> None:
        self._connection.execute("INSERT INTO done (body) VALUES (?)", (body,))


class OnPostgres:
    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def open(self) -> None:
        self._pool = await asyncpg.create_pool(self._dsn, min_size=CONNECTIONS, max_size=CONNECTIONS)
        await self._pool.execute("CREATE TABLE done (pk bigserial PRIMARY KEY, body bytea NOT NULL)")

    async def insert(self, body: bytes) -> None:
        async with self._pool.acquire() as connection:
            await connection.execute("INSERT INTO done (body) VALUES ($1)", body)


def application(store: Commits) -> Callable[..., Awaitable[None]]:
    async def app(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await store.open()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        await store.insert(body)
        await send(_HEAD)
        await send(_BODY)

    return app


if __name__ == "__main__":
    socket, where = sys.argv[1:]
    uvicorn.run(
        application(OnPostgres(where) if where.startswith("postgresql:") else OnSqlite(where)),
        uds=socket,
        http="httptools",
        loop="uvloop",
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
