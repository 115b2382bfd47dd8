"""Background work of a session: change notices, reconnection, and locking or signing out an idle console."""

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

from secconsole.backends.base import NoAnswer, Notice, NotTrusted, Remote
from secconsole.domain.errors import NotSignedIn, SecconsoleError, Unavailable, WrongNetwork
from secconsole.domain.roles import Permission
from secconsole.tui.session.connection import NotAllowedHere

if TYPE_CHECKING:
    from secconsole.operations.base import Operation
    from secconsole.tui.console import Console

SETTLE: Final = 0.3  # seconds in which changes count as one
RETRY: Final = (0.2, 0.4, 0.8, 1.0)  # seconds between tries to reach a store that does not answer
RETRY_TRUST: Final = 5.0  # and one that is not trusted, or refuses this network: someone has to fix that first
OWN: Final = 0.5  # seconds after a write of this console in which the place that made it may reload itself
STOOD: Final = 5.0  # seconds after which a connection counts as good, so that its loss is retried quickly
SOON: Final = 5.0  # seconds for reloading the signed-in user

# NIST SP 800-63B-4 section 2.2.3: an hour without activity ends a session. Reloading after a change made elsewhere is
# not activity, but the store cannot tell; so the console counts the keys.
IDLE: Final = timedelta(hours=1)
IDLE_WORDS: Final = "You were signed out after an hour without a key."


