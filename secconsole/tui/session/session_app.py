"""Sign-in, sign-out, and the session between them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from secconsole.backends.base import NoAnswer
from secconsole.config.contexts import NamedContext
from secconsole.domain.errors import NotSignedIn, SecconsoleError, Unavailable
from secconsole.tui.console import Captured, ConsoleSession, StepUpCancelled, WaitAbandoned, capturing
from secconsole.tui.session.connection import Connection
from secconsole.tui.session.live_updates import LiveUpdates
from secconsole.tui.session.lock import Lock, LockableApp

if TYPE_CHECKING:
    from pathlib import Path

    from secconsole.backends.base import Backend
    from secconsole.config.start_at import StartAt
    from secconsole.domain.secret import Secret
    from secconsole.operations.base import Operation
    from secconsole.tui.console import Opener, R
    from secconsole.tui.runtime.key_queue import KeyHold
    from secconsole.tui.runtime.terminal import Terminal
    from secconsole.tui.session.contexts import ContextSwitcher
    from secconsole.tui.session.session import ResumePoint, Session


class SessionApp(LockableApp):
    """Base of the console that keeps one session at a time.

    Subclasses build its screens.
    """

    switcher: ContextSwitcher | None

    def __init__(
        self,
        terminal: Terminal | None,
        theme: str | None,
        *,
        opener: Opener,
        context: NamedContext,
        tenant: str,
        lock_after: timedelta,
        clock: Callable[[], datetime],
        mouse: bool,
        read_only: bool,
        views_path: Path | None,
        start: StartAt | None,
    ) -> None:
        super().__init__(terminal, theme, mouse=mouse, read_only=read_only)
        self.opener = opener
        self.views_path = views_path
        self.clock = clock
        self.context = context
        self.home_tenant = self.tenant = tenant
        self.organisation = ""
        self.demo = False
        self.post = None
        self.connection: Connection = Connection(self)
        self.live: LiveUpdates = LiveUpdates(self)
        self.lock: Lock = Lock(self, lock_after, self.lock_screen)
        self._moving: NamedContext | None = None
        self._backend: Backend | None = None
        self._session: Session | None = None
        self._leaving = False
        self._resume_point: ResumePoint | None = None
        self._start = start

    def sign_in_screen(self, reason: str = "", login: str = "") -> Screen[Any]:
        """Return a new sign-in screen."""
        raise NotImplementedError

    def lock_screen(self) -> Screen[None]:
        """Return a new lock screen."""
        raise NotImplementedError

    async def after_sign_in(self, message: str, *, bound: bool) -> None:
        """Ask for what is due after a sign-in."""
        raise NotImplementedError

    # ---- state -------------------------------------------------------------------------------------------------------

    @property
    def backend(self) -> Backend:
        """The open backend.

        Raises `Unavailable` before it is open.
        """
        if self._backend is None:
            raise Unavailable("The store is not open yet.")
        return self._backend

    @backend.setter
    def backend(self, backend: Backend) -> None:
        self._backend = backend

    @property
    def has_backend(self) -> bool:  # type: ignore[override]
        return self._backend is not None

    @property
    def session(self) -> Session:  # type: ignore[override]
        """The current session.

        Raises `NotSignedIn` before sign-in.
        """
        if self._session is None:
            raise NotSignedIn("You are not signed in. Sign in first.")
        return self._session

    @property
    def signed_in(self) -> bool:  # type: ignore[override]
        return self._session is not None and not self._leaving

    def is_session(self, session: ConsoleSession) -> bool:
        return self._session is session and not self._leaving

    async def perform(self, operation: Operation[R]) -> R:
        if operation.spec.writes and capturing.get():
            raise Captured(operation)
        return await self.connection.perform(operation)

    # ---- sign-in -----------------------------------------------------------------------------------------------------

    def sign_in_with(self, token: Secret[str], hold: KeyHold | None, message: str = "", *, bound: bool = False) -> None:
        from secconsole.operations.caller import Bearer

        self.backend.credential = Bearer(token)
        self.run_worker(self._begin_signed_in(hold, message, bound), group="session", exit_on_error=False)

    async def _begin_signed_in(self, hold: KeyHold | None, message: str, bound: bool) -> None:
        await self.begin(hold=hold)
        if self.signed_in and self.places.here is not None:  # its work ends with the session
            due = self.after_sign_in(message, bound=bound)
            self.places.here.run_worker(due, group="due", exit_on_error=False)

    async def begin(self, place: str = "", hold: KeyHold | None = None) -> None:
        """Begin a session with the backend's credential, in a place or where work begins for its role."""
        from secconsole.tui.session.session import Session
        from secconsole.tui.session.start import find_start, place_to_start

        try:
            self._session = await Session.begin(self)
            places = self._session.places
            start, self._start = self._start, None  # a later session begins as usual
            wanted = place_to_start(self, start) if start else ""
            await places.show(place or await self.session.go_back_to(self._resume_point) or wanted or places.first())
            self._resume_point = None
            if start and wanted:
                await find_start(self, start)
            self.live.start()
        except SecconsoleError as error:
            await self._to_sign_in(error.message)
            return
        finally:
            if hold is not None:
                hold.release()

    # ---- sign-out ----------------------------------------------------------------------------------------------------

    async def sign_out(self, reason: str = "You are signed out.") -> None:
        if not self.signed_in:
            return
        self._leaving = True  # requests in flight find the session ended; that is not the reason to show
        ended = await self.session.end()
        tail = "" if ended else " The session could not be ended in the store: it will expire there."
        self.call_later(self._to_sign_in, reason + tail)

    def begin_sign_out(self) -> None:
        self.run_worker(self.sign_out(), group="session", exit_on_error=False)

    def move(self, to: NamedContext) -> None:
        if self.signed_in:
            self._moving = to
            self.begin_sign_out()

    def lose_session(self, reason: str) -> None:
        """Go to the sign-in.

        A new sign-in of the same user resumes in the same place.
        """
        if self.signed_in:
            self._resume_point = self.session.resume_point()
            self._leaving = True
            self.call_later(self._to_sign_in, self.live.end_reason or reason)

    async def _to_sign_in(self, reason: str) -> None:
        """Close the session's screens.

        Keys typed until now were meant for them and are dropped.
        """
        self.live.stop()
        self.lock.forget()
        if self._session is not None:
            self._session.jobs.stop()
            await asyncio.to_thread(self._session.views.flush)
        self.connection.forget()
        self._key_queue.clear()
        self._key_queue.release_all()
        if self._moving is not None and self.switcher is not None:
            left, self._backend = self.backend, None
            self.run_worker(left.close(), group="closing", exit_on_error=False)
            self.switcher.move(self, self._moving)
            self.connection.mark_restored()
        self._moving = None
        session = self._session
        old = session.places.forget() if session is not None else []
        with self.batch_update():  # what lies below a dialog or the lock must not show again
            while len(self.screen_stack) > 1:
                await self.pop_screen()
            await self.switch_screen(self.sign_in_screen(reason, session.identity.login if session is not None else ""))
        if session is not None:
            await session.places.close(old)
        self._session = None
        self._leaving = False

    async def close_session(self) -> None:
        """End the session in the store and close the backend: the program ends."""
        if self._backend is not None:
            if self._session is not None:
                await self._session.end()
            await self._backend.close()

    # ---- failures ----------------------------------------------------------------------------------------------------

    def work_failed(self, error: BaseException) -> None:
        if isinstance(error, NotSignedIn):
            self.lose_session(error.message)
        harmless = isinstance(error, WaitAbandoned) and not error.perhaps_done
        if harmless or isinstance(error, StepUpCancelled | NotSignedIn):  # chosen, or reported already
            self._key_queue.release_all()
        else:
            super().work_failed(error)

    def reading_failed(self, error: BaseException) -> None:
        # The header reports these, or the next screen does.
        if not isinstance(error, NoAnswer | WaitAbandoned | NotSignedIn):
            super().reading_failed(error)
