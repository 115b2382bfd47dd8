"""The lock: an idle or locked console shows nothing of its session until password and factor are given.

Work continues out of sight: anything that would show a screen or a message waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from textual.await_complete import AwaitComplete
from textual.dom import NoScreen
from textual.notifications import SeverityLevel
from textual.worker import NoActiveWorker, get_current_worker

from secconsole.domain.errors import NotSignedIn
from secconsole.tui.console import Console
from secconsole.tui.widgets.form import Form

if TYPE_CHECKING:
    from textual.screen import Screen

    from secconsole.tui.console import Console
    from secconsole.tui.runtime.key_queue import KeyHold

KEY: Final = "ctrl+l"
BY_KEY: Final = "by key"
_MOST_SAID: Final = 5  # messages kept for after the lock


class Lock:
    """The lock, open or shut. `after`: inactivity after which it shuts."""

    def __init__(self, app: Console, after: timedelta, make_screen: Callable[[], Screen[None]]) -> None:
        self._app = app
        self._make_screen = make_screen
        self.after = after
        self.since: datetime | None = None
        self.why = ""
        self._screen: Screen[None] | None = None
        self._opened = asyncio.Event()
        self._opened.set()
        self._lent: tuple[KeyHold, ...] = ()
        self._waiting: list[Callable[[], object]] = []
        self._messages: list[Callable[[], None]] = []

    @property
    def is_shut(self) -> bool:
        return self._screen is not None

    # ---- shutting --------------------------------------------------------------------------------------------------

    def shut_if_idle(self, idle: timedelta) -> None:
        """Lock if the user has been inactive for that long."""
        if idle >= self.after:
            minutes = int(self.after.total_seconds() // 60)
            self.shut(f"after {minutes} min without a key")

    def shut(self, why: str = BY_KEY) -> None:
        """Cover everything now, and drop keys that were typed and not acted on."""
        if self.is_shut or not self._app.signed_in:
            return
        app = self._app
        app.forget_typed()
        app.clear_notifications()
        self._conceal()
        self.since, self.why = app.clock(), why
        screen = self._make_screen()
        app.push_screen(screen)
        self._screen = screen
        self._opened.clear()
        self._lent = app.lend_keys()

    def _conceal(self) -> None:
        """Hide secrets as when the terminal loses the focus, and clear secrets that were typed."""
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
        """Return True if the caller has to wait, because the lock is shut and they are not what opens it."""
        if self._screen is None:
            return False
        stack = self._app.screen_stack
        try:
            node = get_current_worker().node
            return node is self._app or node.screen not in stack[stack.index(self._screen) :]
        except (NoActiveWorker, NoScreen):
            return True

    async def opened(self) -> None:
        """Wait until the lock opens.

        Raise `NotSignedIn` if the session ended instead.
        """
        if not self.keeps_out:
            return
        session = self._app.session
        await self._opened.wait()
        if not self._app.is_session(session):
            raise NotSignedIn("Your session has ended. Sign in again.")

    def defer(self, do: Callable[[], object]) -> None:
        """Run a change of screens once the lock is open, in order."""
        self._waiting.append(do)

    def defer_message(self, show: Callable[[], None]) -> None:
        """Show a message once the lock is open.

        Of many, the last.
        """
        self._messages = [*self._messages, show][-_MOST_SAID:]

    # ---- opening ---------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Restore everything but secrets.

        Runs in the app's own queue.
        """
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
        for show in self._take(self._messages):
            show()

    def forget(self) -> None:
        """Drop everything that waits: the session has ended."""
        self._let_go()
        self._waiting.clear()
        self._messages.clear()
        self._lent = ()
        self._opened.set()

    def _let_go(self) -> Screen[None] | None:
        screen, self._screen = self._screen, None
        self.since = None
        return screen

    @staticmethod
    def _take(waiting: list[Callable[[], object]] | list[Callable[[], None]]) -> list[Callable[[], object]]:
        taken = list(waiting)
        waiting.clear()
        return taken


class LockableApp(Console):
    """Base of the console with a lock: what background work shows appears once the lock is open."""

    lock: Lock

    async def push_screen_wait(self, screen: Any, *, mode: str | None = None) -> Any:
        await self.lock.opened()
        return await super().push_screen_wait(screen, mode=mode)

    def push_screen(self, screen: Any, *args: Any, **options: Any) -> Any:
        if not self.lock.keeps_out:
            return super().push_screen(screen, *args, **options)
        self.lock.defer(lambda: super(LockableApp, self).push_screen(screen, *args, **options))
        return AwaitComplete()

    def pop_screen(self) -> AwaitComplete:
        if not self.lock.keeps_out:
            return super().pop_screen()
        self.lock.defer(super().pop_screen)
        return AwaitComplete()

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        def show() -> None:
            super(LockableApp, self).notify(message, title=title, severity=severity, timeout=timeout)

        if self.lock.keeps_out:
            self.lock.defer_message(show)
        else:
            show()
