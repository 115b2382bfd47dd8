"""The console: a backend, the sign-in to it, and whoever is at work. What a session needs is loaded with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast, runtime_checkable

from textual import events

from secconsole.backends.base import NoAnswer
from secconsole.config import locations
from secconsole.config.contexts import Context
from secconsole.config.settings import LOCK_AFTER
from secconsole.domain.errors import NotAllowed, NotSignedIn, SecconsoleError, StepUpNeeded, Unavailable
from secconsole.tui.console_app import QUIT_KEYS
from secconsole.tui.driver import ConsoleDriver
from secconsole.tui.line import Left, Line
from secconsole.tui.live import Live
from secconsole.tui.lock import KEY as LOCK_KEY
from secconsole.tui.lock import Lock
from secconsole.tui.lockable import LockableApp
from secconsole.tui.terminal import Terminal

if TYPE_CHECKING:
    from textual.screen import Screen

    from secconsole.backends.base import Backend
    from secconsole.domain.secret import Secret
    from secconsole.operations.base import Operation
    from secconsole.operations.policy import Policy
    from secconsole.operations.signin import Identity
    from secconsole.tui.demo_post import DemoPost
    from secconsole.tui.elsewhere import Elsewhere
    from secconsole.tui.key_order import KeyHold
    from secconsole.tui.places import Places
    from secconsole.tui.session import LeftAt, Session

    Opener = Callable[[], Awaitable[Backend]]

R = TypeVar("R")
T = TypeVar("T")

NOWHERE = Context()
_STYLES = Path(__file__).parent / "styles"


class StepUpCancelled(NotAllowed):
    """The person was asked to prove password and factor again and chose not to; nothing was done."""


@runtime_checkable
class TellsLine(Protocol):
    """A screen that says what there is to say about the way to the store."""

    def tell_line(self) -> None: ...


def utc_now() -> datetime:
    return datetime.now(UTC)


class SecConsole(LockableApp):
    """The program. `opener` opens the backend once the sign-in screen stands; `session` is one already signed in.

    `home_tenant` is where people sign in, empty where they are asked for it; `tenant` is where they work. `lock_after`:
    minutes without a key after which it locks.
    """

    ENABLE_COMMAND_PALETTE = False  # there is our own
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
        context: Context = NOWHERE,
        elsewhere: Elsewhere | None = None,
        mouse: bool = True,
        read_only: bool = False,
        lock_after: int = LOCK_AFTER,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(terminal, theme, mouse=mouse, read_only=read_only)
        self.opener = opener
        self.clock = clock
        self.context = context
        self.elsewhere = elsewhere
        self._moving: Context | None = None
        self.local = local
        self.home_tenant = self.tenant = tenant
        self.organisation = ""  # typed last
        self.demo = False
        self.post: DemoPost | None = None  # what arrives in a demo's mailbox and phone
        self.line = Line(self)
        self.live = Live(self)
        self.lock = Lock(self, timedelta(minutes=lock_after))
        self._given = session
        self._first_place = first_place
        self._backend: Backend | None = None
        self._session: Session | None = None
        self._leaving = False
        self._left_at: LeftAt | None = None

    # ---- who and where ---------------------------------------------------------------------------------------------

    @property
    def backend(self) -> Backend:
        if self._backend is None:
            raise Unavailable("The store is not open yet.")
        return self._backend

    @backend.setter
    def backend(self, backend: Backend) -> None:
        self._backend = backend

    @property
    def has_backend(self) -> bool:
        """Whether the store was opened already."""
        return self._backend is not None

    @property
    def session(self) -> Session:
        """The session of whoever is signed in; raises `NotSignedIn` if nobody is."""
        if self._session is None:
            raise NotSignedIn("You are not signed in. Sign in first.")
        return self._session

    def is_session(self, session: Session) -> bool:
        """Whether a session is the one that is going on."""
        return self._session is session and not self._leaving

    @property
    def signed_in(self) -> bool:
        return self._session is not None and not self._leaving

    @property
    def identity(self) -> Identity:
        return self.session.identity

    @property
    def policy(self) -> Policy | None:
        """What holds in the tenant one works in; None for those who may not see it."""
        return self._session.policy if self._session is not None else None

    @policy.setter
    def policy(self, policy: Policy) -> None:
        self.session.policy = policy

    @property
    def places(self) -> Places:
        return self.session.places

    @property
    def badges(self) -> tuple[str, ...]:
        """What nobody may overlook, for the header."""
        said = (self.context.name, "DEMO" if self.demo else "", "READ-ONLY" if self.read_only else "")
        return tuple(f"[{badge}]" if self.no_color else badge for badge in said if badge)

    # ---- sign-in and its end ---------------------------------------------------------------------------------------

    def get_default_screen(self) -> Screen[Any]:
        """The sign-in is the lowest screen: one that lay below it would cost a tenth of the time to the first frame."""
        from secconsole.tui.screens.sign_in import SignInScreen

        screen = super().get_default_screen() if self._given is not None else SignInScreen()
        screen._push_result_callback(screen, None)  # which Textual takes away again when another one replaces it
        return screen

    def on_mount(self) -> None:
        super().on_mount()
        if self._given is not None:
            self.backend = self._given
            self.run_worker(self.begin(self._first_place), group="session", exit_on_error=False)

    async def on_unmount(self) -> None:
        """Whatever it ends by: nobody can go on with this session, so it must not stay open in the store."""
        if self._backend is None or self._given is not None:
            return
        if self._session is not None:
            await self._session.end()
        await self._backend.close()

    def sign_in_with(self, token: Secret[str], hold: KeyHold | None, message: str = "", *, bound: bool = False) -> None:
        """Take up work with a new session; keys that wait go to the first place. `bound`: a factor was, on the way."""
        from secconsole.operations.caller import Bearer

        self.backend.credential = Bearer(token)
        self.run_worker(self._begin_anew(hold, message, bound), group="session", exit_on_error=False)

    async def _begin_anew(self, hold: KeyHold | None, message: str, bound: bool) -> None:
        from secconsole.tui.sign_in.after import after_sign_in

        await self.begin(hold=hold)
        if self.signed_in and self.places.here is not None:  # whose work ends with the session
            due = after_sign_in(self, message, bound=bound)
            self.places.here.run_worker(due, group="due", exit_on_error=False)

    async def begin(self, place: str = "", hold: KeyHold | None = None) -> None:
        """Begin a session as whoever the backend's credential names, in a place or where their work begins."""
        from secconsole.tui.session import Session

        try:
            self._session = await Session.begin(self)
            await self.places.show(place or await self.session.go_back_to(self._left_at) or self.places.first())
            self._left_at = None
            self.live.start()
        except SecconsoleError as error:
            await self._to_sign_in(error.message)
            return
        finally:
            if hold is not None:
                hold.release()

    async def sign_out(self, reason: str = "You are signed out.") -> None:
        """End the session here and in the store."""
        if not self.signed_in:
            return
        self._leaving = True  # what is asked meanwhile finds the session ended, and is not to give that as the reason
        ended = await self.session.end()
        tail = "" if ended else " The session could not be ended in the store: it ends there by its time."
        self.call_later(self._to_sign_in, reason + tail)

    def begin_sign_out(self) -> None:
        """Sign out, from where nothing can be waited for."""
        self.run_worker(self.sign_out(), group="session", exit_on_error=False)

    def leave(self, reason: str = "") -> None:
        """Back to the sign-in screen, with the reason on it."""
        if self._session is not None and not self._leaving:
            self._leaving = True
            self.call_later(self._to_sign_in, reason)

    def move(self, to: Context) -> None:
        """Sign out here, and go to the sign-in of another context."""
        if self.signed_in:
            self._moving = to
            self.begin_sign_out()

    def lose_session(self, reason: str) -> None:
        """The session has ended elsewhere; whoever signs in again goes on in the same place."""
        if self.signed_in:
            self._left_at = self.session.left_at()
            self.leave(self.live.why_over or reason)

    async def _to_sign_in(self, reason: str) -> None:
        """Keys typed until here were meant for what is gone: they are forgotten."""
        from secconsole.tui.screens.sign_in import SignInScreen

        self.live.stop()
        self.lock.forget()
        self.line.forget()
        self._key_order.clear()
        self._key_order.release_all()
        if self._moving is not None and self.elsewhere is not None:
            left, self._backend = self.backend, None
            self.run_worker(left.close(), group="closing", exit_on_error=False)
            self.elsewhere.move(self, self._moving)
            self.line.find()
        self._moving = None
        session = self._session
        old = session.places.forget() if session is not None else []
        with self.batch_update():  # what lies below a dialog or the lock is not to be seen once more
            while len(self.screen_stack) > 1:
                await self.pop_screen()
            await self.switch_screen(SignInScreen(reason, session.identity.login if session is not None else ""))
        if session is not None:
            await session.places.close(old)
        self._session = None
        self._leaving = False

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.InputEvent) and not event.is_forwarded:
            key = event.key if isinstance(event, events.Key) else ""
            if self.live.is_overdue and key not in QUIT_KEYS:
                await self.live.leave_if_idle()  # it was meant for what is covered now
                return
            if not self.lock.is_shut:
                self.live.touched()
            if key == LOCK_KEY and self.signed_in:
                self.lock.shut()
                return
            if key == "escape" and self.line.leave():
                return
        await super().on_event(event)

    # ---- doing things ----------------------------------------------------------------------------------------------

    async def perform(self, operation: Operation[R]) -> R:
        """Do an operation; ask for password and factor again where it needs that. Call it from a worker."""
        while True:
            try:
                return await self.line.ask(operation)
            except NotSignedIn as error:
                self.lose_session(error.message)
                raise
            except StepUpNeeded:
                if not await self.prove_oneself():
                    raise StepUpCancelled("Nothing was done.") from None

    async def prove_oneself(self) -> bool:
        """Ask for password and factor again; False if the person chose not to. Call it from a worker."""
        from secconsole.tui.screens.step_up import StepUpDialog

        return await self.ask(StepUpDialog(bound=await self.session.is_bound()))

    async def ask(self, screen: Screen[T]) -> T:
        """Show a dialog and wait for its answer; keys that wait go to it. Call it from a worker.

        What is being said is said on top of it, and not below it a second time.
        """
        await self.screen.query("Toast").remove()
        return cast(T, await self.push_screen_wait(screen))

    def go(self, name: str) -> None:
        """Go to a place, or say why not."""
        self.places.go(name)

    def why_not_there(self, name: str) -> str:
        """Why one cannot go to a place, in words; empty if one can."""
        return self.places.why_not(name)

    # ---- words and looks -------------------------------------------------------------------------------------------

    def say(self, message: str) -> None:
        """Tell that something was done."""
        self.clear_notifications()
        self.notify(message, timeout=5)

    def work_failed(self, error: BaseException) -> None:
        if isinstance(error, NotSignedIn):
            self.lose_session(error.message)
        if isinstance(error, StepUpCancelled | NotSignedIn) or (isinstance(error, Left) and not error.perhaps_done):
            self._key_order.release_all()  # said already, or chosen
        else:
            super().work_failed(error)

    def reading_failed(self, error: BaseException) -> None:
        if not isinstance(error, NoAnswer | Left | NotSignedIn):  # of these the header speaks, or the next screen
            super().reading_failed(error)

    def refresh_headers(self) -> None:
        """Draw anew what the header of the place in sight says."""
        for header in self.screen.query("Header"):
            header.refresh()

    def refresh_line(self) -> None:
        """Have all that is in sight say what there is to say about the way to the store."""
        for screen in self.screen_stack:
            if isinstance(screen, TellsLine):
                screen.tell_line()

    def wear(self, theme: str) -> None:
        """Change the colours, and say how to keep them."""
        self.theme = theme
        self.notify(f'To keep it: theme = "{theme}" in {locations.config_path()}', timeout=6)

    def toggle_mouse(self) -> None:
        """Take the mouse, or leave it to the terminal."""
        driver = self._driver
        if isinstance(driver, ConsoleDriver):
            self.mouse = not self.mouse
            driver.use_mouse(self.mouse)
            self.say("The mouse works here now." if self.mouse else "The mouse is the terminal's now.")
