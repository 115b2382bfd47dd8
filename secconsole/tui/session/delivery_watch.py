"""Polling for the outcome of a code, so that a user who waits learns when it cannot be sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from secconsole.domain.errors import SecconsoleError, Unavailable
from secconsole.operations.signin import SendStatus

SOON, LATER = 0.25, 3.0  # seconds between two polls: most outcomes are known at once


async def watch_delivery(ask: Callable[[], Awaitable[SendStatus]], report: Callable[[SendStatus], None]) -> None:
    """Poll until the state is final, and report each state with a message."""
    pause, reported = SOON, ""
    while True:
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, LATER)
        try:
            status = await ask()
        except Unavailable:  # the connection has its own line
            continue
        except SecconsoleError:  # the challenge or enrollment is over
            return
        if status.message != reported:
            reported = status.message
            report(status)
        if status.final:
            return
