"""The lock: a console left alone, or locked by key, shows nothing of its own until password and factor are given.

What goes on meanwhile goes on out of sight: whatever would put a screen or words before whoever stands there now waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from textual.dom import NoScreen
from textual.worker import NoActiveWorker, get_current_worker

from secconsole.domain.errors import NotSignedIn

if TYPE_CHECKING:
    from secconsole.tui.app import SecConsole
    from secconsole.tui.key_order import KeyHold
    from secconsole.tui.screens.lock import LockScreen

KEY: Final = "ctrl+l"
BY_KEY: Final = "by key"
_MOST_SAID: Final = 5  # of what was to be said while nobody could be told


class Lock:
    """Stands open or shut. `after`: how long nobody presses a key before it shuts."""

    def __init__(self, app: SecConsole, after: timedelta) -> None:
        self._app = app
        self.after = after
        self.since: datetime | None = None
        self.why = ""
        self._screen: LockScreen | None = None
        self._opened = asyncio.Event()
        self._opened.set()
        self._lent: tuple[KeyHold, ...] = ()
        self._waiting: list[Callable[[], object]] = []
        self._said: list[Callable[[], None]] = []

    @property
    def is_shut(self) -> bool:
        return self._screen is not None

    # ---- shutting --------------------------------------------------------------------------------------------------

    def shut_if_idle(self, idle: timedelta) -> None:
        """Shut if nobody was at work for so long."""
        if idle >= self.after:
            minutes = int(self.after.total_seconds() // 60)
            self.shut(f"after {minutes} min without a key")

    def shut(self, why: str = BY_KEY) -> None:
        """Cover everything now, and let nothing that was typed be acted on."""
        if self.is_shut or not self._app.signed_in:
            return
        from secconsole.tui.screens.lock import LockScreen

        app = self._app
        app.forget_typed()
        app.clear_notifications()
        self._conceal()
        self.since, self.why = app.clock(), why
        screen = LockScreen()
        app.push_screen(screen)
        self._screen = screen
        self._opened.clear()
        self._lent = app.lend_keys()

    def _conceal(self) -> None:
        """Have what is secret hidden as when the terminal loses the focus, and forget what was typed of it."""
        from secconsole.tui.widgets.form import Form

        app = self._app
        focused, app.app_focus = app.app_focus, False
        app.app_focus = focused
        app.forget_copied()
        for screen in app.screen_stack:
            for form in screen.query(Form):
                form.forget_secrets()

    # ---- while it is shut ------------------------------------------------------------------------------------------

    @property
    def keeps_out(self) -> bool:
        """Whether whoever calls this has to wait, because it is shut and they are not what opens it."""
        if self._screen is None:
            return False
        stack = self._app.screen_stack
        try:
            node = get_current_worker().node
            return node is self._app or node.screen not in stack[stack.index(self._screen) :]
        except (NoActiveWorker, NoScreen):
            return True

    async def opened(self) -> None:
        """Wait until it is open; raises `NotSignedIn` if the session was ended instead."""
        if not self.keeps_out:
            return
        session = self._app.session
        await self._opened.wait()
        if not self._app.is_session(session):
            raise NotSignedIn("Your session has ended. Sign in again.")

    def afterwards(self, do: Callable[[], object]) -> None:
        """Do something to the screens once it is open, in the order in which it was to be done."""
        self._waiting.append(do)

    def say_afterwards(self, say: Callable[[], None]) -> None:
        """Say something once it is open; of much that was to be said, the last."""
        self._said = [*self._said, say][-_MOST_SAID:]

    # ---- opening ---------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Whoever was here is back: everything is as they left it, but for secrets. Runs in the app's own queue."""
        screen = self._let_go()
        if screen is None:
            return
        self._app.live.resume()
        await self._app.pop_screen()
        for do in self._take(self._waiting):
            do()
        for hold in self._lent:
            hold.take_back()
        self._opened.set()
        for say in self._take(self._said):
            say()

    def forget(self) -> None:
        """The session has ended: nothing of it is to come any more."""
        self._let_go()
        self._waiting.clear()
        self._said.clear()
        self._lent = ()
        self._opened.set()

    def _let_go(self) -> LockScreen | None:
        screen, self._screen = self._screen, None
        self.since = None
        return screen

    @staticmethod
    def _take(waiting: list[Callable[[], object]] | list[Callable[[], None]]) -> list[Callable[[], object]]:
        taken = list(waiting)
        waiting.clear()
        return taken
