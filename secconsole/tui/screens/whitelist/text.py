"""Whitelist entries as text and as rows, and their ends as typed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta

from rich.style import Style
from textual.color import Color
from textual.content import Content

from secconsole.domain.ident import short_id
from secconsole.domain.model import BindingStatus
from secconsole.domain.policy import is_always_asked
from secconsole.operations.whitelist import Exemption
from secconsole.tui.text.format import count, day, exact, left, moment, status_words
from secconsole.tui.text.safe import join, lines, safe_text
from secconsole.tui.widgets.row_window import Row
from secconsole.tui.widgets.table import Column

COLUMNS = (
    Column("login", "Login", 16, grow=14),
    Column("name", "Name", 16, min_width=12, priority=2, grow=10),
    Column("role", "Role", 14, priority=5),
    Column("state", "State", 18),
    Column("until", "Until", 12),
    Column("reason", "Reason", 26, min_width=14, priority=1, grow=24),
    Column("since", "Since", 11, priority=4),
    Column("by", "By", 12, priority=3, grow=8),
)
SOON = timedelta(days=30)  # an end nearer than this is shown as the time left
UNTIL_HELP = "2027-01-31 or +30d, that day included. Empty: no end date."


def typed(until: datetime | None) -> str:
    """Return an end as it would be typed."""
    if until is None:
        return ""
    here = until.astimezone()
    if here.time() == time.min:
        return (here.date() - timedelta(days=1)).isoformat()
    return f"{here:%Y-%m-%dT%H:%M:%S}"


def end_words(until: datetime | None, now: datetime) -> str:
    """Return an end: `3 days left`, `31 Jan 2027` for the last day of a later one, or `no end date`."""
    if until is None or until - now < SOON:
        return left(until, now)
    return day(until - timedelta(seconds=1))


def state_words(entry: Exemption, *, utf8: bool = True) -> str:
    """Return the state of an entry.

    `unbound` is what the whitelist is for, `exempt but bound` deserves a look.
    """
    glyph, word = status_words(entry.status, utf8=utf8)
    if is_always_asked(entry.role, entry.status):
        return f"{glyph} bound, asked"
    return f"{glyph} exempt but bound" if entry.status is BindingStatus.BOUND else f"{glyph} {word}"


class WhitelistRows:
    """Builds rows in the colours of one theme."""

    def __init__(self, variables: Mapping[str, str], now: datetime, *, utf8: bool) -> None:
        self._styles = {s: Style(color=Color.parse(variables[f"status-{s}"]).rich_color) for s in BindingStatus}
        self._warn = Style(color=Color.parse(variables["status-pending"]).rich_color)
        self._now, self._utf8 = now, utf8

    def __call__(self, entry: Exemption) -> Row:
        end = end_words(entry.until, self._now)
        loud = entry.until is None or entry.until - self._now < timedelta(days=7)
        state = safe_text(state_words(entry, utf8=self._utf8), self._styles[entry.status])
        return Row(
            entry.user,
            (
                entry.login,
                entry.name,
                str(entry.role),
                state,
                safe_text(end, self._warn) if loud else end,
                entry.reason,
                day(entry.since),
                entry.by,
            ),
        )


def about(entry: Exemption, now: datetime) -> Content:
    """Return the identity of a user, and the whole entry."""
    until = f"through {exact(entry.until - timedelta(seconds=1))}" if entry.until else "with no end date"
    return lines(
        join((entry.login, "bold"), f"  {entry.name}  ", (f"{entry.role}  id {entry.user}", "$muted")),
        join(entry.reason),
        join((f"since {moment(entry.since, now)}, by {entry.by}; {until}", "$muted")),
    )


def who(entry: Exemption) -> Content:
    """Return one line that identifies a user by login, name and id."""
    return join((entry.login, "bold"), f"   {entry.name}   ", (f"id {entry.user}", "$muted"))


def brief(entry: Exemption) -> str:
    return f"{entry.login} ({entry.name or 'no name'}, id {short_id(entry.user)})"


def found_words(total: int | None, search: str) -> str:
    """Return how many entries there are, as far as it is known."""
    if total is None:
        return "more than 100 entries"
    return f"{count(total)} found" if search else f"{count(total)} {'entry' if total == 1 else 'entries'}"
