"""Overview: progress of the organisation, who is missing, and what needs attention today."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Protocol, cast

from textual import work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from secconsole.domain.clock import moved_words
from secconsole.domain.impact import Group, Impact, impact
from secconsole.domain.model import SENT_KINDS, BindingStatus, FactorKind, PolicyMode
from secconsole.domain.roles import Role, may
from secconsole.operations.approvals import ListApprovals
from secconsole.operations.delivery import Delivery, ShowDelivery
from secconsole.operations.policy import Policy, ShowPolicy
from secconsole.operations.tenants import Adoption, ShowAdoption
from secconsole.operations.whitelist import AddToWhitelist
from secconsole.tui.actions import Action
from secconsole.tui.screens.approvals import ACTION as APPROVALS
from secconsole.tui.screens.approvals import answer_approvals, waiting_for
from secconsole.tui.screens.place import Place
from secconsole.tui.text.delivery import WORDS, day_words, state_in_short, untested, without_a_way
from secconsole.tui.text.format import count, exact, plural, status_words
from secconsole.tui.text.safe import Part, join, lines, safe
from secconsole.tui.widgets.bars import bar_content, percent
from secconsole.tui.widgets.board import Board, Cell, Panel

if TYPE_CHECKING:
    from secconsole.tui.console import Console

LONGEST_BAR = 30
AGREES = timedelta(seconds=5)  # difference between two clocks, a slow answer included
ADMINS = (Role.TENANT_ADMIN, Role.PLATFORM_ADMIN)
_LOOKS = {"bound": "$status-bound", "pending": "$status-pending", "unbound": "$status-unbound"}


class SearchedUsers(Protocol):
    """Interface of the Users place for other places."""

    def set_search(self, text: str) -> None: ...


class Overview(Place):
    """The first place: counts that lead to the users they count."""

    NAME = "overview"
    TITLE = "Overview"
    NUMBER = "1"
    HELP_FILE = "overview.md"
    CSS_PATH = "../styles/overview.tcss"
    AUTO_FOCUS = "Board"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("overview.list", "List them", "enter,l", "List the users that a line counts.", priority=0,
               command="secconsole user list --status unbound --role tenant-admin"),
        APPROVALS,
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[object, ...] | None = None

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
        adoption = await self.app.perform(ShowAdoption(tenant=self.app.tenant))
        policy = await self.app.perform(ShowPolicy(tenant=self.app.tenant))
        delivery = await self.app.perform(ShowDelivery(tenant=self.app.tenant))
        asked = await self.app.perform(ListApprovals(tenant=self.app.tenant))
        waiting = len(waiting_for(asked.items, self.app.identity.role))
        apart = apart_words(adoption.at - self.app.clock())
        shown = replace(adoption, at=policy.changed or adoption.at), policy, delivery, apart, waiting
        if shown == self._shown:
            return
        self._shown = shown
        parts: list[Part] = [policy_line(adoption, policy), sending_line(delivery)]
        parts += [(words, "$danger") for words in (apart, jump_words(adoption)) if words]
        if waiting:
            parts.insert(0, (f"{_waiting_words(waiting)}. Press a.", "$key"))
        self.query_one("#summary", Static).update(lines(*parts))
        exempts = not self.app.read_only and may(self.app.identity.role, AddToWhitelist.spec.permission)
        beside, below = panels(
            adoption, policy, delivery, exempts=exempts, waiting=waiting, utf8=self.app.terminal.utf8
        )
        self.query_one(Board).show(beside, below)
        self.refresh_hints()

    def state(self) -> tuple[object, ...]:
        return *self.console_state(), self.query_one(Board).target

    def why_not(self, action: Action) -> str:
        if action.id == "overview.list" and not self.query_one(Board).target:
            return "Nothing to list yet."
        return super().why_not(action)

    async def do_list(self) -> None:
        place, _, search = self.query_one(Board).target.partition(":")
        if place == "approvals":
            await answer_approvals(self)
        elif place == "users":
            go_to_users(self.app, search)
        else:
            self.app.places.go(place)

    def on_board_chosen(self) -> None:
        self.action_act("overview.list")


def go_to_users(app: Console, search: str) -> None:
    """Go to the Users place and filter it."""
    app.places.go("users")
    app.call_later(lambda: cast(SearchedUsers, app.screen).set_search(search))


# ---- texts --------------------------------------------------------------------------------------------------------


def policy_line(adoption: Adoption, policy: Policy) -> Content:
    """Return the policy in effect, and since when."""
    mode = {
        PolicyMode.OFF: "No user is asked for a second factor",
        PolicyMode.OPTIONAL: "Users who have a second factor are asked for it",
        PolicyMode.REQUIRED: "A second factor is required",
    }[adoption.policy]
    since = adoption.required_since if adoption.policy is PolicyMode.REQUIRED else policy.changed
    parts = [f" since {exact(since)}" if since else ""]
    if adoption.policy is PolicyMode.REQUIRED:
        grace = f", {plural(adoption.grace_days, 'day')} of grace" if adoption.grace_days else ", no grace period"
        parts.append(grace)
    return join((mode, "$heading"), ("".join(parts) + ".", "$muted"))


def sending_line(delivery: Delivery) -> Content:
    """Return if codes can be sent, and the outcome of the latest ones."""
    if delivery.inbox:
        return join(
            ("Sending: ", "$muted"), "into this demo's own inbox", (f"; {day_words(delivery)}. Press 4.", "$muted")
        )
    states = ", ".join(f"{WORDS[kind]} {state_in_short(delivery, kind)}" for kind in SENT_KINDS)
    return join(("Sending: ", "$muted"), states, (f"; {day_words(delivery)}. Press 4.", "$muted"))


def apart_words(by: timedelta) -> str:
    """Return how this machine's clock and the server's differ.

    Empty if they agree.
    """
    if abs(by) <= AGREES:
        return ""
    apart = f"{abs(by).total_seconds():,.0f} s {'ahead of' if by > timedelta() else 'behind'}"
    return f"The server's clock is {apart} this machine's: codes are refused while the server's is wrong."


def jump_words(adoption: Adoption) -> str:
    """Return a note about a clock that was set in the last days.

    Empty if none was.
    """
    jump = adoption.clock_jump
    if jump is None:
        return ""
    moved = f"The server's clock was set {moved_words(jump.seconds * 1000)}, on {exact(jump.at)}."
    if adoption.refused_by_clock:
        return f"{moved} Correct codes are refused until you run: secconsole doctor --mend-clock"
    return f"{moved} See Audit: press 5."


def panels(
    adoption: Adoption, policy: Policy, delivery: Delivery, *, exempts: bool, utf8: bool, waiting: int = 0
) -> tuple[list[Panel], list[Panel]]:
    """Return the panels side by side, and those below.

    `exempts`: the user may change the whitelist. `waiting`: requests for the user's approval.
    """
    now = impact(adoption.groups, adoption.policy)
    disabled = sum(group.count for group in adoption.groups if group.disabled)
    title = plural(now.users, "user") + (f", and {count(disabled)} disabled" if disabled else "")
    shares = Panel(title, [_share(now, status, utf8) for status in BindingStatus])
    there = [(role, groups) for role in Role if (groups := _of(adoption, role))]
    widest = 2 * len(count(now.users)) + 4
    roles = Panel("Bound, by role", [_role(groups, role, widest, utf8) for role, groups in there])
    asked = [(waiting, _waiting_words(waiting).partition(" ")[2], "approvals:")]
    wants = [*(asked if waiting else []), *wanting(adoption, now), *sending_wants(delivery, policy)]
    nothing = Cell(lambda width: safe("Nothing: all is well.", "$muted"))
    look = Panel("Needs attention", [_want(number, words, target) for number, words, target in wants] or [nothing])
    advice = Panel("What to do next", [_read(sentence) for sentence in next_steps(adoption, now, exempts=exempts)[:2]])
    return [shares, roles], [look, advice]


def wanting(adoption: Adoption, now: Impact) -> Iterable[tuple[int, str, str]]:
    """Yield what needs attention: a count, its text, and the place that lists it."""
    return (want for want in _watched(adoption, now) if want[0])


def _watched(adoption: Adoption, now: Impact) -> Iterable[tuple[int, str, str]]:
    for role in reversed(ADMINS):
        words = str(role).replace("-", " ").replace("admin", "administrator")
        for status, have in ((BindingStatus.UNBOUND, "no factor"), (BindingStatus.PENDING, "binding not finished")):
            number = sum(g.count for g in adoption.groups if (g.role, g.status) == (role, status) and not g.disabled)
            yield number, f"{_s(words, number)} {_have(number)} {have}", f"users:status:{status} role:{role}"
    damaged = adoption.damaged
    yield damaged, f"{_s('secret', damaged)} in the store that {'does' if damaged == 1 else 'do'} not open", "audit:"
    open_, soon = adoption.whitelisted_open, adoption.expiring_soon
    yield open_, "on the whitelist with no end date", "whitelist:"
    yield soon, f"whitelist {'entry ends' if soon == 1 else 'entries end'} within 7 days", "whitelist:soon"
    refused = adoption.refused_by_clock
    yield refused, f"{_s('factor', refused)} whose correct codes are refused, as the clock was ahead", "audit:"
    yield adoption.overdue, "overdue: the grace period is over, and no factor is bound", "users:is:overdue"
    yield adoption.locked, "locked after failed entries", "users:is:locked"
    without = sum(g.count for g in adoption.groups if g.no_password)
    yield without, f"{_have(without)} no password and cannot sign in yet", "users:is:no-password"
    yield sum(g.count for g in adoption.groups if g.must_reset), "must choose a new password", "users:is:must-reset"
    yield now.weak_only, "bound by SMS or e-mail only", "users:is:weak-only"
    bound = [g for g in adoption.groups if g.status is BindingStatus.BOUND and not g.disabled]
    without = sum(g.count for g in bound if not g.has_recovery)
    yield without, "bound, but no recovery code left", "users:is:no-recovery"
    yield sum(g.count for g in adoption.groups if g.disabled), "disabled", "users:is:disabled"


def sending_wants(delivery: Delivery, policy: Policy) -> Iterable[tuple[int, str, str]]:
    """Yield what keeps codes from arriving.

    All of it leads to Settings.
    """
    missing = without_a_way(delivery, policy.kinds)
    waits = [kind for kind in SENT_KINDS if untested(delivery, kind)]
    failed, unsure = sum(day.failed for day in delivery.day), sum(day.unsure for day in delivery.day)
    words = {
        "way": (len(missing), f"allowed, but cannot be sent: {_named(missing)}"),
        "failed": (failed, f"{_s('message', failed)} not sent in the last 24 hours"),
        "unsure": (unsure, f"{_s('message', unsure)} that may not have arrived"),
        "test": (len(waits), f"not in effect until tested: {_named(waits)}"),
    }
    return ((number, text, f"settings:{name}") for name, (number, text) in words.items() if number)


def next_steps(adoption: Adoption, now: Impact, *, exempts: bool) -> list[str]:
    """Return the next steps, most pressing first, of those that the user may do."""
    missing = now.users - now.bound
    steps: list[str] = []
    admins = impact([*_of(adoption, ADMINS[0]), *_of(adoption, ADMINS[1])], adoption.policy)
    if admins.users > admins.bound:
        some = admins.users - admins.bound
        steps.append(f"Have {_the(some, 'administrator')} without a factor bind one first.")
    if adoption.policy is PolicyMode.OFF:
        steps.append("Press 4 to see what requiring a second factor would change.")
    elif adoption.policy is PolicyMode.OPTIONAL and missing:
        steps.append(f"{plural(missing, 'user')} need none: press 4 to see what requiring one would change.")
    elif now.must_enroll:
        steps.append(f"Tell {_the(now.must_enroll, 'user')} who must bind which app to install.")
    if adoption.whitelisted_open and exempts:
        steps.append("Press 3 to give whitelist entries an end, or remove them.")
    if adoption.expiring_soon:
        steps.append("Press 3 to see whose whitelist entry ends soon, and tell them.")
    return steps or ["Nothing. Everyone who should have a factor has one."]


# ---- lines ---------------------------------------------------------------------------------------------------------


def _share(now: Impact, status: BindingStatus, utf8: bool) -> Cell:
    number = {"bound": now.bound, "pending": now.pending, "unbound": now.unbound}[status]
    glyph, word = status_words(status, utf8=utf8)

    def content(width: int) -> Content:
        words = f"{glyph} {word:<8}{count(number):>{len(count(now.users))}} {percent(number, now.users):>6} "
        room = min(LONGEST_BAR, width - len(words))
        return join((words, _LOOKS[status]), bar_content(number, now.users, room, utf8=utf8, colour=_LOOKS[status]))

    return Cell(content, f"users:status:{status}")


def _role(groups: Iterable[Group], role: Role, widest: int, utf8: bool) -> Cell:
    now = impact(groups, PolicyMode.REQUIRED)
    of = f"{count(now.bound)} of {count(now.users)}"

    def content(width: int) -> Content:
        words = f"{role:<14} {of:>{widest}} "
        room = min(LONGEST_BAR, width - len(words))
        return join(words, bar_content(now.bound, now.users, room, utf8=utf8, colour="$status-bound"))

    return Cell(content, f"users:role:{role}")


def _want(number: int, words: str, target: str) -> Cell:
    return Cell(lambda width: join((f"{count(number):>7}", "$accent"), "  ", words), target)


def _read(sentence: str) -> Cell:
    return Cell(lambda width: safe(sentence))


def _of(adoption: Adoption, role: Role) -> list[Group]:
    return [group for group in adoption.groups if group.role is role and group.count]


def _named(kinds: Iterable[FactorKind]) -> str:
    return " and ".join(WORDS[kind] for kind in kinds)


def _the(number: int, word: str) -> str:
    return f"the {word}" if number == 1 else f"the {plural(number, word)}"


def _waiting_words(number: int) -> str:
    return f"{plural(number, 'approval')} {'waits' if number == 1 else 'wait'} for you"


def _s(word: str, number: int) -> str:
    return word if number == 1 else word + "s"


def _have(number: int) -> str:
    return "has" if number == 1 else "have"
