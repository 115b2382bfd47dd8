"""Connection state of this console: reachable, stale, pending requests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from secconsole.backends.base import NoAnswer, NotTrusted, Remote
from secconsole.domain.errors import NotSignedIn, StepUpNeeded, Unavailable
from secconsole.tui.console import PATIENCE, StepUpCancelled, WaitAbandoned
from secconsole.tui.text.format import age, glyph

if TYPE_CHECKING:
    from textual.timer import Timer

    from secconsole.operations.base import Operation
    from secconsole.tui.console import Console

R = TypeVar("R")

RECHECK_AFTER: Final = 3.0  # seconds of waiting after which the server is probed
TICK: Final = 1.0  # seconds between two updates of the text, while there is one


class NotAllowedHere(Unavailable):
    """The store answers, but not to this console's network, until a change of the allowed networks is undone."""

    brief = "network not allowed"


@dataclass(eq=False, slots=True)
class _Wait:
    """A pending request.

    `holds_keys` if the user waits for it and can do nothing else.
    """

    task: asyncio.Task[Any]
    began: float
    holds_keys: bool
    writes: bool
    left: bool = False
    is_announced: bool = False

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began


class Connection:
    """Connection state of one console: reachable, stale, pending requests.

    Headers are redrawn when it changes.
    """

    def __init__(self, app: Console) -> None:
        self._app = app
        self._error: Unavailable | None = None
        self._as_of: datetime | None = None
        self._waits: list[_Wait] = []
        self._ticking: Timer | None = None
        self._shown = ""

    # ---- state -----------------------------------------------------------------------------------------------------

    @property
    def is_down(self) -> bool:
        """True while the store does not answer, so that requests are pointless."""
        return isinstance(self._error, NoAnswer)

    @property
    def is_current(self) -> bool:
        """True while the store answers, so that the data shown is current."""
        return self._error is None

    @property
    def trouble(self) -> str:
        """The full description of the problem.

        Empty if there is none.
        """
        return self._error.message if self._error is not None else ""

    def why_not(self) -> str:
        """Return why nothing that needs the store can be done now.

        Empty if it can.
        """
        if isinstance(self._error, NotTrusted):
            return f"Cannot do this now. {self._error.message}"
        return (
            "Cannot do this now: the server does not answer. Press again once the header shows live."
            if self.is_down
            else ""
        )

    def words(self, *, room: int = 1000) -> str:
        """Return the connection state, as much as fits into `room`.

        Empty while all is well.
        """
        app = self._app
        parts: list[str] = []
        slow = [wait for wait in self._waits if wait.is_announced and not wait.left]
        if self._error is not None:
            brief = self._error.brief if isinstance(self._error, NoAnswer | NotAllowedHere) else "store unavailable"
            parts.append(f"{glyph('warning', utf8=app.terminal.utf8)} {brief}")
            if self._as_of is not None:
                old = age(self._as_of, app.clock())
                parts.append(f"data from {self._as_of.astimezone():%H:%M:%S}, {old} old")
        elif slow:
            longest = max(wait.seconds for wait in slow)
            parts.append(f"waiting for the {'server' if self._is_remote else 'store'}, {longest:.0f} s")
        if app.keys_held and any(wait.holds_keys for wait in slow):
            parts.append("esc leaves it")
        between = f" {glyph('dot', utf8=app.terminal.utf8)} "
        while len(parts) > 1 and len(between.join(parts)) > room:
            del parts[1]
        return between.join(parts)

    @property
    def _is_remote(self) -> bool:
        return self._app.has_backend and isinstance(self._app.backend, Remote)

    # ---- outcome ---------------------------------------------------------------------------------------------------

    def mark_lost(self, error: Unavailable, *, asked_for: float = 0.0) -> None:
        """Record that the store does not answer, and since when the data shown is stale.

        `asked_for`: seconds in which a server answered, but only that its store did not.
        """
        if self._error is None and self._app.signed_in:
            backend = self._app.backend
            silent = backend.silent_for() if isinstance(backend, Remote) else 0.0
            self._as_of = self._app.clock() - timedelta(seconds=int(max(silent, asked_for)))
        self._error = error
        self._update()

    def mark_restored(self) -> None:
        """Record that the store answers again."""
        if self._error is not None:
            self._error = self._as_of = None
            self._update()

    def forget(self) -> None:
        """Forget the age of the data shown, which is gone."""
        self._as_of = None

    # ---- asking ----------------------------------------------------------------------------------------------------

    async def perform(self, operation: Operation[R]) -> R:
        """Perform an operation: see `Console.perform`."""
        while True:
            try:
                return await self._perform_once(operation)
            except NotSignedIn as error:
                self._app.lose_session(error.message)
                raise
            except StepUpNeeded:
                if not await self._app.prove_identity(password=False):
                    raise StepUpCancelled("Nothing was done.") from None

    async def _perform_once(self, operation: Operation[R]) -> R:
        if self.is_down:
            raise NoAnswer(self.why_not())
        began = time.monotonic()
        try:
            reply = await self._wait_for(self._app.backend.perform(operation), writes=operation.spec.writes)
        except NoAnswer as error:
            if not self._app.signed_in:
                self.mark_lost(error)
            self._app.live.recheck()
            raise
        except WaitAbandoned:
            raise
        except Unavailable as error:
            self.mark_lost(error, asked_for=time.monotonic() - began)
            self._app.live.recheck()
            raise
        if operation.spec.writes:
            self._app.live.note_write(operation)
            if self._app.signed_in:
                self._app.session.history.note(self._app.clock(), operation, reply)
        if not self.is_down:
            self.mark_restored()
        return reply

    async def _wait_for(self, work: Coroutine[Any, Any, R], *, writes: bool) -> R:
        task = asyncio.ensure_future(work)
        wait = _Wait(task, time.monotonic(), self._app.keys_held, writes)
        self._waits.append(wait)
        timer = asyncio.get_running_loop().call_later(PATIENCE, self._speak_of, wait)
        try:
            return await task
        except asyncio.CancelledError:
            if wait.left:
                raise WaitAbandoned(perhaps_done=writes) from None
            raise
        finally:
            timer.cancel()
            self._waits.remove(wait)
            if wait.is_announced:
                self._update()

    def _speak_of(self, wait: _Wait) -> None:
        wait.is_announced = True
        if wait.holds_keys and self._app.has_typed("escape"):
            self.leave()
        else:
            self._update()

    def leave(self) -> bool:
        """Abandon the requests that hold the keys.

        Return False if there are none.
        """
        waits = [wait for wait in self._waits if wait.is_announced and wait.holds_keys]
        if not waits or not self._app.keys_held:
            return False
        self._app.forget_typed()  # it was meant for a screen that does not come now
        for wait in waits:
            wait.left = True
            wait.task.cancel()
        return True

    # ---- showing the state -----------------------------------------------------------------------------------------

    def _update(self) -> None:
        """Redraw the state where it changed, and check again while there is something to show."""
        busy = self._error is not None or any(wait.is_announced for wait in self._waits)
        if busy and self._ticking is None:
            self._ticking = self._app.set_interval(TICK, self._tick, name="connection")
        elif not busy and self._ticking is not None:
            self._ticking.stop()
            self._ticking = None
        text = self.words()
        if text != self._shown:
            self._shown = text
            self._app.refresh_connection()

    def _tick(self) -> None:
        if any(wait.seconds >= RECHECK_AFTER for wait in self._waits):
            self._app.live.recheck()
        self._update()
