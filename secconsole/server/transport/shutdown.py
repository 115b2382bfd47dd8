"""Shutdown signal shared by all requests."""

from __future__ import annotations

import asyncio


class ShutdownSignal:
    """Signal that is set once, and that ends waits which would not end by themselves."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    @property
    def has_begun(self) -> bool:
        return self._event.is_set()

    def begin(self) -> None:
        self._event.set()

    async def wait(self) -> None:
        await self._event.wait()
