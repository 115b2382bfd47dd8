"""The console: one backend, whoever is signed in to it, and the places they go to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar, cast

from textual.screen import Screen

from secconsole.backends.base import Backend
from secconsole.domain.errors import NotAllowed, NotSignedIn, SecconsoleError, StepUpNeeded, Unavailable
from secconsole.domain.roles import Permission, Role, may
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.operations.caller import Bearer
from secconsole.operations.policy import Policy, ShowPolicy
from secconsole.operations.signin import Identity, WhoAmI
from secconsole.operations.tenants import ListTenants
from secconsole.tui.actions import PLACES, PlaceName
from secconsole.tui.console_app import ConsoleApp
from secconsole.tui.key_order import KeyHold
from secconsole.tui.screens.place import Place
from secconsole.tui.terminal import Terminal

R = TypeVar("R")
T = TypeVar("T")
Opener = Callable[[], Awaitable[Backend]]

_STYLES = Path(__file__).parent / "styles"
_BY_NAME = {place.name: place for place in PLACES}


class StepUpCancelled(NotAllowed):
    """The person was asked to prove password and factor again and chose not to; nothing was done."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class SecConsole(ConsoleApp):
    """The program. `opener` opens the backend once the sign-in screen stands; `session` is one already signed in."""

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
        self.tenant = tenant
        self.tenant_is_given = bool(tenant)
        self._home_tenant = tenant
        self.policy: Policy | None = None
        self.demo = False
        self.trouble = ""
        self._session = session
        self._start_at = first_place
        self._backend: Backend | None = None
        self._identity: Identity | None = None
        self._places: dict[str, Place] = {}
        self._visited: list[str] = []
        self._leaving = False

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
            self._visited = []
            await self._show(place or self.first_place())
        except SecconsoleError as error:
            self._identity = None
            await self._to_sign_in(error.message)
            return
        finally:
            if hold is not None:
                hold.release()
        if message:
            self.notify(message, timeout=8)

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

                if not await self.ask(StepUpDialog(bound=self.identity.bound)):
                    raise StepUpCancelled("Nothing was done.") from None
            except Unavailable:
                self._set_trouble("store unavailable")
                raise
            else:
                self._set_trouble("")
                return reply

    async def ask(self, screen: Screen[T]) -> T:
        """Show a dialog and wait for its answer; keys that the caller holds go to it. Call it from a worker."""
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

    def _set_trouble(self, trouble: str) -> None:
        if trouble != self.trouble:
            self.trouble = trouble
            self.refresh_headers()

    def refresh_headers(self) -> None:
        """Draw anew what the header of the place in sight says."""
        from secconsole.tui.widgets.header import Header

        for header in self.screen.query(Header):
            header.refresh()

    # ---- places ----------------------------------------------------------------------------------------------------

    def first_place(self) -> str:
        """Where work begins: the helpdesk with people, those who look after the whole with the whole."""
        role = self.identity.role
        wanted = ("users",) if role is Role.HELPDESK else ("overview", "users")
        return next((name for name in wanted if not self.why_not_there(name)), "account")

    def why_not_there(self, name: str) -> str:
        """Why one cannot go to a place, in words; empty if one can."""
        place = _BY_NAME[name]
        if not _is_built(place):
            return f"{place.title} is not part of this version yet."
        role = self.identity.role
        if not place.own and not may(role, Permission.SEE):
            return f"Your role, {role}, sees its own account only: press 7."
        return ""

    def go(self, name: str) -> None:
        """Go to a place, or say why not."""
        if reason := self.why_not_there(name):
            self.say_why(reason)
        elif isinstance(self.screen, Place) and name != self.screen.NAME:
            self._visited = [*(n for n in self._visited if n != name), self.screen.NAME]
            self.call_later(self._show, name)

    def go_back(self) -> None:
        """Go to the place one came from."""
        while self._visited:
            name = self._visited.pop()
            if not self.why_not_there(name):
                self.call_later(self._show, name)
                return
        self.say_why("There is no place to go back to. ctrl+q leaves the program; 7 is where you sign out.")

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
        assert isinstance(self.screen, Place)
        here = self.screen.NAME
        self.tenant = tenant
        await self.read_policy()
        self._forget_places()
        self._visited = []
        await self._show(here)

    def _forget_places(self) -> None:
        for name in self._places:
            self.uninstall_screen(f"place-{name}")
        self._places.clear()

    async def show_help(self, place: Place) -> None:
        """Help for a place, with its keys."""
        from secconsole.tui.screens.help import HelpScreen, page

        why_not = {action.id: place.why_not(action) for action in place.actions}
        await self.ask(HelpScreen(place.title or "", page(place.HELP_FILE), place.actions, why_not))

    async def show_palette(self, place: Place) -> None:
        """Everything that can be done, by name; does what is chosen."""
        from secconsole.tui.palette import Command, Palette

        def act(id: str) -> Callable[[], object]:
            return lambda: place.action_act(id)

        def wear(theme: str) -> Callable[[], object]:
            return lambda: setattr(self, "theme", theme)

        commands = [
            Command(action.title, action.help, act(action.id), action.key, place.why_not(action))
            for action in place.actions
            if action.id != "everywhere.palette"
        ]
        commands += [
            Command(
                f"Theme {name}", self.loaded_themes.themes[name].meta.get("description", ""), wear(name), theme=name
            )
            for name in sorted(self.available_themes)
        ]
        chosen = await self.ask(Palette(commands))
        if chosen is not None:
            chosen.run()

    async def _show(self, name: str) -> None:
        if name not in self._places:
            self._places[name] = screen_class(name)()
            self.install_screen(self._places[name], f"place-{name}")
        if isinstance(self.screen, Place) or len(self.screen_stack) > 1:
            await self.switch_screen(self._places[name])
        else:
            await self.push_screen(self._places[name])

    def leave(self, reason: str = "") -> None:
        """Back to the sign-in screen, with the reason on it."""
        if self._identity is not None and not self._leaving:
            self._leaving = True
            self.call_later(self._to_sign_in, reason)

    async def _to_sign_in(self, reason: str) -> None:
        from secconsole.tui.screens.sign_in import SignInScreen

        self._key_order.clear()
        self._key_order.release_all()
        login = self._identity.login if self._identity is not None else ""
        self.tenant = self._home_tenant
        self.policy = None
        self._forget_places()
        while len(self.screen_stack) > 2:
            await self.pop_screen()
        await self.switch_screen(SignInScreen(reason, login))
        self._identity = None
        self._leaving = False


def screen_class(name: str) -> type[Place]:
    """The screen of a place; its module is loaded now."""
    module, _, kind = _BY_NAME[name].screen.partition(":")
    found: Any = getattr(import_module(f"secconsole.tui.screens.{module}"), kind)
    return cast("type[Place]", found)


@lru_cache
def _is_built(place: PlaceName) -> bool:
    module = place.screen.partition(":")[0]
    return bool(module) and find_spec(f"secconsole.tui.screens.{module}") is not None
