"""What all places share: header, hints, keys from the registry, and why a key cannot act."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import Screen
from textual.timer import Timer

from secconsole.domain.roles import may, may_phrase
from secconsole.tui.actions import EVERYWHERE, IN_DEMOS, Action, find
from secconsole.tui.line import PATIENCE
from secconsole.tui.widgets.header import Header
from secconsole.tui.widgets.hints import Hint, Hints

if TYPE_CHECKING:
    from secconsole.tui.app import SecConsole
    from secconsole.tui.key_order import KeyHold

READ_ONLY = "This console is read-only: nothing can be changed here. Start it without --read-only to change things."


class Place(Screen[None]):
    """Base of the places. A subclass names itself, lists its ACTIONS, and has a `do_…` method for each.

    Each `do_…` runs in a worker of its own with the keys held until it ends, or until a dialog that it asks with
    (`await self.app.ask(dialog)`) is there to take them: keys typed ahead reach the dialog and nothing else.
    """

    NAME: ClassVar[str]
    NUMBER: ClassVar[str]
    ACTIONS: ClassVar[tuple[Action, ...]] = ()
    HELP_FILE: ClassVar[str]
    REST: ClassVar[float] = 0.06  # seconds after which the cursor counts as resting
    AUTO_FOCUS = "*"
    DEFAULT_CSS = """
    Place > #body {
        height: 1fr;
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._changed_meanwhile = False
        self._resting: Timer | None = None
        self._reading = self._read_again = False
        taken: set[str] = set()
        for action in self.actions:
            keys = [key for key in action.key_names if key not in taken]
            taken.update(keys)
            if keys:
                self._bindings.bind(",".join(keys), f"act('{action.id}')", action.title, show=False)

    @property
    def app(self) -> SecConsole:  # type: ignore[override]
        return cast("SecConsole", super().app)

    @property
    def actions(self) -> tuple[Action, ...]:
        """What can be done here: its own first, so that a place may use a key for something else than elsewhere."""
        return (*self.ACTIONS, *EVERYWHERE, *(IN_DEMOS if self.app.demo else ()))

    # ---- looks -----------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        yield Header(self.NAME)
        with Vertical(id="body"):
            yield from self.compose_body()
        yield Hints(self._press)

    def compose_body(self) -> ComposeResult:
        """What the place shows between header and hints."""
        yield from ()

    @property
    def is_here(self) -> bool:
        """Whether the place stands with all its parts: timers and replies still come while it is taken down."""
        return self.is_mounted and self.app.is_running and self.display

    def when_rested(self, then: Callable[[], None]) -> None:
        """Do something once the cursor rests: on the way there every row would cost as much as a page."""
        if self._resting is None:
            self._resting = self.set_timer(self.REST, partial(self._rested, then))
        else:
            self._resting.reset()

    def _rested(self, then: Callable[[], None]) -> None:
        self._resting = None
        if self.is_here:
            then()

    def refresh_hints(self) -> None:
        """Dim the keys that cannot act now; call it after the cursor moved or a state changed."""
        if self.is_here:
            shown = [Hint(action, bool(self.why_not(action))) for action in self.actions if self._is_hinted(action)]
            for hints in self.query(Hints):
                hints.show(shown)

    def _refresh_header(self) -> None:
        for header in self.query(Header):  # none while the place comes or goes
            header.refresh()

    def _is_hinted(self, action: Action) -> bool:
        return action.id != "everywhere.search" or type(self).do_search is not Place.do_search

    # ---- coming and going ------------------------------------------------------------------------------------------

    def on_screen_resume(self) -> None:
        self.call_later(self._resumed)

    def _resumed(self) -> None:
        if self.app.signed_in:
            self.refresh_hints()
            self._refresh_header()
            self.run_worker(self._come(self.app.hold_keys()), group="load", exit_on_error=False)

    async def _come(self, hold: KeyHold) -> None:
        """Read what is shown; keys typed ahead wait for it, but not for a store that takes its time."""
        reading = asyncio.ensure_future(self._read_for_showing())
        try:
            async with hold:
                await asyncio.wait((reading,), timeout=PATIENCE)
            await reading
        finally:
            reading.cancel()
        if self.is_current:
            self.refresh_hints()

    async def _read_for_showing(self) -> None:
        await self.shown()
        if self._changed_meanwhile:
            self._changed_meanwhile = False
            await self.on_live_change()

    async def shown(self) -> None:
        """The place is in sight, for the first time or again."""

    async def on_live_change(self) -> None:
        """Something in the store changed; read anew what is shown. At most three times a second, and only in sight."""

    def tell_changed(self) -> None:
        """From the app: something in the store changed. What lies below a dialog is in sight too."""
        if self not in self.app.screen_stack or not self.is_mounted or not self.app.is_running:
            self._changed_meanwhile = True
        elif self._reading:
            self._read_again = True
        else:
            self._reading = True
            self._refresh_header()
            self.run_worker(self._read_changes(), group="load", exit_on_error=False)

    async def _read_changes(self) -> None:
        try:
            while True:
                self._read_again = False
                await self.on_live_change()
                self.refresh_hints()
                if not self._read_again:
                    return
        finally:
            self._reading = False

    def tell_line(self) -> None:
        """From the app: there is something else to say about the way to the store."""
        if self.is_mounted and self.app.signed_in:
            self._refresh_header()
            self.refresh_hints()

    # ---- keys ------------------------------------------------------------------------------------------------------

    def why_not(self, action: Action) -> str:
        """Why an action cannot be done now, in words; empty if it can. Subclasses add what their state says."""
        group, _, name = action.id.partition(".")
        if group == "go":
            return self.app.why_not_there(name)
        if action.id == "everywhere.tenant":
            return self.app.session.why_no_other_tenant()
        if action.id == "everywhere.search" and type(self).do_search is Place.do_search:
            return f"There is nothing to search in {self.TITLE}."
        return self.may_not(action) or (self.app.line.why_not() if action.operation is not None else "")

    def may_not(self, action: Action) -> str:
        """Why an action is not for whoever is at work here, whatever the state of things; empty if it is."""
        if action.operation is None:
            return ""
        spec = action.operation.spec
        if self.app.read_only and spec.writes:
            return READ_ONLY
        role = self.app.identity.role
        if not may(role, spec.permission) and not spec.own:
            return f"Your role, {role}, may not do this. Those who may: {may_phrase(spec.permission)}."
        return self.app.backend.lacks(action.operation)

    def _press(self, action: Action) -> None:
        self.action_act(action.id)

    def action_act(self, id: str) -> None:
        action = find(self.actions, id)
        if reason := self.why_not(action):
            self.app.say_why(reason)
        elif id.startswith("go."):
            self.app.go(id.removeprefix("go."))
        else:
            hold = self.app.hold_keys()
            self.run_worker(self._act(action, hold), group="act", exit_on_error=False)

    async def _act(self, action: Action, hold: KeyHold) -> None:
        async with hold:
            done = getattr(self, action.method)()
            if inspect.isawaitable(done):
                await done
        if self.is_current:
            self.refresh_hints()

    async def do_search(self) -> None:
        """For places where something can be found; the others say that nothing can."""

    async def do_help(self) -> None:
        from secconsole.tui.screens.help import help_for

        await self.app.ask(help_for(self))

    async def do_palette(self) -> None:
        from secconsole.tui.palette import Palette, commands_for

        chosen = await self.app.ask(Palette(commands_for(self)))
        if chosen is not None:
            chosen.run()

    def do_lock(self) -> None:
        self.app.lock.shut()

    async def do_tenant(self) -> None:
        await self.app.session.choose_tenant()

    async def do_back(self) -> None:
        self.app.places.back()
