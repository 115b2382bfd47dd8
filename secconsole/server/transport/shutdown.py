"""That the server is about to stop: one event for all who have to know."""

from __future__ import annotations

import asyncio


class Stop:
    """Set once; whoever waits for something that may never come waits for this too."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    @property
    def has_begun(self) -> bool:
        return self._event.is_set()

    def begin(self) -> None:
        self._event.set()

    async def wait(self) -> None:
        await self._event.wait()
