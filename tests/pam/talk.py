"""The module's side of a conversation, spoken over a socket pair to an agent in this process."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from secconsole.pam.agent import Agent, AgentOptions
from secconsole.pam.client import Embedded, Remote
from secconsole.pam.frames import Sent
from secconsole.server.transport.listen import Listen
from tests.organisation import TENANT, Organisation

OPTIONS = AgentOptions(Listen(), TENANT, frozenset({os.getuid()}), seconds=20)


class Talk:
    """What a module sends, and what it is told."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.said: list[str] = []

    def frame(self, kind: str, text: str | bytes = "") -> None:
        content = text.encode() if isinstance(text, str) else text
        self.writer.write(f"{kind}{len(content):04d}".encode() + content)

    def introduce(self, user: str = "ana", **fields: str) -> None:
        self.frame("v", "1")
        self.frame("u", user)
        letters = {"host": "h", "service": "s", "tenant": "o", "password": "p"}
        for name, text in fields.items():
            self.frame(letters[name], text)
        self.frame("g")

    async def hear(self) -> tuple[Sent, str]:
        """Return the next prompt or the verdict, and keep the messages before it."""
        while True:
            head = await asyncio.wait_for(self.reader.readexactly(5), 20)
            kind, text = Sent(chr(head[0])), (await self.reader.readexactly(int(head[1:]))).decode()
            if kind not in (Sent.INFORMATION, Sent.ERROR):
                return kind, text
            self.said.append(text)

    async def reply(self, text: str) -> tuple[Sent, str]:
        self.frame("R", text)
        return await self.hear()


@asynccontextmanager
async def talking(
    organisation: Organisation, options: AgentOptions = OPTIONS, *, url: str = "", **changes: object
) -> AsyncIterator[Talk]:
    """Open a connection to an agent on the store of an organisation, or in front of the server at a URL."""
    agent = Agent(
        replace(options, **changes),  # type: ignore[arg-type]
        lambda address: Remote(url, None, address) if url else Embedded(organisation.backend, address),
    )
    ours, theirs = socket.socketpair()
    conversation = asyncio.create_task(agent.hold(*await asyncio.open_unix_connection(sock=theirs)))
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    try:
        yield Talk(reader, writer)
    finally:
        writer.close()
        await asyncio.wait_for(conversation, 20)
