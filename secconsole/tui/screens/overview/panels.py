"""Panels of the overview: shares, what needs attention, the plot, and the last acts, for windows of each width."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from textual.content import Content

from secconsole.domain.impact import Group, Impact, impact
from secconsole.domain.model import SENT_KINDS, BindingStatus, PolicyMode
from secconsole.domain.roles import Role
from secconsole.operations.audit import AuditEntry
from secconsole.operations.audit_streams import AuditStream
from secconsole.operations.delivery import Delivery
from secconsole.operations.policy import Policy
from secconsole.operations.tenants import Adoption, AdoptionHistory, KindCount
from secconsole.tui.screens.overview.acts import act_line
from secconsole.tui.screens.overview.history import plot_cells
from secconsole.tui.screens.overview.text import apart_words
from secconsole.tui.screens.overview.wants import (
    Want,
    alerts_words,
    groups_of,
    next_steps,
    present_only,
    sending_wants,
    stream_wants,
    waiting_words,
    wanting,
)
from secconsole.tui.text.delivery import WORDS, day_words, state_words
from secconsole.tui.text.format import count, exact, plural, status_words
from secconsole.tui.text.safe import join, safe
from secconsole.tui.text.users import KINDS
from secconsole.tui.widgets.bars import bar_content, percent
from secconsole.tui.widgets.board import SIDE_BY_SIDE, Arrangement, Cell, Panel

LONGEST_BAR = 30
TWO_COLUMNS, THREE_COLUMNS = 104, 156  # cells of the board
LOW, HIGH = 7, 15  # rows of the plot, below and beside other panels
_LOOKS = {"bound": "$status-bound", "pending": "$status-pending", "unbound": "$status-unbound"}
_NAME = 19  # cells of a kind's name


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the overview shows.

    `waiting`: requests for the user's approval. `apart`: difference between the server's clock and this machine's.
    `alerts`: how many are open, since the oldest was raised.
    """

    adoption: Adoption
    policy: Policy
    delivery: Delivery
    waiting: int
    history: AdoptionHistory
    acts: tuple[AuditEntry, ...]
    apart: timedelta
    alerts: int = 0
    oldest_alert: datetime | None = None
    streams: tuple[AuditStream, ...] = ()


def arrangements(facts: Facts, *, exempts: bool, utf8: bool) -> list[Arrangement]:
    """Return the panels for windows of each width, the most important first.

    `exempts`: the user may change the whitelist.
    """
    adoption = facts.adoption
    now = impact(adoption.groups, adoption.policy)
    shares, roles, kinds = _shares(facts, now, utf8), _roles(adoption, now, utf8), _kinds(adoption, now, utf8)
    look = _look(facts, now)
    advice = Panel("What to do next", [_read(sentence) for sentence in next_steps(adoption, now, exempts=exempts)[:2]])
    low, high = (
        Panel("Enrolled over time", plot_cells(facts.history, now, adoption.at, rows, utf8=utf8))
        for rows in (LOW, HIGH)
    )
    acts = Panel("Last acts", [act_line(entry, adoption.at) for entry in facts.acts] or [_read("Nothing yet.")])
    state = _state(facts)
    return [
        Arrangement(0, (), (shares, look, advice, roles, kinds, low, state, acts)),
        Arrangement(SIDE_BY_SIDE, ([shares], [roles]), (look, advice, low, kinds, state, acts)),
        Arrangement(TWO_COLUMNS, ([shares, look, advice, state], [low, roles, kinds]), (acts,)),
        Arrangement(THREE_COLUMNS, ([shares, roles, kinds], [look, advice, state], [high, acts])),
    ]


def _shares(facts: Facts, now: Impact, utf8: bool) -> Panel:
    disabled = sum(group.count for group in facts.adoption.groups if group.disabled)
    title = plural(now.users, "user") + (f", and {count(disabled)} disabled" if disabled else "")
    return Panel(title, [_share(now, status, present_only(facts.adoption), utf8) for status in BindingStatus])


def _roles(adoption: Adoption, now: Impact, utf8: bool) -> Panel:
    there = [(role, groups) for role in Role if (groups := groups_of(adoption, role))]
    widest = 2 * len(count(now.users)) + 4
    present = present_only(adoption)
    return Panel("Bound, by role", [_role(groups, role, widest, present, utf8) for role, groups in there])


