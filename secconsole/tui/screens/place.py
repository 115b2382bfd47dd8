"""Base of all places: header, hints, keys from the registry, and why a key is unavailable."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.timer import Timer

from secconsole.domain.errors import SecconsoleError
from secconsole.domain.roles import may, may_phrase
from secconsole.operations.tenants import ListTenants
from secconsole.tui.actions import EVERYWHERE, IN_DEMOS, READ_ONLY, Action, find, with_keys
from secconsole.tui.console import PATIENCE, PlaceScreen
from secconsole.tui.widgets.header import Header
from secconsole.tui.widgets.hints import Hint, Hints

if TYPE_CHECKING:
    from secconsole.config.view_state import PlaceView
    from secconsole.tui.runtime.key_queue import KeyHold

MOVED = "The list has just changed under the cursor. Nothing was done. Press the key again."


class Place(PlaceScreen):
    """Base of the places.

    A subclass names itself, lists its ACTIONS, and has a `do_…` method for each. Each `do_…` runs in its own worker
    with the keys held until it ends, or until a dialog that it opens (`await self.app.ask(dialog)`) takes them: keys
    typed ahead reach the dialog and nothing else.
    """

    NUMBER: ClassVar[str]
    ACTIONS: ClassVar[tuple[Action, ...]] = ()
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
        self._state: tuple[object, ...] | None = None
        self._reasons: dict[str, str] = {}
        taken: set[str] = set()
        for action in self.actions:
            keys = [key for key in action.key_names if key not in taken]
            taken.update(keys)
            if keys:
                self._bindings.bind(",".join(keys), f"act('{action.id}')", action.title, show=False)

    @property
    def actions(self) -> tuple[Action, ...]:
        """Return the actions here, the place's own first, so that it may use a key differently from elsewhere."""
        return with_keys((*self.ACTIONS, *EVERYWHERE, *(IN_DEMOS if self.app.demo else ())), self.app.key_map)

    # ---- looks -----------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        yield Header(self.NAME)
        with Vertical(id="body"):
            yield from self.compose_body()
        yield Hints(self._press)

    def compose_body(self) -> ComposeResult:
        """Yield the widgets between header and hints."""
        yield from ()

    @property
    def is_here(self) -> bool:
        """Return True if the place is fully mounted: timers and replies still arrive while it is being removed."""
        return self.is_mounted and self.app.is_running and self.display

    def when_rested(self, then: Callable[[], None]) -> None:
        """Call `then` once the cursor rests: on the way there, every row would cost as much as a page."""
        if self._resting is None:
            self._resting = self.set_timer(self.REST, partial(self._rested, then))
        else:
            self._resting.reset()

    def _rested(self, then: Callable[[], None]) -> None:
        self._resting = None
        if self.is_here:
            then()

    def refresh_hints(self) -> None:
        """Dim the unavailable keys.

        Call it after the cursor moved or a state changed.
        """
        if self.is_here:
            shown = [Hint(action, bool(self.reason(action))) for action in self.actions if self._is_hinted(action)]
            for hints in self.query(Hints):
                hints.show(shown)

    def refresh_header(self) -> None:
        for header in self.query(Header):  # none while the place is being mounted or removed
            header.refresh()

    def _is_hinted(self, action: Action) -> bool:
        if self.is_beyond_role(action) or (action.id == "everywhere.tenant" and self.app.session.why_no_other_tenant()):
            return False
        return action.id != "everywhere.search" or type(self).do_search is not Place.do_search

    # ---- view, kept across restarts --------------------------------------------------------------------------------

    @property
    def view(self) -> PlaceView:
        """View of this place as the user left it."""
        return self.app.session.views[self.NAME]

    @view.setter
    def view(self, view: PlaceView) -> None:
        self.app.session.views[self.NAME] = view

    # ---- coming and going ------------------------------------------------------------------------------------------

    def on_screen_resume(self) -> None:
        self.call_later(self._resumed)

    def _resumed(self) -> None:
        if self.app.signed_in:
            self.refresh_hints()
            self.refresh_header()
            self.run_worker(self._load_on_resume(self.app.hold_keys()), group="load", exit_on_error=False)

    async def _load_on_resume(self, hold: KeyHold) -> None:
        """Load what is shown.

        Keys typed ahead wait for it, but not for a slow store.
        """
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
        """Handle the place coming into sight, for the first time or again."""

    async def on_live_change(self) -> None:
        """Reload after a change in the store.

        Called at most three times a second, and only in sight.
        """

    def tell_changed(self) -> None:
        """Reload after a change in the store.

        A place below a dialog counts as in sight.
        """
        if self not in self.app.screen_stack or not self.is_mounted or not self.app.is_running:
            self._changed_meanwhile = True
        elif self._reading:
            self._read_again = True
        else:
            self._reading = True
            self.refresh_header()
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

    def refresh_connection(self) -> None:
        """Redraw the connection state."""
        if self.is_mounted and self.app.signed_in:
            self.refresh_header()
            self.refresh_hints()

    # ---- keys ------------------------------------------------------------------------------------------------------

    def reason(self, action: Action) -> str:
        """Return why an action is unavailable now, computed once for each `state`."""
        state = self.state()
        if state != self._state:
            self._state, self._reasons = state, {}
        if action.id not in self._reasons:
            self._reasons[action.id] = self.why_not(action)
        return self._reasons[action.id]

    def state(self) -> tuple[object, ...]:
        """Return everything that `why_not` depends on.

        A place with further reasons adds what they depend on.
        """
        return self.console_state()

    def console_state(self) -> tuple[object, ...]:
        """Return what `why_not` depends on in every place."""
        app = self.app
        return app.identity, app.policy, app.tenant, app.demo, app.read_only, app.connection.why_not()

    def why_not(self, action: Action) -> str:
        """Return why an action is unavailable now.

        Empty if it is available. Subclasses add their own reasons.
        """
        group, _, name = action.id.partition(".")
        if group == "go":
            return self.app.places.why_not(name)
        if action.id == "everywhere.tenant":
            return self.app.session.why_no_other_tenant()
        if action.id == "everywhere.search" and type(self).do_search is Place.do_search:
            return f"There is nothing to search in {self.TITLE}."
        return self.may_not(action) or (self.app.connection.why_not() if action.operation is not None else "")

    def may_not(self, action: Action) -> str:
        """Return why an action is not allowed to this user in any state.

        Empty if it is.
        """
        if action.operation is None:
            return ""
        spec = action.operation.spec
        if self.app.read_only and spec.writes:
            return READ_ONLY
        role = self.app.identity.role
        if self.is_beyond_role(action):
            return f"Your role, {role}, may not do this. Those who may: {may_phrase(spec.permission)}."
        return ""

    def is_beyond_role(self, action: Action) -> bool:
        """Return True if the role can never do this, to any user, so that its key is not in the footer."""
        spec = action.operation.spec if action.operation is not None else None
        return spec is not None and not spec.own and not may(self.app.identity.role, spec.permission)

    def _press(self, action: Action) -> None:
        self.action_act(action.id)

    def action_act(self, id: str) -> None:
        action = find(self.actions, id)
        if reason := self.reason(action):
            if action.operation is not None:
                self.app.forget_typed()  # meant for the dialog that does not open: here each letter is a command
            self.app.notify_refused(reason)
        elif id.startswith("go."):
            self.app.places.go(id.removeprefix("go."))
        else:
            hold = self.app.hold_keys()
            self.run_worker(self._act(action, self.subject(), hold), group="act", exit_on_error=False)
            if only := self.only_for(action):
                self.app.notify(f"{action.title} is for {only} only: marks do not count.")

    def only_for(self, action: Action) -> str:
        """Return the login that an action is for although others are marked, or an empty string."""
        return ""

    def subject(self) -> object:
        """Return what a key acts on.

        It acts on nothing else, even if the list changes between the key and its effect.
        """
        return None

    async def _act(self, action: Action, subject: object, hold: KeyHold) -> None:
        async with hold:
            reason = MOVED if self.subject() != subject else self.reason(action)
            if reason:
                self.app.forget_typed()
                self.app.notify_refused(reason)
                return
            try:
                done = action.run(self) if action.run is not None else getattr(self, action.method)()
                if inspect.isawaitable(done):
                    await done
            except SecconsoleError:
                self.app.forget_typed()
                raise
        if self.is_current:
            self.refresh_hints()

    async def do_search(self) -> None:
        """Notify that nothing can be searched here.

        Places with a search override it.
        """

    async def do_help(self) -> None:
        from secconsole.tui.screens.help import help_for

        await self.app.ask(help_for(self))

    async def do_palette(self) -> None:
        from secconsole.tui.screens.palette import Palette, commands_for

        chosen = await self.app.ask(Palette(commands_for(self)))
        if chosen is not None:
            chosen.run()

    async def do_jobs(self) -> None:
        from secconsole.tui.screens.jobs.jobs import show_jobs

        await show_jobs(self.app)

    async def do_history(self) -> None:
        from secconsole.tui.screens.history import show_history

        await show_history(self)

    def do_lock(self) -> None:
        self.app.lock.shut()

    async def do_tenant(self) -> None:
        from secconsole.tui.screens.tenant import TenantDialog

        tenants = (await self.app.perform(ListTenants())).items
        name = await self.app.ask(TenantDialog(tenants, self.app.tenant))
        if name and name != self.app.tenant:
            self.app.call_later(self.app.session.work_in, name)

    async def do_back(self) -> None:
        self.app.places.back()
