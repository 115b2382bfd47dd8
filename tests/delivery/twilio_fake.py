"""A fake Twilio on a real socket, which takes messages, authenticates senders, and refuses like the original."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.organisation import end

SID = "AC" + "0123456789abcdef" * 2
TOKEN = "f" * 32


@dataclass
class Twilio:
    """`answers` are given once each, in order: a status, Twilio's code, and seconds for Retry-After (0: none)."""

    port: int = 0
    messages: list[dict[str, str]] = field(default_factory=list)
    answers: list[tuple[int, int, int]] = field(default_factory=list)
    refused: int = 0
    hold: asyncio.Event | None = None  # answers are held back until it is set
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def take(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        self.asked.set()
        if self.hold is not None:
            await self.hold.wait()
        expected = base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {expected}" or request.path_params["sid"] != SID:
            return _refusal(401, 20003, 0)
        if self.answers:
            status, code, wait = self.answers.pop(0)
            self.refused += 1
            return _refusal(status, code, wait)
        self.messages.append(form)
        return JSONResponse({"sid": f"SM{len(self.messages):032}", "status": "queued", "error_code": None}, 201)

    def text(self, number: int = -1) -> str:
        return self.messages[number]["Body"]


def _refusal(status: int, code: int, wait: int) -> Response:
    headers = {"Retry-After": str(wait)} if wait else {}
    if status == 307:
        headers["Location"] = "/2010-04-01/Accounts/" + SID + "/Messages.json"
    if not code:
        return Response("<html>Bad gateway</html>", status, headers)
    body = {"code": code, "message": "Authenticate", "more_info": f"https://www.twilio.com/docs/errors/{code}"}
    return JSONResponse(body | {"status": status}, status, headers)


@asynccontextmanager
async def twilio_fake() -> AsyncIterator[Twilio]:
    fake = Twilio()
    route = Route("/2010-04-01/Accounts/{sid}/Messages.json", fake.take, methods=["POST"])
    config = uvicorn.Config(Starlette(routes=[route]), port=0, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0)
    fake.port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        if fake.hold is not None:
            fake.hold.set()
        if server.server_state.tasks:  # answers on their way
            server.should_exit = True
            await serving
        else:
            await end(server, serving)
