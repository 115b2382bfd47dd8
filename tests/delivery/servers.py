"""A mail server and a fake Twilio beside the test, for programs in other processes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

from tests.delivery.mail_server import Mailbox, mail_server
from tests.delivery.twilio_fake import Twilio, twilio_fake


class Servers:
    """A mail server and a fake Twilio in a separate event loop, as commands run in their own."""

    def __init__(self) -> None:
        self.mailbox, self.twilio = Mailbox(), Twilio()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._stack = AsyncExitStack()
        self._run(self._open)

    async def _open(self) -> None:
        await self._stack.enter_async_context(mail_server(self.mailbox))
        self.twilio = await self._stack.enter_async_context(twilio_fake())

    def close(self) -> None:
        self._run(self._stack.aclose)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Callable[[], Any]) -> None:
        asyncio.run_coroutine_threadsafe(work(), self._loop).result(20)
