"""Overview: how far the organisation has come, who is missing, and what wants a look today."""

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

from secconsole.domain.impact import Group, Impact, impact
from secconsole.domain.model import BindingStatus, FactorKind, PolicyMode
from secconsole.domain.roles import Role, may
from secconsole.operations.delivery import Delivery, ShowDelivery
from secconsole.operations.policy import Policy, ShowPolicy
from secconsole.operations.tenants import Adoption, ShowAdoption
from secconsole.operations.whitelist import AddToWhitelist
from secconsole.tui.actions import Action
from secconsole.tui.safe_text import Part, join, lines, safe
from secconsole.tui.screens.place import Place
from secconsole.tui.sending_words import (
    SENT_KINDS,
    WORDS,
    day_words,
    state_in_short,
    untested,
    without_a_way,
)
from secconsole.tui.widgets.bars import bar_content, percent
from secconsole.tui.widgets.board import Board, Cell, Panel
from secconsole.tui.words import count, exact, plural, status_words

if TYPE_CHECKING:
    from secconsole.tui.app import SecConsole

LONGEST_BAR = 30
AGREES = timedelta(seconds=5)  # between two clocks, a slow answer included
ADMINS = (Role.TENANT_ADMIN, Role.PLATFORM_ADMIN)
_LOOKS = {"bound": "$status-bound", "pending": "$status-pending", "unbound": "$status-unbound"}


class SearchedUsers(Protocol):
    """What the Users place offers to the others."""

    def set_search(self, text: str) -> None: ...


class Overview(Place):
    """The first place: counts that lead to the people they count."""

    NAME = "overview"
    TITLE = "Overview"
    NUMBER = "1"
    HELP_FILE = "overview.md"
    CSS_PATH = "../styles/overview.tcss"
    AUTO_FOCUS = "Board"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("overview.list", "List them", "enter,l", "Show the people that a line counts.", priority=0,
               command="secconsole user list --status unbound --role tenant-admin"),
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[Adoption, Policy, Delivery, str] | None = None

    def compose_body(self) -> ComposeResult:
        yield Static(id="said")
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
        apart = apart_words(adoption.at - self.app.clock())
        shown = replace(adoption, at=policy.changed or adoption.at), policy, delivery, apart
        if shown == self._shown:
            return
        self._shown = shown
        said: list[Part] = [policy_line(adoption, policy), sending_line(delivery)]
        self.query_one("#said", Static).update(lines(*said, *([(apart, "$danger")] if apart else [])))
        exempts = not self.app.read_only and may(self.app.identity.role, AddToWhitelist.spec.permission)
        beside, below = panels(adoption, policy, delivery, exempts=exempts, utf8=self.app.terminal.utf8)
        self.query_one(Board).show(beside, below)
        self.refresh_hints()

    def why_not(self, action: Action) -> str:
        if action.id == "overview.list" and not self.query_one(Board).target:
            return "No line to list yet."
        return super().why_not(action)

    def do_list(self) -> None:
        place, _, search = self.query_one(Board).target.partition(":")
        if place == "users":
            go_to_users(self.app, search)
        else:
            self.app.go(place)

    def on_board_chosen(self) -> None:
        self.action_act("overview.list")


def go_to_users(app: SecConsole, search: str) -> None:
    """Go to the Users place and filter it."""
    app.go("users")
    app.call_later(lambda: cast(SearchedUsers, app.screen).set_search(search))


# ---- what is said --------------------------------------------------------------------------------------------------


def policy_line(adoption: Adoption, policy: Policy) -> Content:
    """What is asked of whom, and since when."""
    mode = {
        PolicyMode.OFF: "Nobody is asked for a second factor",
        PolicyMode.OPTIONAL: "A second factor is asked of those who have one",
        PolicyMode.REQUIRED: "A second factor is required",
    }[adoption.policy]
    since = adoption.required_since if adoption.policy is PolicyMode.REQUIRED else policy.changed
    parts = [f" since {exact(since)}" if since else ""]
    if adoption.policy is PolicyMode.REQUIRED:
        grace = f", {plural(adoption.grace_days, 'day')} of grace" if adoption.grace_days else ", no grace period"
        parts.append(grace)
    return join((mode, "$heading"), ("".join(parts) + ".", "$muted"))


def sending_line(delivery: Delivery) -> Content:
    """Whether codes can be sent, and what became of the latest."""
    if delivery.inbox:
        return join(
            ("Sending: ", "$muted"), "into this demo's own inbox", (f"; {day_words(delivery)}. Press 4.", "$muted")
        )
    states = ", ".join(f"{WORDS[kind]} {state_in_short(delivery, kind)}" for kind in SENT_KINDS)
    return join(("Sending: ", "$muted"), states, (f"; {day_words(delivery)}. Press 4.", "$muted"))


def apart_words(by: timedelta) -> str:
    """That this machine's clock and the server's differ; empty where they agree."""
    if abs(by) <= AGREES:
        return ""
    apart = f"{abs(by).total_seconds():,.0f} s {'ahead of' if by > timedelta() else 'behind'}"
    return f"The server's clock is {apart} this machine's: codes are refused while the server's is wrong."


