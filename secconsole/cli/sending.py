"""Waiting until a requested message is sent or has failed."""

from __future__ import annotations

import asyncio

from secconsole.backends.base import Backend
from secconsole.cli.diagnostics import say
from secconsole.domain.errors import Unavailable
from secconsole.domain.messages.delivery import MessageState
from secconsole.operations.base import Operation
from secconsole.operations.signin import SendStatus

TIMEOUT, INTERVAL = 20.0, 0.2  # seconds


async def wait_until_sent(backend: Backend, operation: Operation[SendStatus]) -> None:
    """Wait until a message is sent.

    Raise `Unavailable` with the reason if it is not.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + TIMEOUT
    while True:
        status = await backend.perform(operation)
        if status.state is MessageState.UNSURE:  # the code is valid if it arrives
            say(status.message)
            return
        if status.state in (None, MessageState.SENT):
            return
        if status.final or status.message or loop.time() > end:
            raise Unavailable(status.message or "The message has not been sent yet. See: secconsole delivery show")
        await asyncio.sleep(INTERVAL)