class LiveUpdates:
    """Follows the store for one console.

    Costs nothing while nothing changes and the connection is up.
    """

    def __init__(self, app: Console) -> None:
        self._app = app
        self._following: Worker[None] | None = None
        self._renewing: Worker[None] | None = None
        self._probing: Worker[None] | None = None
        self._rechecking: Worker[None] | None = None
        self._changed = asyncio.Event()
        self._timer: Timer | None = None
        self._active_at: datetime | None = None
        self._others = False  # whether the change was made elsewhere
        self._caller = False  # whether a write of this console concerns its user, whose data are out of date
        self._reloaded = True  # by the place in sight, since the last write of this console
        self._own: Timer | None = None

    def start(self) -> None:
        """Start after a sign-in."""
        self.stop()
        self._active_at = self._app.clock()
        self._changed.clear()
        self._others = self._caller = False
        self._reloaded = True
        self._following = self._work(self._follow)
        self._renewing = self._work(self._renew)
        self._look_again()

    def stop(self) -> None:
        for worker in (self._following, self._renewing, self._probing, self._rechecking):
            if worker is not None:
                worker.cancel()
        self._following = self._renewing = self._probing = self._rechecking = None
        if self._timer is not None:
            self._timer.stop()
        if self._own is not None:
            self._own.stop()
        self._timer = self._active_at = self._own = None

    def probe(self) -> None:
        """Check until the server answers, while nobody is signed in."""
        if isinstance(self._app.backend, Remote) and (self._probing is None or self._probing.is_finished):
            self._probing = self._work(partial(self._probe, self._app.backend))

    def recheck(self) -> None:
        """Check the connection after a request was not answered, and reconnect if it is down."""
        if self._following is None:
            self.probe()
        elif not isinstance(self._app.backend, Remote):
            self._note_change()
        elif self._rechecking is None or self._rechecking.is_finished:
            self._rechecking = self._work(partial(self._recheck, self._app.backend))

    def _work(self, work: Callable[[], Coroutine[None, None, None]]) -> Worker[None]:
        return self._app.run_worker(work, group="live", exit_on_error=False)

    # ---- left alone ------------------------------------------------------------------------------------------------

    def note_activity(self) -> None:
        """Record that the user is active."""
        self._active_at = self._app.clock()

    def resume(self) -> None:
        """Record that the user is active again, after the lock."""
        self.note_activity()
        self._look_again()

    @property
    def ends(self) -> datetime | None:
        """Return when the session ends if the user stays inactive."""
        if self._active_at is None:
            return None
        ends_at = self._app.identity.ends_at
        idle = self._active_at + IDLE
        return idle if ends_at is None else min(idle, ends_at)

    @property
    def is_overdue(self) -> bool:
        """Return True if the console should be locked already, since timers stop while a machine sleeps."""
        return self._active_at is not None and not self._app.lock.is_shut and self._idle >= self._app.lock.after

    @property
    def end_reason(self) -> str:
        """Return why the store has ended the session.

        Empty if this console does not know.
        """
        return IDLE_WORDS if self._idle >= IDLE else ""

    @property
    def _idle(self) -> timedelta:
        return self._app.clock() - self._active_at if self._active_at is not None else timedelta(0)

    async def leave_if_idle(self) -> None:
        """Lock or sign out after a long inactivity.

        Otherwise check again when that could be due.
        """
        if self._active_at is None:
            return
        app, ends_at = self._app, self._app.identity.ends_at
        if self._idle >= IDLE:
            await app.sign_out(IDLE_WORDS)
            return
        app.lock.shut_if_idle(self._idle)
        if ends_at is not None and ends_at <= app.clock():
            self._note_change()  # the store decides
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

    # ---- changes made here -----------------------------------------------------------------------------------------

    def note_write(self, operation: Operation[object]) -> None:
        """Record a change by this console, of which the store's notice is skipped.

        Places out of sight reload when they are shown. The place in sight reloads itself, or is reloaded soon.
        """
        app = self._app
        if not app.signed_in:
            return
        self._reloaded = False
        self._caller = self._caller or _concerns(operation, app.identity.id, app.identity.login)
        for place in app.session.places:
            if place is not app.places.latest_shown:
                place.tell_changed()
        if self._own is None and self._renewing is not None:
            self._own = app.set_timer(OWN, self._own_over)

    def note_reloaded(self) -> None:
        """Record that the place in sight reloads after a write of this console."""
        self._reloaded = True

    def _own_over(self) -> None:
        self._own = None
        if self._caller or not self._reloaded:
            self._changed.set()

    # ---- changes made elsewhere ------------------------------------------------------------------------------------

    def _note_change(self) -> None:
        self._others = True
        self._changed.set()

    # ---- the line --------------------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        """Follow the stream of changes, reconnecting as needed.

        Every connection counts as a change.
        """
        failures = 0
        while True:
            began = time.monotonic()
            try:
                async for notice in self._app.backend.changes():
                    if notice is not Notice.OWN:
                        self._note_change()
                return  # the backend has no change notices
            except NotSignedIn as error:
                self._app.lose_session(error.message)
                return
            except SecconsoleError as error:
                self._app.connection.mark_lost(_unavailable(error))
                if time.monotonic() - began > STOOD:
                    failures = 0
                await asyncio.sleep(_pause(error, failures))
                failures += 1

    async def _renew(self) -> None:
        """Reload what is shown after each change, until that succeeds."""
        failures = 0
        while True:
            await self._changed.wait()
            self._changed.clear()
            everything = self._others or not self._reloaded
            self._others = self._caller = False
            try:
                async with asyncio.timeout(SOON):
                    await self._app.session.renew(places=everything)
            except NotSignedIn as error:
                self._app.lose_session(error.message)
                return
            except (SecconsoleError, TimeoutError) as error:
                failed = error if isinstance(error, SecconsoleError) else NoAnswer("The server does not answer.")
                self._app.connection.mark_lost(_unavailable(failed))
                self.recheck()
                await asyncio.sleep(_pause(failed, failures))
                failures += 1
                self._note_change()
            else:
                failures = 0
                await asyncio.sleep(SETTLE)

    async def _probe(self, backend: Remote) -> None:
        failures = 0
        while True:
            try:
                await backend.reach()
            except Unavailable as error:
                self._app.connection.mark_lost(error)
                await asyncio.sleep(_pause(error, failures))
                failures += 1
            else:
                self._app.connection.mark_restored()
                return

    async def _recheck(self, backend: Remote) -> None:
        try:
            await backend.reach()
        except Unavailable as error:
            if self._following is not None and not self._app.connection.is_down:
                self._app.connection.mark_lost(error)
                self._following.cancel()
                self._following = self._work(self._follow)
        else:
            if not self._app.connection.is_current:
                self._note_change()


def _concerns(operation: Operation[object], id: str, login: str) -> bool:
    """Return True if a write may have changed the user of this console, or the policy of the tenant."""
    spec = operation.spec
    if spec.own or spec.permission in (Permission.OWN_ACCOUNT, Permission.MANAGE_POLICY):
        return True
    return getattr(operation, "user", None) in (id, login)


def _unavailable(error: SecconsoleError) -> Unavailable:
    if isinstance(error, WrongNetwork):
        return NotAllowedHere(error.message)
    return error if isinstance(error, Unavailable) else Unavailable(error.message)


def _pause(error: SecconsoleError, failures: int) -> float:
    """Return the seconds until the next try, different for each console of a server that has just come back."""
    wanted = RETRY_TRUST if isinstance(error, NotTrusted | WrongNetwork) else RETRY[min(failures, len(RETRY) - 1)]
    return wanted * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, guards nothing
