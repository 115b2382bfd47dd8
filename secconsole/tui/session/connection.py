"""The way to the store, as far as this console knows: whether it answers, how old what is shown is, what is awaited."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from secconsole.backends.base import NoAnswer, NotTrusted, Remote
from secconsole.domain.errors import Unavailable
from secconsole.tui.words import age, glyph

if TYPE_CHECKING:
    from textual.timer import Timer

    from secconsole.operations.base import Operation
    from secconsole.tui.app import SecConsole

R = TypeVar("R")

PATIENCE: Final = 0.7  # seconds before a wait is spoken of, and can be left
DOUBT: Final = 3.0  # seconds of a wait after which the server is asked for a sign of life
TICK: Final = 1.0  # seconds between two looks at what is said, while there is something to say


class Left(Unavailable):
    """The person did not wait for the answer. `perhaps_done`: what was asked for may have been done all the same."""

    def __init__(self, *, perhaps_done: bool) -> None:
        tail = " It may or may not have been done: look before doing it again." if perhaps_done else ""
        super().__init__(f"You did not wait for the answer.{tail}")
        self.perhaps_done = perhaps_done


@dataclass(eq=False, slots=True)
class _Wait:
    """One question under way; `holds_keys` where somebody sits before it and can do nothing else."""

    task: asyncio.Task[Any]
    began: float
    holds_keys: bool
    writes: bool
    left: bool = False
    spoken_of: bool = False

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began


class Line:
    """Keeps count for one console, and has its headers drawn anew when there is something else to say."""

    def __init__(self, app: SecConsole) -> None:
        self._app = app
        self._error: Unavailable | None = None
        self._as_of: datetime | None = None
        self._waits: list[_Wait] = []
        self._ticking: Timer | None = None
        self._said = ""

    # ---- what is known ---------------------------------------------------------------------------------------------

    @property
    def cut(self) -> bool:
        """Whether it is known that nobody answers, so that asking is of no use."""
        return isinstance(self._error, NoAnswer)

    @property
    def fresh(self) -> bool:
        """Whether what is shown is what is in the store."""
        return self._error is None

    @property
    def trouble(self) -> str:
        """What is wrong, whole; empty if nothing is."""
        return self._error.message if self._error is not None else ""

    def why_not(self) -> str:
        """Why nothing that needs the store can be done now, in words; empty if it can."""
        if isinstance(self._error, NotTrusted):
            return f"Cannot do this now. {self._error.message}"
        return "Cannot do this now: the server does not answer. Press again once it says live." if self.cut else ""

    def words(self, *, room: int = 1000) -> str:
        """What has to be said about it, as much as there is room for; empty while all is well."""
        app = self._app
        parts: list[str] = []
        slow = [wait for wait in self._waits if wait.spoken_of and not wait.left]
        if self._error is not None:
            brief = self._error.brief if isinstance(self._error, NoAnswer) else "store unavailable"
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

    # ---- what became of it -----------------------------------------------------------------------------------------

    def lose(self, error: Unavailable, *, asked_for: float = 0.0) -> None:
        """Nobody answered, or the store could not: what is shown is as of the last word from there.

        `asked_for`: seconds in which a server spoke, but only to say that its store did not.
        """
        if self._error is None and self._app.signed_in:
            backend = self._app.backend
            silent = backend.silent_for() if isinstance(backend, Remote) else 0.0
            self._as_of = self._app.clock() - timedelta(seconds=int(max(silent, asked_for)))
        self._error = error
        self._tell()

    def find(self) -> None:
        """It answers again."""
        if self._error is not None:
            self._error = self._as_of = None
            self._tell()

    def forget(self) -> None:
        """What was shown is gone, and its age with it."""
        self._as_of = None

    # ---- asking ----------------------------------------------------------------------------------------------------

    async def ask(self, operation: Operation[R]) -> R:
        """Have an operation done. Raises at once what is known to be so, and `Left` if somebody will not wait."""
        if self.cut:
            raise NoAnswer(self.why_not())
        began = time.monotonic()
        try:
            reply = await self._wait_for(self._app.backend.perform(operation), writes=operation.spec.writes)
        except NoAnswer as error:
            if not self._app.signed_in:
                self.lose(error)
            self._app.live.doubt()
            raise
        except Left:
            raise
        except Unavailable as error:
            self.lose(error, asked_for=time.monotonic() - began)
            self._app.live.doubt()
            raise
        if not self.cut:
            self.find()
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
                raise Left(perhaps_done=writes) from None
            raise
        finally:
            timer.cancel()
            self._waits.remove(wait)
            if wait.spoken_of:
                self._tell()

    def _speak_of(self, wait: _Wait) -> None:
        wait.spoken_of = True
        if wait.holds_keys and self._app.has_typed("escape"):
            self.leave()
        else:
            self._tell()

    def leave(self) -> bool:
        """Wait no longer for what holds up the keys; False if there is nothing like that to leave."""
        waits = [wait for wait in self._waits if wait.spoken_of and wait.holds_keys]
        if not waits or not self._app.keys_held:
            return False
        self._app.forget_typed()  # it was meant for what does not come now
        for wait in waits:
            wait.left = True
            wait.task.cancel()
        return True

    # ---- saying it -------------------------------------------------------------------------------------------------

    def _tell(self) -> None:
        """Have it drawn where it changed, and look again while there is something to say."""
        busy = self._error is not None or any(wait.spoken_of for wait in self._waits)
        if busy and self._ticking is None:
            self._ticking = self._app.set_interval(TICK, self._tick, name="line")
        elif not busy and self._ticking is not None:
            self._ticking.stop()
            self._ticking = None
        said = self.words()
        if said != self._said:
            self._said = said
            self._app.refresh_line()

    def _tick(self) -> None:
        if any(wait.seconds >= DOUBT for wait in self._waits):
            self._app.live.doubt()
        self._tell()