def _kinds(adoption: Adoption, now: Impact, utf8: bool) -> Panel:
    present = present_only(adoption)
    cells = [cell for kind in adoption.kinds for cell in _kind(kind, now, present, utf8)]
    return Panel("Bound, by kind", cells or [_read("No factor is bound yet.")])


def _look(facts: Facts, now: Impact) -> Panel:
    alerts = alerts_words(facts.alerts, facts.oldest_alert, facts.adoption.at)
    urgent: list[Want] = [
        (facts.alerts, alerts, "alerts:"),
        (facts.waiting, waiting_words(facts.waiting).partition(" ")[2], "approvals:"),
    ]
    wants = [
        *(want for want in urgent if want[0]),
        *wanting(facts.adoption, now),
        *sending_wants(facts.delivery, facts.policy),
        *stream_wants(facts.streams),
    ]
    nothing = Cell(lambda width: safe("Nothing: all is well.", "$muted"))
    return Panel("Needs attention", [_want(number, words, target) for number, words, target in wants] or [nothing])


def _state(facts: Facts) -> Panel:
    """Return how codes are sent, and if the clocks agree."""
    rows = [
        (WORDS[kind].capitalize() if kind.value == "email" else WORDS[kind], state_words(facts.delivery, kind))
        for kind in SENT_KINDS
    ]
    targets = ("settings:mail", "settings:sms")
    cells = [_fact(name, words, target) for (name, words), target in zip(rows, targets, strict=True)]
    cells.append(_fact("Messages", day_words(facts.delivery), "settings:messages"))
    clock = apart_words(facts.apart) or f"{exact(facts.adoption.at)}, as on this machine"
    return Panel("Delivery and clock", [*cells, _fact("Clock", clock, "audit:clock.jumped")])


def _share(now: Impact, status: BindingStatus, present: str, utf8: bool) -> Cell:
    number = {"bound": now.bound, "pending": now.pending, "unbound": now.unbound}[status]
    glyph, word = status_words(status, utf8=utf8)

    def content(width: int) -> Content:
        words = f"{glyph} {word:<8}{count(number):>{len(count(now.users))}} {percent(number, now.users):>6} "
        room = min(LONGEST_BAR, width - len(words))
        return join((words, _LOOKS[status]), bar_content(number, now.users, room, utf8=utf8, colour=_LOOKS[status]))

    return Cell(content, f"users:status:{status}{present}")


def _role(groups: Iterable[Group], role: Role, widest: int, present: str, utf8: bool) -> Cell:
    now = impact(groups, PolicyMode.REQUIRED)
    of = f"{count(now.bound)} of {count(now.users)}"

    def content(width: int) -> Content:
        words = f"{role:<14} {of:>{widest}} "
        room = min(LONGEST_BAR, width - len(words))
        return join(words, bar_content(now.bound, now.users, room, utf8=utf8, colour="$status-bound"))

    return Cell(content, f"users:role:{role}{present}")


def _want(number: int, words: str, target: str) -> Cell:
    return Cell(lambda width: join((f"{count(number):>7}", "$accent"), "  ", words), target)


def _read(sentence: str) -> Cell:
    return Cell(lambda width: safe(sentence), wraps=True)


def _kind(kind: KindCount, now: Impact, present: str, utf8: bool) -> list[Cell]:
    """Return the line of a kind, and one for its users who have no other kind, which lists them."""
    most = len(count(now.bound))

    def line(name: str, number: int, colour: str, width: int) -> Content:
        words = f"{name:<{_NAME}}{count(number):>{most}} "
        room = min(LONGEST_BAR, width - len(words))
        return join(words, bar_content(number, now.bound, room, utf8=utf8, colour=colour))

    cells = [
        Cell(
            lambda width: line(KINDS[kind.kind], kind.bound, "$bar-filled", width),
            f"users:status:bound factor:{kind.kind}{present}",
        )
    ]
    if kind.alone:
        cells.append(
            Cell(
                lambda width: line("  and no other", kind.alone, "$muted", width),
                f"users:status:bound only:{kind.kind}{present}",
            )
        )
    return cells


def _fact(name: str, words: str, target: str) -> Cell:
    return Cell(lambda width: join((f"{name:<10}", "$muted"), words), target)
