"""Navigation between places, each of which is one screen that keeps its cursor and filters until sign-out."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from itertools import count
from typing import TYPE_CHECKING, Any, cast

from secconsole.domain.roles import Permission, Role, may, may_phrase
from secconsole.tui.actions import INBOX, PLACES, Action, PlaceName, with_keys
from secconsole.tui.console import PlaceScreen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secconsole.tui.console import Console

_BY_NAME = {place.name: place for place in (*PLACES, INBOX)}


class Places:
    """Opens places on first use, and remembers the way back."""

    def __init__(self, app: Console) -> None:
        self._app = app
        self._open: dict[str, PlaceScreen] = {}
        self._visited: list[str] = []
        self._numbers = count(1)
        self.latest = ""  # by name

    def __iter__(self) -> Iterator[PlaceScreen]:
        """Yield the places that were opened."""
        return iter(tuple(self._open.values()))

    @property
    def named(self) -> tuple[PlaceName, ...]:
        """Places named in the row at the top: those that the user's role may open."""
        return tuple(place for place in (*PLACES, INBOX) if not self.why_not(place.name))

    @property
    def here(self) -> PlaceScreen | None:
        """The place in sight.

        None while a dialog or the sign-in covers it.
        """
        if not self._app.screen_stack:
            return None
        screen = self._app.screen
        return screen if isinstance(screen, PlaceScreen) else None

    @property
    def latest_shown(self) -> PlaceScreen | None:
        """The place in sight, or below the dialog that covers it."""
        return self._open.get(self.latest)

    def first(self) -> str:
        """Return the place where work starts: Users for the helpdesk, Overview for those who see everything."""
        wanted = ("users",) if self._app.identity.role is Role.HELPDESK else ("overview", "users")
        return next((name for name in wanted if not self.why_not(name)), "account")

    def why_not(self, name: str) -> str:
        """Return why a place cannot be opened.

        Empty if it can.
        """
        place = _BY_NAME[name]
        if not _is_built(place):
            return f"{place.title} is not part of this version yet."
        if place is INBOX and not self._app.demo:
            return "Only a demo has an inbox: elsewhere, messages cannot be read."
        role = self._app.identity.role
        if not place.own and not may(role, Permission.SEE):
            return f"Your role, {role}, can see its own account only: press 7."
        if not place.own and not may(role, place.permission):
            return f"{place.title} is for others: {may_phrase(place.permission)}."
        return ""

    def actions_of(self, name: str) -> tuple[Action, ...]:
        """Return the actions that only this place has and this user's role may do."""
        role = self._app.identity.role
        return tuple(
            action
            for action in with_keys(screen_class(name).ACTIONS, self._app.key_map)
            if action.operation is None or action.operation.spec.own or may(role, action.operation.spec.permission)
        )

    def go(self, name: str) -> None:
        """Go to a place, or notify why not."""
        here = self.here
        if reason := self.why_not(name):
            self._app.notify_refused(reason)
        elif here is not None and name != here.NAME:
            self._app.call_later(self.visit, name)

    async def visit(self, name: str) -> PlaceScreen:
        """Show a place, and remember the way back from it."""
        here = self.here
        if here is not None and name != here.NAME:
            self._visited = [*(visited for visited in self._visited if visited != name), here.NAME]
        await self.show(name)
        return self._open[name]

    def back(self) -> None:
        """Go back to the previous place."""
        while self._visited:
            name = self._visited.pop()
            if not self.why_not(name):
                self._app.call_later(self.show, name)
                return
        self._app.notify_refused("There is no place to go back to. ctrl+q quits; press 7 to sign out.")

    async def show(self, name: str) -> None:
        """Show a place.

        While locked, once the lock is open.
        """
        await self._app.lock.opened()
        if name not in self._open:
            self._open[name] = screen_class(name)()
            self._app.install_screen(self._open[name], f"{name}-{next(self._numbers)}")
        self.latest = name
        await self._app.switch_screen(self._open[name])
        if self._app.signed_in and self._app.session.views.is_changed:
            await asyncio.to_thread(self._app.session.views.flush)

    def forget(self) -> list[PlaceScreen]:
        """Forget all places and return the open ones, to be closed with `close` when others are in sight."""
        old, self._open, self._visited = list(self._open.values()), {}, []
        return old

    async def close(self, old: list[PlaceScreen]) -> None:
        """Remove places that are out of sight, and stop their work."""
        for place in old:
            self._app.uninstall_screen(place)
            await place.remove()


def screen_class(name: str) -> type[PlaceScreen]:
    """Return the screen class of a place, importing its module on first use."""
    module, _, kind = _BY_NAME[name].screen.partition(":")
    found: Any = getattr(import_module(f"secconsole.tui.screens.{module}"), kind)
    return cast("type[PlaceScreen]", found)


@lru_cache
def _is_built(place: PlaceName) -> bool:
    module = place.screen.partition(":")[0]
    return bool(module) and find_spec(f"secconsole.tui.screens.{module}") is not None
