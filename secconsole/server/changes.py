"""Notices of changes that the reader may see, as server-sent events that name only the requests that made them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from secconsole.domain.errors import SecconsoleError, Unavailable
from secconsole.operations.caller import Credential, Source
from secconsole.operations.notices import encode_marks
from secconsole.operations.signin import WhoAmI
from secconsole.server.problems import problem_of
from secconsole.server.routes import OperationExecutor, credential_of, source_of
from secconsole.server.routing import RouteTable
from secconsole.server.transport.shutdown import ShutdownSignal

_UNBUFFERED = {"x-accel-buffering": "no"}  # nginx would buffer notices until a page of them is full
_HELLO = b": hello\n\n"
KEEP_ALIVE = 15.0  # seconds between comments, so that proxies keep a quiet connection open


def add_changes(table: RouteTable, executor: OperationExecutor, shutdown: ShutdownSignal) -> None:
    """Add the stream of changes.

    One watcher of the store serves all listeners.
    """

    async def changes(request: Request) -> Response:
        try:
            await executor.perform_as(WhoAmI(), credential_of(request), source_of(request))
        except SecconsoleError as error:
            return problem_of(error, request.state.request_id)
        if request.method == "HEAD":
            return Response(media_type="text/event-stream", headers=_UNBUFFERED)
        credential, source = credential_of(request), replace(source_of(request), idle=True)
        still = partial(_still, executor, credential, source)
        notices = _notices(executor.changes_for(credential, source), shutdown, still)
        return StreamingResponse(notices, media_type="text/event-stream", headers=_UNBUFFERED)

    table.add("/v1/changes", changes, method="GET", name="changes")


async def _still(executor: OperationExecutor, credential: Credential, source: Source) -> bool:
    """Return True if the session is still valid, or if the store is not available to tell."""
    try:
        await executor.perform_as(WhoAmI(), credential, source)
    except Unavailable:
        return True
    except SecconsoleError:
        return False
    return True


async def _notices(
    found: AsyncIterator[frozenset[str]], shutdown: ShutdownSignal, still: Callable[[], Awaitable[bool]]
) -> AsyncIterator[bytes]:
    """Yield `: hello` at the start, `event: change` after each change, and a comment now and then.

    The times of comments reveal nothing about changes of others: only the reader's own notices postpone them. The
    stream ends when the server stops, and soon after the session has ended.
    """
    loop = asyncio.get_running_loop()
    looked = loop.time()
    begun = False
    changes = aiter(found)
    waiting: asyncio.Task[frozenset[str]] | None = None
    stopping = asyncio.ensure_future(shutdown.wait())
    try:
        while not shutdown.has_begun:
            waiting = waiting or asyncio.ensure_future(anext(changes))
            done, _ = await asyncio.wait((waiting, stopping), timeout=KEEP_ALIVE, return_when=asyncio.FIRST_COMPLETED)
            if loop.time() - looked >= KEEP_ALIVE:
                looked = loop.time()
                if not await still():
                    return
            if not done:
                yield b": still here\n\n"
            if waiting not in done:
                continue
            if isinstance(waiting.exception(), StopAsyncIteration | SecconsoleError):
                return  # the caller may no longer listen, or the store cannot be read
            marks, waiting = waiting.result(), None
            yield b"event: change\ndata: " + encode_marks(marks) + b"\n\n" if begun else _HELLO
            begun = True
    finally:
        stopping.cancel()
        if waiting is not None:
            waiting.cancel()
