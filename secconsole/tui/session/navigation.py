"""The places somebody goes to: each is one screen, kept alive with its cursor and filters until they sign out."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from itertools import count
from typing import TYPE_CHECKING, Any, cast

from secconsole.domain.roles import Permission, Role, may
from secconsole.tui.actions import INBOX, PLACES, PlaceName
from secconsole.tui.screens.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secconsole.tui.app import SecConsole

_BY_NAME = {place.name: place for place in (*PLACES, INBOX)}


class Places:
    """Opens them when they are first gone to, and remembers the way back."""

    def __init__(self, app: SecConsole) -> None:
        self._app = app
        self._open: dict[str, Place] = {}
        self._visited: list[str] = []
        self._numbers = count(1)
        self.latest = ""  # by name

    def __iter__(self) -> Iterator[Place]:
        """Those that were opened."""
        return iter(tuple(self._open.values()))

    @property
    def named(self) -> tuple[PlaceName, ...]:
        """Those that the row at the top names."""
        return (*PLACES, INBOX) if self._app.demo else PLACES

    @property
    def here(self) -> Place | None:
        """The place in sight; None while a dialog or the sign-in covers it."""
        if not self._app.screen_stack:
            return None
        screen = self._app.screen
        return screen if isinstance(screen, Place) else None

    def first(self) -> str:
        """Where work begins: the helpdesk with people, those who look after the whole with the whole."""
        wanted = ("users",) if self._app.identity.role is Role.HELPDESK else ("overview", "users")
        return next((name for name in wanted if not self.why_not(name)), "account")

    def why_not(self, name: str) -> str:
        """Why one cannot go to a place, in words; empty if one can."""
        place = _BY_NAME[name]
        if not _is_built(place):
            return f"{place.title} is not part of this version yet."
        if place is INBOX and not self._app.demo:
            return "Only a demo has an inbox: elsewhere nobody can read what is sent."
        role = self._app.identity.role
        if not place.own and not may(role, Permission.SEE):
            return f"Your role, {role}, sees its own account only: press 7."
        return ""

    def go(self, name: str) -> None:
        """Go to a place, or say why not."""
        here = self.here
        if reason := self.why_not(name):
            self._app.say_why(reason)
        elif here is not None and name != here.NAME:
            self._visited = [*(visited for visited in self._visited if visited != name), here.NAME]
            self._app.call_later(self.show, name)

    def back(self) -> None:
        """Go to the place one came from."""
        while self._visited:
            name = self._visited.pop()
            if not self.why_not(name):
                self._app.call_later(self.show, name)
                return
        self._app.say_why("There is no place to go back to. ctrl+q leaves the program; 7 is where you sign out.")

    async def show(self, name: str) -> None:
        """Bring a place into sight; where that is locked, once it is open."""
        await self._app.lock.opened()
        if name not in self._open:
            self._open[name] = screen_class(name)()
            self._app.install_screen(self._open[name], f"{name}-{next(self._numbers)}")
        self.latest = name
        await self._app.switch_screen(self._open[name])

    def forget(self) -> list[Place]:
        """Open all anew from now on. Give those that were open to `close` when others are in sight."""
        old, self._open, self._visited = list(self._open.values()), {}, []
        return old

    async def close(self, old: list[Place]) -> None:
        """Take down places that are out of sight, and all that they still had going on."""
        for place in old:
            self._app.uninstall_screen(place)
            await place.remove()


def screen_class(name: str) -> type[Place]:
    """The screen of a place; its module is loaded now."""
    module, _, kind = _BY_NAME[name].screen.partition(":")
    found: Any = getattr(import_module(f"secconsole.tui.screens.{module}"), kind)
    return cast("type[Place]", found)


@lru_cache
def _is_built(place: PlaceName) -> bool:
    module = place.screen.partition(":")[0]
    return bool(module) and find_spec(f"secconsole.tui.screens.{module}") is not None
