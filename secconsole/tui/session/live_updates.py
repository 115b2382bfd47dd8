"""What goes on while nobody presses a key: changes made elsewhere arrive, a lost line is taken up again, and a console
left alone locks and then signs out."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from textual.timer import Timer
from textual.worker import Worker

from secconsole.backends.base import NoAnswer, NotTrusted, Remote
from secconsole.domain.errors import NotSignedIn, SecconsoleError, Unavailable

if TYPE_CHECKING:
    from secconsole.tui.app import SecConsole

SETTLE: Final = 0.3  # seconds in which changes count as one
RETRY: Final = (0.2, 0.4, 0.8, 1.0)  # seconds between tries to reach a store that does not answer
RETRY_TRUST: Final = 5.0  # and one that is not trusted: somebody has to do something first
STOOD: Final = 5.0  # seconds after which a line was a good one, so that its loss is answered quickly
SOON: Final = 5.0  # seconds for reading anew who one is

# NIST SP 800-63B-4 section 2.2.3: an hour without activity ends a session. What is read anew because somebody else
# changed something is none, but the store cannot tell; so the console counts the keys.
IDLE: Final = timedelta(hours=1)
IDLE_WORDS: Final = "You were signed out after an hour without a key."


class Live:
    """Follows the store for one console. Costs nothing while nothing changes and the line stands."""

    def __init__(self, app: SecConsole) -> None:
        self._app = app
        self._following: Worker[None] | None = None
        self._renewing: Worker[None] | None = None
        self._greeting: Worker[None] | None = None
        self._doubting: Worker[None] | None = None
        self._changed = asyncio.Event()
        self._timer: Timer | None = None
        self._touched: datetime | None = None

    def start(self) -> None:
        """From here on somebody is signed in."""
        self.stop()
        self._touched = self._app.clock()
        self._changed.clear()
        self._following = self._work(self._follow)
        self._renewing = self._work(self._renew)
        self._look_again()

    def stop(self) -> None:
        for worker in (self._following, self._renewing, self._greeting, self._doubting):
            if worker is not None:
                worker.cancel()
        self._following = self._renewing = self._greeting = self._doubting = None
        if self._timer is not None:
            self._timer.stop()
        self._timer = self._touched = None

    def greet(self) -> None:
        """Nobody is signed in yet: look whether the server is there, and go on until it is."""
        if isinstance(self._app.backend, Remote) and (self._greeting is None or self._greeting.is_finished):
            self._greeting = self._work(partial(self._greet, self._app.backend))

    def doubt(self) -> None:
        """Something was not answered: find out whether the line stands, and take it up anew if not."""
        if self._following is None:
            self.greet()
        elif not isinstance(self._app.backend, Remote):
            self._changed.set()
        elif self._doubting is None or self._doubting.is_finished:
            self._doubting = self._work(partial(self._doubt, self._app.backend))

    def _work(self, work: Callable[[], Coroutine[None, None, None]]) -> Worker[None]:
        return self._app.run_worker(work, group="live", exit_on_error=False)

    # ---- left alone ------------------------------------------------------------------------------------------------

    def touched(self) -> None:
        """Somebody is at work here."""
        self._touched = self._app.clock()

    def resume(self) -> None:
        """Somebody is at work here again, after it was locked."""
        self.touched()
        self._look_again()

    @property
    def ends(self) -> datetime | None:
        """When the session ends by itself if nobody is at work here any more."""
        if self._touched is None:
            return None
        ends_at = self._app.identity.ends_at
        idle = self._touched + IDLE
        return idle if ends_at is None else min(idle, ends_at)

    @property
    def is_overdue(self) -> bool:
        """Whether it should be locked already: timers stand still while a machine sleeps."""
        return self._touched is not None and not self._app.lock.is_shut and self._idle >= self._app.lock.after

    @property
    def why_over(self) -> str:
        """Why a session that the store has ended was bound to end, in words; empty if this console knows of nothing."""
        return IDLE_WORDS if self._idle >= IDLE else ""

    @property
    def _idle(self) -> timedelta:
        return self._app.clock() - self._touched if self._touched is not None else timedelta(0)

    async def leave_if_idle(self) -> None:
        """Lock or sign out if nobody was at work for long; else look again when that could be so."""
        if self._touched is None:
            return
        app, ends_at = self._app, self._app.identity.ends_at
        if self._idle >= IDLE:
            await app.sign_out(IDLE_WORDS)
            return
        app.lock.shut_if_idle(self._idle)
        if ends_at is not None and ends_at <= app.clock():
            self._changed.set()  # the store says whether it is so
        self._look_again()

    def _look_again(self) -> None:
        app, ends_at = self._app, self._app.identity.ends_at
        waits = [IDLE - self._idle]
        if not app.lock.is_shut:
            waits.append(app.lock.after - self._idle)
        if ends_at is not None:
            waits.append(ends_at - app.clock())
        if self._timer is not None:
            self._timer.stop()
        self._timer = app.set_timer(max(1.0, min(waits).total_seconds() + 1), self.leave_if_idle)

    # ---- the line --------------------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        """Take up the stream of changes, again and again; that it stands counts as a change."""
        failures = 0
        while True:
            began = time.monotonic()
            try:
                async for _ in self._app.backend.changes():
                    self._changed.set()
                return  # the backend tells of no changes
            except NotSignedIn as error:
                self._app.lose_session(error.message)
                return
            except SecconsoleError as error:
                self._app.line.lose(_unavailable(error))
                if time.monotonic() - began > STOOD:
                    failures = 0
                await asyncio.sleep(_pause(error, failures))
                failures += 1

    async def _renew(self) -> None:
        """Read anew what is shown after each change, until that has worked."""
        failures = 0
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                async with asyncio.timeout(SOON):
                    await self._app.session.renew()
            except NotSignedIn as error:
                self._app.lose_session(error.message)
                return
            except (SecconsoleError, TimeoutError) as error:
                failed = error if isinstance(error, SecconsoleError) else NoAnswer("The server does not answer.")
                self._app.line.lose(_unavailable(failed))
                self.doubt()
                await asyncio.sleep(_pause(failed, failures))
                failures += 1
                self._changed.set()
            else:
                failures = 0
                await asyncio.sleep(SETTLE)

    async def _greet(self, backend: Remote) -> None:
        failures = 0
        while True:
            try:
                await backend.reach()
            except Unavailable as error:
                self._app.line.lose(error)
                await asyncio.sleep(_pause(error, failures))
                failures += 1
            else:
                self._app.line.find()
                return

    async def _doubt(self, backend: Remote) -> None:
        try:
            await backend.reach()
        except Unavailable as error:
            if self._following is not None and not self._app.line.cut:
                self._app.line.lose(error)
                self._following.cancel()
                self._following = self._work(self._follow)
        else:
            if not self._app.line.fresh:
                self._changed.set()


def _unavailable(error: SecconsoleError) -> Unavailable:
    return error if isinstance(error, Unavailable) else Unavailable(error.message)


def _pause(error: SecconsoleError, failures: int) -> float:
    """Seconds until the next try, never the same for all consoles of a server that has just come back."""
    wanted = RETRY_TRUST if isinstance(error, NotTrusted) else RETRY[min(failures, len(RETRY) - 1)]
    return wanted * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, guards nothing
