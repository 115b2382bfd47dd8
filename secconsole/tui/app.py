"""The console program: its screens, its options and the keys that work everywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import events

from secconsole.config.contexts import NamedContext
from secconsole.config.settings import LOCK_AFTER
from secconsole.tui.runtime.base_app import QUIT_KEYS
from secconsole.tui.runtime.terminal import Terminal
from secconsole.tui.session.lock import KEY as LOCK_KEY
from secconsole.tui.session.session_app import SessionApp

if TYPE_CHECKING:
    from textual.screen import Screen

    from secconsole.backends.base import Backend
    from secconsole.config.start_at import StartAt
    from secconsole.tui.console import Opener
    from secconsole.tui.session.contexts import ContextSwitcher
    from secconsole.tui.session.keymap import CheckedKeymap

NOWHERE = NamedContext()
_STYLES = Path(__file__).parent / "styles"


def utc_now() -> datetime:
    return datetime.now(UTC)


class SecConsole(SessionApp):
    """The console program.

    `opener` opens the backend once the sign-in screen is up; `session` is a signed-in backend. `home_tenant` is where
    users sign in, empty if they are asked for it; `tenant` is where they work. `lock_after`: minutes without a key
    until it locks. `views_path`: file that keeps search, order and columns of the places.
    `start`: where the first session begins. `keys`: from config.toml.
    """

    ENABLE_COMMAND_PALETTE = False  # `screens/palette.py` replaces it
    CSS_PATH = [_STYLES / "base.tcss", _STYLES / "sign_in.tcss"]  # type: ignore[assignment]  # noqa: RUF012

    def __init__(
        self,
        terminal: Terminal | None = None,
        theme: str | None = None,
        *,
        opener: Opener,
        session: Backend | None = None,
        first_place: str = "",
        local: bool = True,
        tenant: str = "",
        context: NamedContext = NOWHERE,
        switcher: ContextSwitcher | None = None,
        mouse: bool = True,
        read_only: bool = False,
        lock_after: int = LOCK_AFTER,
        views_path: Path | None = None,
        start: StartAt | None = None,
        keys: CheckedKeymap | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(
            terminal,
            theme,
            opener=opener,
            context=context,
            tenant=tenant,
            lock_after=timedelta(minutes=lock_after),
            clock=clock,
            mouse=mouse,
            read_only=read_only,
            views_path=views_path,
            start=start,
        )
        self.key_map: Mapping[str, str] = {}
        self._key_problems: Sequence[str] = ()
        if keys is not None:
            self.key_map = keys.actions
            self.set_keymap(keys.bindings)
            self._key_problems = keys.problems
        self.local = local
        self.switcher = switcher
        self._given = session
        self._first_place = first_place

    # ---- screens: loaded when they are needed ------------------------------------------------------------------------

    def sign_in_screen(self, reason: str = "", login: str = "") -> Screen[Any]:
        from secconsole.tui.sign_in.screen import SignInScreen

        return SignInScreen(reason, login)

    def lock_screen(self) -> Screen[None]:
        from secconsole.tui.screens.lock import LockScreen

        return LockScreen()

    async def after_sign_in(self, message: str, *, bound: bool) -> None:
        from secconsole.tui.sign_in.follow_up import after_sign_in

        await after_sign_in(self, message, bound=bound)

    async def prove_identity(self, *, password: bool = True) -> bool:
        from secconsole.tui.screens.step_up import StepUpDialog

        return await self.ask(StepUpDialog(bound=await self.session.is_bound(), password=password))

    def get_default_screen(self) -> Screen[Any]:
        """Return the sign-in: a blank screen below it would cost a tenth of the time to the first frame."""
        screen = super().get_default_screen() if self._given is not None else self.sign_in_screen()
        screen._push_result_callback(screen, None)  # Textual removes it when another one replaces it
        return screen

    # ---- start and end -----------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        if self._key_problems:
            first, *more = self._key_problems
            self.notify_refused(f"{first} {len(more)} more: secconsole doctor" if more else first)
        if self._given is not None:
            self.backend = self._given
            self.run_worker(self.begin(self._first_place), group="session", exit_on_error=False)

    async def on_unmount(self) -> None:
        """Keep the views, and end the session in the store, however the program ends."""
        if self._session is not None:
            self._session.views.flush()
        if self._given is None:
            await self.close_session()

    # ---- keys --------------------------------------------------------------------------------------------------------

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.InputEvent) and not event.is_forwarded:
            key = event.key if isinstance(event, events.Key) else ""
            if self.live.is_overdue and key not in QUIT_KEYS:
                await self.live.leave_if_idle()  # it was meant for the screen that is covered now
                return
            if not self.lock.is_shut:
                self.live.note_activity()
            if key == LOCK_KEY and self.signed_in:
                self.lock.shut()
                return
            if key == "escape" and self.connection.leave():
                return
        await super().on_event(event)
