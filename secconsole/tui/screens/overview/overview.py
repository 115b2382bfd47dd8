"""Overview: progress of the organisation, who is missing, and what needs attention today."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Protocol, cast

from textual import work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from secconsole.domain.audit.alert_rules import AlertState
from secconsole.domain.roles import may
from secconsole.operations.alerts import ListAlerts
from secconsole.operations.audit_streams import AddAuditStream, ListAuditStreams
from secconsole.operations.delivery import ShowDelivery
from secconsole.operations.events import SECRET_DAMAGED
from secconsole.operations.policy import ShowPolicy
from secconsole.operations.tenants import AdoptionHistory, ShowAdoption, ShowAdoptionHistory
from secconsole.operations.whitelist import AddToWhitelist
from secconsole.tui.actions import Action
from secconsole.tui.screens.alerts.action import ALERTS, open_alerts
from secconsole.tui.screens.approvals import ACTION as APPROVALS
from secconsole.tui.screens.approvals import all_approvals, answer_approvals, waiting_for
from secconsole.tui.screens.audit.streams import manage_streams
from secconsole.tui.screens.overview.acts import last_acts
from secconsole.tui.screens.overview.history import HistoryDialog
from secconsole.tui.screens.overview.panels import Facts, arrangements
from secconsole.tui.screens.overview.text import AGREES, apart_words, jump_words, policy_line, sending_line
from secconsole.tui.screens.overview.wants import ADMINS as ADMINS
from secconsole.tui.screens.overview.wants import waiting_words
from secconsole.tui.screens.place import Place
from secconsole.tui.text.safe import Part, lines
from secconsole.tui.widgets.board import Board

if TYPE_CHECKING:
    from secconsole.tui.console import Console
    from secconsole.tui.screens.audit.text import Narrowed


DAMAGE_REPORTED = timedelta(days=7)  # as the server counts reports of damaged secrets
LOW_WINDOW = 20  # rows from which the state of delivery is shown above the board too


class SearchedPlace(Protocol):
    """Interface of places with a search line for other places."""

    def set_search(self, text: str) -> None: ...


class NarrowedPlace(Protocol):
    """Interface of the audit, which has filters beside its search line."""

    def show_only(self, narrowed: Narrowed) -> None: ...


class Overview(Place):
    """The first place: counts that lead to the users they count."""

    NAME = "overview"
    TITLE = "Overview"
    NUMBER = "1"
    HELP_FILE = "overview.md"
    CSS_PATH = "../../styles/overview.tcss"
    AUTO_FOCUS = "Board"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action(
            "overview.list",
            "List them",
            "enter,l",
            "List the users that a line counts.",
            priority=0,
            command="secconsole user list --status unbound --role tenant-admin",
        ),
        ALERTS,
        APPROVALS,
    )

    def __init__(self) -> None:
        super().__init__()
        self._shown: Facts | None = None
        self._history: tuple[date, AdoptionHistory] | None = None

    def compose_body(self) -> ComposeResult:
        yield Static(id="summary")
        with VerticalScroll(id="board-scroll", can_focus=False):
            yield Board(id="board")

    async def shown(self) -> None:
        await self.on_live_change()

    async def on_live_change(self) -> None:
        self._load()

    @work(group="figures", exclusive=True, exit_on_error=False)
    async def _load(self) -> None:
        facts = await self._read()
        shown = replace(facts, adoption=replace(facts.adoption, at=facts.policy.changed or facts.adoption.at))
        if shown == self._shown:
            return
        self._shown = shown
        self._show_summary()
        exempts = not self.app.read_only and may(self.app.identity.role, AddToWhitelist.spec.permission)
        self.query_one(Board).show_arranged(arrangements(facts, exempts=exempts, utf8=self.app.terminal.utf8))
        self.refresh_hints()

    def on_resize(self) -> None:
        self._show_summary()

    def _show_summary(self) -> None:
        facts = self._shown
        if facts is None:
            return
        parts: list[Part] = [policy_line(facts.adoption, facts.policy)]
        if self.size.height >= LOW_WINDOW:  # the board has it as well
            parts.append(sending_line(facts.delivery))
        warnings = (apart_words(facts.apart), jump_words(facts.adoption))
        parts += [(words, "$danger") for words in warnings if words]
        if facts.waiting:
            parts.insert(0, (f"{waiting_words(facts.waiting)}. Press a.", "$key"))
        self.query_one("#summary", Static).update(lines(*parts))

    async def _read(self) -> Facts:
        tenant = self.app.tenant
        adoption = await self.app.perform(ShowAdoption(tenant=tenant))
        apart = adoption.at - self.app.clock()
        policy = await self.app.perform(ShowPolicy(tenant=tenant))
        delivery = await self.app.perform(ShowDelivery(tenant=tenant))
        asked = await all_approvals(self.app)
        history = await self._read_history(adoption.at)
        acts = await self.app.perform(last_acts(tenant))
        alerts = await self.app.perform(ListAlerts(tenant=tenant, state=AlertState.OPEN, limit=1))
        streams = await self.app.perform(ListAuditStreams(tenant=tenant))
        waiting = len(waiting_for(asked, self.app.identity.role))
        return Facts(
            adoption,
            policy,
            delivery,
            waiting,
            history,
            acts.items,
            _noticeable(apart),
            alerts.open,
            alerts.oldest,
            streams.items,
        )

    async def _read_history(self, at: datetime) -> AdoptionHistory:
        """Return the figures of each day, which are read once a day only."""
        known, today = self._history, at.astimezone(UTC).date()
        if known is None or not known[1].complete or known[0] != today:
            found = await self.app.perform(ShowAdoptionHistory(tenant=self.app.tenant))
            known = self._history = today, found
        return known[1]

    def state(self) -> tuple[object, ...]:
        return *self.console_state(), self.query_one(Board).target

    def why_not(self, action: Action) -> str:
        if action.id == "overview.list" and not self.query_one(Board).target:
            return "Nothing to list yet."
        return super().why_not(action)

    async def do_list(self) -> None:
        place, _, what = self.query_one(Board).target.partition(":")
        if place == "alerts":
            await open_alerts(self)
        elif place == "streams":
            await manage_streams(self.app, why_not=self.may_not(Action("overview.look", "", "", "", AddAuditStream)))
        elif place == "approvals":
            await answer_approvals(self)
        elif place == "history" and self._history is not None:
            await self.app.ask(HistoryDialog(self._history[1]))
        elif place == "damage":
            _go_to_damage(self.app)
        elif place == "act":
            await self._open_entry(what)
        elif place in ("users", "whitelist", "audit"):
            go_to(self.app, place, what)
        else:
            self.app.places.go(place)

    async def _open_entry(self, id: str) -> None:
        from secconsole.tui.screens.audit.dialogs import EntryDialog  # not on the way to the first place

        entry = next((act for act in self._shown.acts if act.id == id), None) if self._shown else None
        if entry is not None:
            await self.app.ask(EntryDialog(entry))

    def on_board_chosen(self) -> None:
        self.action_act("overview.list")


def _noticeable(apart: timedelta) -> timedelta:
    """Return the difference between two clocks, none if it may be that of a slow answer."""
    return apart if abs(apart) > AGREES else timedelta()


def _go_to_damage(app: Console) -> None:
    """Go to the Audit place, and show the reports of damaged secrets that the figure counts."""
    from secconsole.tui.screens.audit.text import Narrowed  # not on the way to the first place

    since = f"{(app.clock() - DAMAGE_REPORTED).astimezone():%Y-%m-%dT%H:%M:%S}"
    go_to(app, "audit", SECRET_DAMAGED.action)
    app.call_later(lambda: cast(NarrowedPlace, app.screen).show_only(Narrowed(since=since)))


def go_to_users(app: Console, search: str) -> None:
    """Go to the Users place and filter it."""
    go_to(app, "users", search)


def go_to(app: Console, place: str, search: str) -> None:
    """Go to a place with a search line, and filter it."""
    app.places.go(place)
    app.call_later(lambda: cast(SearchedPlace, app.screen).set_search(search))