def panels(
    adoption: Adoption, policy: Policy, delivery: Delivery, *, exempts: bool, utf8: bool
) -> tuple[list[Panel], list[Panel]]:
    """What stands beside each other, and what below. `exempts`: whether the reader may change the whitelist."""
    now = impact(adoption.groups, adoption.policy)
    disabled = sum(group.count for group in adoption.groups if group.disabled)
    title = plural(now.users, "user") + (f", and {count(disabled)} disabled" if disabled else "")
    shares = Panel(title, [_share(now, status, utf8) for status in BindingStatus])
    there = [(role, groups) for role in Role if (groups := _of(adoption, role))]
    widest = 2 * len(count(now.users)) + 4
    roles = Panel("Bound, by role", [_role(groups, role, widest, utf8) for role, groups in there])
    wants = [*wanting(adoption, now), *sending_wants(delivery, policy)]
    nothing = Cell(lambda width: safe("Nothing: everything is in order.", "$muted"))
    look = Panel("Wants a look", [_want(number, words, target) for number, words, target in wants] or [nothing])
    advice = Panel("What to do next", [_read(sentence) for sentence in next_steps(adoption, now, exempts=exempts)[:2]])
    return [shares, roles], [look, advice]


def wanting(adoption: Adoption, now: Impact) -> Iterable[tuple[int, str, str]]:
    """What wants a look, if there is any of it: how many, what it is, and where they are listed."""
    return (want for want in _watched(adoption, now) if want[0])


def _watched(adoption: Adoption, now: Impact) -> Iterable[tuple[int, str, str]]:
    for role in reversed(ADMINS):
        words = str(role).replace("-", " ").replace("admin", "administrator")
        for status, have in ((BindingStatus.UNBOUND, "no factor"), (BindingStatus.PENDING, "not finished binding")):
            number = sum(g.count for g in adoption.groups if (g.role, g.status) == (role, status) and not g.disabled)
            yield number, f"{_s(words, number)} {_have(number)} {have}", f"users:status:{status} role:{role}"
    open_, soon = adoption.whitelisted_open, adoption.expiring_soon
    yield open_, "on the whitelist without an end", "whitelist:"
    yield soon, f"whitelist {'entry ends' if soon == 1 else 'entries end'} within 7 days", "whitelist:soon"
    yield adoption.locked, "locked after failed entries", "users:is:locked"
    yield sum(g.count for g in adoption.groups if g.must_reset), "must choose a new password", "users:is:must-reset"
    yield now.weak_only, "bound by SMS or e-mail only", "users:is:weak-only"
    bound = [g for g in adoption.groups if g.status is BindingStatus.BOUND and not g.disabled]
    without = sum(g.count for g in bound if not g.has_recovery)
    yield without, "bound, and no recovery code left", "users:is:no-recovery"
    yield sum(g.count for g in adoption.groups if g.disabled), "disabled", "users:is:disabled"


def sending_wants(delivery: Delivery, policy: Policy) -> Iterable[tuple[int, str, str]]:
    """What keeps codes from arriving; all of it leads to Settings."""
    missing = without_a_way(delivery, policy.kinds)
    waits = [kind for kind in SENT_KINDS if untested(delivery, kind)]
    failed, unsure = sum(day.failed for day in delivery.day), sum(day.unsure for day in delivery.day)
    words = {
        "way": (len(missing), f"allowed, and nothing in effect that sends it: {_named(missing)}"),
        "failed": (failed, f"{_s('message', failed)} not sent in the last 24 hours"),
        "unsure": (unsure, f"{_s('message', unsure)} of which nobody knows whether they arrived"),
        "test": (len(waits), f"waiting for the test that brings it into effect: {_named(waits)}"),
    }
    return ((number, said, f"settings:{name}") for name, (number, said) in words.items() if number)


def next_steps(adoption: Adoption, now: Impact, *, exempts: bool) -> list[str]:
    """What to do next, the most pressing first; nothing that the reader may not do."""
    missing = now.users - now.bound
    steps: list[str] = []
    admins = impact([*_of(adoption, ADMINS[0]), *_of(adoption, ADMINS[1])], adoption.policy)
    if admins.users > admins.bound:
        some = admins.users - admins.bound
        steps.append(f"Have {_the(some, 'administrator')} without a factor bind one first.")
    if adoption.policy is PolicyMode.OFF:
        steps.append("Press 4 to see what asking for a second factor would mean.")
    elif adoption.policy is PolicyMode.OPTIONAL and missing:
        steps.append(f"{plural(missing, 'user')} may stay without: press 4 for what requiring would mean.")
    elif now.must_enroll:
        steps.append(f"Tell {_the(now.must_enroll, 'user')} who must bind which app to install.")
    if adoption.whitelisted_open and exempts:
        steps.append("Press 3 and give whitelist entries an end, or take them off.")
    if adoption.expiring_soon:
        steps.append("Press 3 to see whose whitelist entry ends soon, and tell them.")
    return steps or ["Nothing. Everybody who should have a factor has one."]


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


def _s(word: str, number: int) -> str:
    return word if number == 1 else word + "s"


def _have(number: int) -> str:
    return "has" if number == 1 else "have"
