"""Incident: what is known about a breach, and a checklist of steps that are taken from here."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Protocol, cast

from textual import work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from secconsole.domain.audit.alert_rules import AlertState
from secconsole.domain.limits import MOST_PER_PAGE
from secconsole.operations.alerts import ListAlerts
from secconsole.operations.incident import (
    EndTenantSessions,
    FreezeSignIns,
    Incident,
    ReportIncident,
    ShowAdvice,
    ShowIncident,
)
from secconsole.operations.jobs import ListJobs, StartJob
from secconsole.operations.secret_keys import RotateSecretKeys
from secconsole.tui.actions import Action
from secconsole.tui.screens.alerts.action import open_alerts
from secconsole.tui.screens.audit.text import Narrowed
from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.screens.incident.advice import show_advice
from secconsole.tui.screens.incident.by_role import dry_run, require_binding, reset_passwords
from secconsole.tui.screens.incident.dialogs import WindowDialog
from secconsole.tui.screens.incident.report import write_report
from secconsole.tui.screens.incident.steps import end_all, freeze_or_thaw, rotate_key
from secconsole.tui.screens.incident.steps_text import STEPS, Step, effect
from secconsole.tui.screens.incident.text import WINDOWS, Known, about, change_rows, frozen_line, panels
from secconsole.tui.screens.place import Place
from secconsole.tui.screens.users.names_dialog import NamesDialog
from secconsole.tui.text.format import exact, plural
from secconsole.tui.widgets.board import Board
from secconsole.tui.widgets.prose import Prose

if TYPE_CHECKING:
    from secconsole.tui.console import Console

LOW = 20  # lines of a window that has no room for the text below the list
USUAL = WINDOWS[1][0]


class IncidentPlace(Place):
    """A checklist: enter takes the step under the cursor or opens what is known, d shows what a step would do."""

    NAME = "incident"
    TITLE = "Incident"
    NUMBER = "6"
    HELP_FILE = "incident.md"
    CSS_PATH = "../../styles/incident.tcss"
    AUTO_FOCUS = "Board"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action(
            "incident.do",
            "Do it",
            "enter",
            "Take the step under the cursor, or open what is known.",
            priority=0,
            command="secconsole incident show",
        ),
        Action(
            "incident.dry-run",
            "Dry run",
            "d",
            "Show what the step under the cursor would do.",
            priority=1,
            command="secconsole incident freeze --dry-run",
        ),
        Action(
            "incident.window",
            "Window",
            "w",
            "Choose how far back to look.",
            ShowIncident,
            priority=2,
            command="secconsole incident show --since 7d",
        ),
        Action(
            "incident.freeze",
            "Freeze",
            "f",
            "Refuse sign-ins of all but platform administrators, or thaw.",
            FreezeSignIns,
            priority=3,
            command="secconsole incident freeze",
            run=freeze_or_thaw,
        ),
        Action(
            "incident.end-sessions",
            "End sessions",
            "e",
            "End all sessions, tokens and sign-ins in progress.",
            EndTenantSessions,
            priority=4,
            command="secconsole incident end-sessions",
            run=end_all,
        ),
        Action(
            "incident.reset-passwords",
            "Passwords",
            "p",
            "Reset the passwords of a role, by mail or with a list.",
            StartJob,
            priority=4,
            command="secconsole incident reset-passwords --role ROLE",
            run=reset_passwords,
        ),
        Action(
            "incident.rotate-secret",
            "Rotate key",
            "k",
            "Rotate all secret keys; shows which programs used them.",
            RotateSecretKeys,
            priority=5,
            command="secconsole incident rotate-secret",
            run=rotate_key,
        ),
        Action(
            "incident.require-binding",
            "New binding",
            "b",
            "Unbind the factors of a role: they bind again at the next sign-in.",
            StartJob,
            priority=5,
            command="secconsole incident require-binding --role ROLE",
            run=require_binding,
        ),
        Action(
            "incident.advice",
            "Advice",
            "a",
            "Show, copy or mail what users do with devices that may be infected.",
            ShowAdvice,
            priority=5,
            command="secconsole incident advice",
            run=show_advice,
        ),
        Action(
            "incident.report",
            "Report",
            "o",
            "Write to a file who did what and when.",
            ReportIncident,
            priority=4,
            command="secconsole incident report > report.md",
            run=write_report,
        ),
    )

    def __init__(self) -> None:
        super().__init__()
        self.found: Incident | None = None
        self.window = USUAL
        self._shown: tuple[object, ...] | None = None

    def compose_body(self) -> ComposeResult:
        yield Prose(id="frozen")
        with VerticalScroll(id="board-scroll", can_focus=False):
            yield Board(id="board")
        yield Prose(id="about")

    @property
    def since(self) -> datetime:
        """The beginning of the window."""
        return self.app.clock() - self._span

    @property
    def _span(self) -> timedelta:
        return dict(WINDOWS)[self.window]

    # ---- reading ---------------------------------------------------------------------------------------------------

    async def shown(self) -> None:
        await self.read()

    async def on_live_change(self) -> None:
        self._load()

    @work(group="incident", exclusive=True, exit_on_error=False)
    async def _load(self) -> None:
        await self.read()

    async def read(self) -> None:
        """Read what is known and show it."""
        window = self.window
        # Without a time of this machine's clock, where that can be helped: it may be ahead of the server's.
        since = None if window == USUAL else self.since
        found = await self.app.perform(ShowIncident(tenant=self.app.tenant, since=since))
        query = ListAlerts(tenant=self.app.tenant, state=AlertState.OPEN, since=found.since, limit=MOST_PER_PAGE)
        alerts = await self.app.perform(query)
        jobs = (await self.app.perform(ListJobs(tenant=self.app.tenant))).items
        if not self.is_here or window != self.window:
            return
        self.found = found
        self.query_one("#frozen", Static).update(frozen_line(found))
        self.query_one("#frozen").display = found.frozen_since is not None
        now, utf8 = self.app.clock(), self.app.terminal.utf8
        self.query_one(Board).show([], panels(found, alerts, jobs, self.window, now, utf8=utf8))
        self._say_about()
        self.refresh_hints()

    def on_board_moved(self) -> None:
        self._say_about()
        self.refresh_hints()

    def on_resize(self) -> None:
        self._say_about()

    @property
    def is_low(self) -> bool:
        return self.size.height < LOW

    def _say_about(self) -> None:
        below = self.query_one("#about", Static)
        below.display = not self.is_low
        if self.found is not None:
            below.update(about(self.query_one(Board).target, self.found))

    # ---- keys ------------------------------------------------------------------------------------------------------

    def state(self) -> tuple[object, ...]:
        return *self.console_state(), self.found is None, self.query_one(Board).target

    def why_not(self, action: Action) -> str:
        if action.id.startswith("incident.") and self.found is None:
            return "Still reading what is known."
        if action.id == "incident.dry-run" and self.step is None:
            return "Nothing is done on this line: press enter to open it."
        return super().why_not(action)

    @property
    def step(self) -> Step | None:
        """The step under the cursor, None on other lines."""
        target = self.query_one(Board).target
        return Step(target) if target in list(Step) else None

    async def do_do(self) -> None:
        if (step := self.step) is not None:
            self.action_act(f"incident.{step}")
        else:
            await self._open(Known(self.query_one(Board).target))

    async def do_dry_run(self) -> None:
        step = self.step
        assert step is not None
        assert self.found is not None
        if step in (Step.PASSWORDS, Step.BINDING):
            await dry_run(self, step)
        else:
            await self.app.ask(Dialog(f"Dry run: {STEPS[step].name.lower()}", effect(step, self.found)))

    async def do_window(self) -> None:
        window = await self.app.ask(WindowDialog())
        if window is not None and window != self.window:
            self.window = window
            await self.read()

    async def _open(self, known: Known) -> None:
        assert self.found is not None
        if known is Known.ALERTS:
            await open_alerts(self)
        elif known is Known.NETWORKS:
            networks = [
                (n.login, n.network, f"{plural(n.users, 'user')}, since {exact(n.first)}") for n in self.found.networks
            ]
            await self.app.ask(NamesDialog(f"Networks never seen before, {self.window}", networks))
        elif known is Known.CHANGES:
            await self.app.ask(NamesDialog(f"Changes, {self.window}", change_rows(self.found)))
        else:
            since = f"{self.since.astimezone():%Y-%m-%dT%H:%M}"
            show_in_audit(self.app, Narrowed(group="sign-ins", outcome="refused", since=since))

    def on_board_chosen(self) -> None:
        self.action_act("incident.do")


class NarrowedAudit(Protocol):
    """Interface of the Audit place for this one."""

    def show_only(self, narrowed: Narrowed) -> None: ...


def show_in_audit(app: Console, narrowed: Narrowed) -> None:
    """Go to the Audit place and filter it."""
    app.places.go("audit")
    app.call_later(lambda: cast(NarrowedAudit, app.screen).show_only(narrowed))
