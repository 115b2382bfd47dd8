"""Regular work on a store that nobody is using, such as the reminders of a night, while a program has it open."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from secconsole.domain.errors import SecconsoleError

log = logging.getLogger(__name__)

EVERY = 30.0  # seconds


class Tending:
    """Task that does what is due by time, which begins with `stay`."""

    def __init__(self, tend: Callable[[], Awaitable[None]]) -> None:
        self._tend = tend
        self._task: asyncio.Task[None] | None = None

    def stay(self) -> None:
        self._task = asyncio.create_task(self._work())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _work(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self._tend()
            except SecconsoleError as error:
                log.warning("Regular work could not be done: %s", error.message)
