"""What goes on while nobody presses a key: changes made elsewhere arrive, and a console left alone signs out."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from textual.timer import Timer
from textual.worker import Worker

from secconsole.domain.errors import NotSignedIn, SecconsoleError

if TYPE_CHECKING:
    from secconsole.tui.app import SecConsole

SETTLE: Final = 0.3  # seconds in which changes count as one
RETRY: Final = (1.0, 2.0, 5.0, 10.0, 30.0)  # seconds between looks at a store that does not answer

# NIST SP 800-63B-4 section 2.2.3: an hour without activity ends a session. What is read anew because somebody else
# changed something is none, but the store cannot tell; so the console counts the keys.
IDLE: Final = timedelta(hours=1)
IDLE_WORDS: Final = "You were signed out after an hour without a key."


class Live:
    """Follows the store for one signed-in console. Costs nothing while nothing changes."""

    def __init__(self, app: SecConsole) -> None:
        self._app = app
        self._worker: Worker[None] | None = None
        self._timer: Timer | None = None
        self._touched: datetime | None = None

    def start(self) -> None:
        self.stop()
        self._touched = self._app.clock()
        self._worker = self._app.run_worker(self._follow(), group="live", exit_on_error=False)
        self._timer = self._app.set_timer(IDLE.total_seconds(), self.leave_if_idle)

    def stop(self) -> None:
        if self._worker is not None:
            self._worker.cancel()
        if self._timer is not None:
            self._timer.stop()
        self._worker = self._timer = None

    def touched(self) -> None:
        """Somebody is at work here."""
        self._touched = self._app.clock()

    async def leave_if_idle(self) -> None:
        """Sign out if nobody was at work for long; else look again when that could be so."""
        if self._timer is None or self._touched is None:
            return
        left = self._touched + IDLE - self._app.clock()
        if left <= timedelta(0):
            await self._app.sign_out(IDLE_WORDS)
        else:
            self._timer = self._app.set_timer(left.total_seconds() + 1, self.leave_if_idle)

    async def _follow(self) -> None:
        failures = 0
        while True:
            try:
                async for _ in self._app.backend.changes():
                    await self._app.session.renew()
                    failures = 0
                    self._app.set_trouble("")
                    await asyncio.sleep(SETTLE)
                return  # the backend tells of no changes
            except NotSignedIn as error:
                self._app.leave(error.message)
                return
            except SecconsoleError:
                self._app.set_trouble("store unavailable")
            await asyncio.sleep(RETRY[min(failures, len(RETRY) - 1)])
            failures += 1
