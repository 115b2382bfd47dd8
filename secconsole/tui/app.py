"""The console: one backend, whoever is signed in to it, and the places they go to."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar, cast

from textual import events
from textual.screen import Screen

from secconsole.backends.base import Backend
from secconsole.config import locations
from secconsole.domain.errors import NotAllowed, NotSignedIn, SecconsoleError, StepUpNeeded, Unavailable
from secconsole.domain.roles import Permission, may
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.operations.caller import Bearer, Nobody
from secconsole.operations.policy import Policy, ShowPolicy
from secconsole.operations.signin import Identity, SignOut, WhoAmI
from secconsole.operations.tenants import ListTenants
from secconsole.tui.console_app import ConsoleApp
from secconsole.tui.driver import ConsoleDriver
from secconsole.tui.key_order import KeyHold
from secconsole.tui.live import Live
from secconsole.tui.places import Places
from secconsole.tui.terminal import Terminal

R = TypeVar("R")
T = TypeVar("T")
Opener = Callable[[], Awaitable[Backend]]

_STYLES = Path(__file__).parent / "styles"


class StepUpCancelled(NotAllowed):
    """The person was asked to prove password and factor again and chose not to; nothing was done."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class SecConsole(ConsoleApp):
    """The program. `opener` opens the backend once the sign-in screen stands; `session` is one already signed in."""

    ENABLE_COMMAND_PALETTE = False  # there is our own
    CSS_PATH = [  # type: ignore[assignment]  # noqa: RUF012
        _STYLES / "base.tcss",
        _STYLES / "frame.tcss",
        _STYLES / "sign_in.tcss",
    ]

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
        context: str = "",
        mouse: bool = True,
        read_only: bool = False,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(terminal, theme, mouse=mouse, read_only=read_only)
        self.opener = opener
        self.clock = clock
        self.context = context
        self.local = local
        self.home_tenant = tenant  # which people sign in to, where it need not be asked for
        self.organisation = ""  # typed last
        self.tenant = tenant  # where they work
        self.policy: Policy | None = None
        self.demo = False
        self.trouble = ""
        self._session = session
        self._start_at = first_place
        self._backend: Backend | None = None
        self._identity: Identity | None = None
        self.places = Places(self)
        self._leaving = False
        self._live = Live(self)

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
    def identity(self) -> Identity:
        """Who is signed in; raises `NotSignedIn` if nobody is."""
        if self._identity is None:
            raise NotSignedIn("You are not signed in. Sign in first.")
        return self._identity

    @property
    def signed_in(self) -> bool:
        return self._identity is not None and not self._leaving

    @property
    def badges(self) -> tuple[str, ...]:
        """What nobody may overlook, for the header."""
        return tuple(
            badge
            for badge, shown in ((self.context, bool(self.context)), ("DEMO", self.demo), ("READ-ONLY", self.read_only))
            if shown
        )

    @property
    def live_words(self) -> tuple[str, str]:
        """What the header says of the connection to the store, and in which look."""
        return (self.trouble, "trouble") if self.trouble else ("live", "live")

    async def on_unmount(self) -> None:
        if self._backend is not None and self._session is None:
            await self._backend.close()

    async def on_mount(self) -> None:  # type: ignore[override]
        super().on_mount()
        if self._session is not None:
            self.backend = self._session
            self.run_worker(self.begin(self._start_at), group="session", exit_on_error=False)
        else:
            from secconsole.tui.screens.sign_in import SignInScreen

            await self.push_screen(SignInScreen())

    def sign_in_with(self, token: Secret[str], hold: KeyHold | None, message: str = "") -> None:
        """Take up work with a new session; keys that wait go to the first place."""
        self.backend.credential = Bearer(token)
        self.run_worker(self.begin("", hold, message), group="session", exit_on_error=False)

    async def begin(self, place: str = "", hold: KeyHold | None = None, message: str = "") -> None:
        """Take up work as whoever the backend's credential names."""
        try:
            self._identity = await self.backend.perform(WhoAmI())
            self.tenant = self._identity.tenant
            await self.read_policy()
            await self.places.show(place or self.places.first())
            self._live.start()
        except SecconsoleError as error:
            self._identity = None
            await self._to_sign_in(error.message)
            return
        finally:
            if hold is not None:
                hold.release()
        if message:
            self.notify(message, timeout=8)

    async def renew(self) -> None:
        """Learn anew who one is and what holds here, and tell the places: something in the store has changed."""
        before = self.identity
        self._identity = await self.backend.perform(WhoAmI())
        await self.read_policy()
        for place in self.places:
            await place.tell_changed()
        if before.role is not self.identity.role:
            self.say(f"Your role is {self.identity.role} now.")
            here = self.places.here
            if here is not None and self.why_not_there(here.NAME):
                await self.places.show("account")

    async def sign_out(self, reason: str = "You are signed out.") -> None:
        """End the session here and in the store."""
        with contextlib.suppress(SecconsoleError):
            await self.backend.perform(SignOut())
        self.backend.credential = Nobody()
        self.leave(reason)

    def begin_sign_out(self) -> None:
        """Sign out, from where nothing can be waited for."""
        self.run_worker(self.sign_out(), group="session", exit_on_error=False)

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

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.InputEvent):
            self._live.touched()
        await super().on_event(event)

    async def read_policy(self) -> None:
        """Learn the policy anew, for whoever may see it."""
        seen = may(self.identity.role, Permission.SEE)
        self.policy = await self.backend.perform(ShowPolicy(tenant=self.tenant)) if seen else None

    # ---- doing things ----------------------------------------------------------------------------------------------

    async def perform(self, operation: Operation[R]) -> R:
        """Do an operation; ask for password and factor again where it needs that. Call it from a worker."""
        while True:
            try:
                reply = await self.backend.perform(operation)
            except NotSignedIn as error:
                self.leave(error.message)
                raise
            except StepUpNeeded:
                from secconsole.tui.screens.step_up import StepUpDialog

                bound = (await self.backend.perform(WhoAmI())).bound
                if not await self.ask(StepUpDialog(bound=bound)):
                    raise StepUpCancelled("Nothing was done.") from None
            except Unavailable:
                self.set_trouble("store unavailable")
                raise
            else:
                self.set_trouble("")
                return reply

    async def ask(self, screen: Screen[T]) -> T:
        """Show a dialog and wait for its answer; keys that wait go to it. Call it from a worker."""
        return cast(T, await self.push_screen_wait(screen))

    def say(self, message: str) -> None:
        """Tell that something was done."""
        self.clear_notifications()
        self.notify(message, timeout=5)

    def work_failed(self, error: BaseException) -> None:
        if isinstance(error, StepUpCancelled | NotSignedIn):
            self._key_order.release_all()  # said already, or chosen
        else:
            super().work_failed(error)

    def set_trouble(self, trouble: str) -> None:
        """Say in the header what is wrong with the store, or with nothing that it is well again."""
        if trouble != self.trouble:
            self.trouble = trouble
            self.refresh_headers()

    def refresh_headers(self) -> None:
        """Draw anew what the header of the place in sight says."""
        from secconsole.tui.widgets.header import Header

        for header in self.screen.query(Header):
            header.refresh()

    # ---- places ----------------------------------------------------------------------------------------------------

    def why_not_there(self, name: str) -> str:
        """Why one cannot go to a place, in words; empty if one can."""
        return self.places.why_not(name)

    def go(self, name: str) -> None:
        """Go to a place, or say why not."""
        self.places.go(name)

    def why_no_other_tenant(self) -> str:
        """Why one cannot work in another tenant, in words; empty if one can."""
        role = self.identity.role
        return "" if may(role, Permission.MANAGE_TENANTS) else f"Your role, {role}, works in {self.tenant} only."

    async def choose_tenant(self) -> None:
        """Let a platform administrator choose another tenant, and go there."""
        from secconsole.tui.screens.tenant import TenantDialog

        tenants = (await self.perform(ListTenants())).items
        name = await self.ask(TenantDialog(tenants, self.tenant))
        if name and name != self.tenant:
            self.call_later(self._work_in, name)

    async def _work_in(self, tenant: str) -> None:
        """Every place is new in another tenant: nothing of the one before may be taken for its own."""
        here = self.places.here
        if here is None:
            return
        self.tenant = tenant
        await self.read_policy()
        old = self.places.forget()
        await self.places.show(here.NAME)
        await self.places.close(old)

    def leave(self, reason: str = "") -> None:
        """Back to the sign-in screen, with the reason on it."""
        if self._identity is not None and not self._leaving:
            self._leaving = True
            self.call_later(self._to_sign_in, reason)

    async def _to_sign_in(self, reason: str) -> None:
        """Keys typed until here were meant for what is gone: they are forgotten."""
        from secconsole.tui.screens.sign_in import SignInScreen

        self._live.stop()
        self._key_order.clear()
        self._key_order.release_all()
        login = self._identity.login if self._identity is not None else ""
        old = self.places.forget()
        while len(self.screen_stack) > 2:
            await self.pop_screen()
        await self.switch_screen(SignInScreen(reason, login))
        await self.places.close(old)
        self.policy = self._identity = None
        self._leaving = False
