"""Notices of change as server-sent events: that something changed, never what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from secconsole.domain.errors import SecconsoleError, Unavailable
from secconsole.operations.caller import Credential, Source
from secconsole.operations.signin import WhoAmI
from secconsole.server.problems import problem_of
from secconsole.server.routes import Performer, credential_of, source_of
from secconsole.server.routing import PathRoute
from secconsole.server.stopping import Stop

_UNBUFFERED = {"x-accel-buffering": "no"}  # nginx would keep notices back until it has a page of them
KEEP_ALIVE = 15.0  # seconds; a comment that keeps proxies from closing a quiet line


def add_changes(app: FastAPI, performer: Performer, stop: Stop) -> None:
    """Add the stream; one watcher of the store serves all who listen."""

    async def changes(request: Request) -> Response:
        try:
            await performer.perform_as(WhoAmI(), credential_of(request), source_of(request))
        except SecconsoleError as error:
            return problem_of(error, request.state.request_id)
        if request.method == "HEAD":
            return Response(media_type="text/event-stream", headers=_UNBUFFERED)
        still = partial(_still, performer, credential_of(request), replace(source_of(request), idle=True))
        return StreamingResponse(_notices(performer, stop, still), media_type="text/event-stream", headers=_UNBUFFERED)

    app.router.routes.append(PathRoute("/v1/changes", changes, method="GET", name="changes"))


async def _still(performer: Performer, credential: Credential, source: Source) -> bool:
    """Whether somebody is signed in still; while the store cannot tell, they are."""
    try:
        await performer.perform_as(WhoAmI(), credential, source)
    except Unavailable:
        return True
    except SecconsoleError:
        return False
    return True


async def _notices(performer: Performer, stop: Stop, still: Callable[[], Awaitable[bool]]) -> AsyncIterator[bytes]:
    """`: hello` at once, `event: change` after each change, a comment now and then.

    It ends when the server stops, and soon after the session has.
    """
    loop = asyncio.get_running_loop()
    looked = loop.time()
    yield b": hello\n\n"
    changes = aiter(performer.changes())
    waiting: asyncio.Task[None] | None = None
    stopping = asyncio.ensure_future(stop.wait())
    try:
        while not stop.has_begun:
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
            if isinstance(waiting.exception(), StopAsyncIteration):
                return
            waiting.result()
            waiting = None
            yield b"event: change\ndata: {}\n\n"
    finally:
        stopping.cancel()
        if waiting is not None:
            waiting.cancel()
