"""Audit entries as text and as rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.style import Style
from textual.color import Color
from textual.content import Content

from secconsole.config.dates import parse_since, parse_until
from secconsole.operations.audit import AuditCheck, AuditEntry, ListAudit
from secconsole.tui.screens.audit.facts import facts_of
from secconsole.tui.text.format import clock, count, day, exact, glyph, plural
from secconsole.tui.text.safe import Part, join, lines, safe_text
from secconsole.tui.text.users import event_words
from secconsole.tui.widgets.row_window import Row
from secconsole.tui.widgets.table import Column

OUTCOMES = ("done", "continues", "refused", "failed")


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Filters of the list beside the search.

    Empty: all entries.
    """

    group: str = ""
    outcome: str = ""
    actor: str = ""
    user: str = ""
    ticket: str = ""
    address: str = ""
    since: str = ""
    until: str = ""

    @property
    def words(self) -> str:
        """Words of the filters in effect: `policy · refused · by hana · from 192.0.2.7`."""
        named = {
            "by": self.actor,
            "user": self.user,
            "ticket": self.ticket,
            "from": self.address,
            "since": self.since,
            "until": self.until,
        }
        parts = [self.group, self.outcome, *(f"{name} {value}" for name, value in named.items() if value)]
        return " · ".join(part for part in parts if part)

    def query(self, tenant: str, search: str, now: datetime) -> ListAudit:
        """Return the query of the list, or raise `Invalid` for a wrong date."""
        return ListAudit(
            tenant=tenant,
            search=search,
            group=self.group,
            outcome=self.outcome,
            actor=self.actor,
            user=self.user,
            ticket=self.ticket,
            address=self.address,
            since=parse_since(self.since) if self.since else None,
            until=parse_until(self.until, now) if self.until else None,
        )


def columns(now: datetime) -> tuple[Column, ...]:
    """Return the columns.

    The first names the time zone of its times.
    """
    zone = clock(now)[-6:]
    return (
        Column("at", f"When ({zone})", 16, min_width=15, grow=3),
        Column("actor", "Who", 13, min_width=12, grow=12),
        Column("action", "What", 21, min_width=16, grow=6),
        Column("target", "User", 13, min_width=12, priority=1, grow=14),
        Column("outcome", "Outcome", 11),
        Column("reason", "Why", 26, min_width=20, priority=2, grow=30),
        Column("ticket", "Ticket", 10, priority=3, grow=6),
        Column("address", "From", 15, priority=4, grow=4),
    )


def stamp(at: datetime, now: datetime) -> str:
    """Return a moment in the reader's zone: `22 Nov 03:26:15`, with the year if it is another one."""
    date = day(at) if at.astimezone().year != now.astimezone().year else day(at)[:-5]
    return f"{date:>6} {clock(at)[:8]}"


class AuditRows:
    """Builds rows in the colours of one theme."""

    def __init__(self, variables: Mapping[str, str], now: datetime, *, utf8: bool) -> None:
        self._bad = Style(color=Color.parse(variables["danger"]).rich_color)
        self._now, self._utf8 = now, utf8

    def __call__(self, entry: AuditEntry) -> Row:
        bad = entry.outcome in ("refused", "failed")
        name = "failed" if bad else "done" if entry.outcome == "done" else "dot"
        outcome = f"{glyph(name, utf8=self._utf8)} {entry.outcome}"
        return Row(
            entry.id,
            (
                stamp(entry.at, self._now),
                entry.actor,
                entry.action,
                of_many(entry),
                safe_text(outcome, self._bad) if bad else outcome,
                entry.reason,
                entry.ticket,
                entry.address,
            ),
        )


def of_many(entry: AuditEntry) -> str:
    """Return the user of an entry, with the number of others in the same act."""
    return f"{entry.target} +{count(entry.entries - 1)}" if entry.entries > 1 else entry.target


def about(entry: AuditEntry) -> Content:
    """Return all fields of an entry, with its moment in the reader's zone and in UTC."""
    moment = f"{exact(entry.at, seconds=True)} = {entry.at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3] + " UTC"
    target = f"{entry.target} (id {entry.target_id})" if entry.target_id else entry.target
    why = "  ".join(part for part in (entry.reason, entry.ticket and f"ticket {entry.ticket}") if part)
    details = " · ".join(f"{name}: {words}" for name, words in facts_of(entry))
    rows: list[Part] = [join((entry.action, "bold"), f"  {event_words(entry)}")]
    if entry.entries > 1:
        rows.append(join((f"of {plural(entry.entries, 'user')} in one act: enter lists them", "$key")))
    rows.append(join(entry.actor, ("  to  ", "$muted"), target) if target else join(entry.actor))
    if why:
        rows.append(join(("why ", "$muted"), why))
    rows.append(join((moment, "$muted")))
    rows.append(join((f"entry {entry.id}, {entry.outcome} by {entry.channel}", "$muted")))
    if details:  # last, because the pane may have no room for all of them
        rows.append(join((details, "$muted")))
    return lines(*rows)


def in_full(entry: AuditEntry) -> Content:
    """Return an entry with one line for each of its facts."""
    where = entry.channel if not entry.address else f"{entry.channel}, from {entry.address}"
    named = [
        ("When", exact(entry.at, seconds=True)),
        ("UTC", f"{entry.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"),
        ("Who", entry.actor),
        ("User", entry.target),
        ("User id", entry.target_id),
        ("Outcome", entry.outcome),
        ("Why", entry.reason),
        ("Ticket", entry.ticket),
        *((name[:1].upper() + name[1:], words) for name, words in facts_of(entry)),
        ("Through", where),
        ("Request", entry.request_id),
        ("Entry", entry.id),
    ]
    shown = [(name, value) for name, value in named if value]
    width = max(len(name) for name, _ in shown) + 2
    head = join((entry.action, "bold"), f"  {event_words(entry)}")
    return lines(head, "", *(join((f"{name:<{width}}", "$muted"), value) for name, value in shown))


def found_words(total: int | None, narrowed: Narrowed, search: str) -> str:
    """Return how many entries there are, as far as it is known, and the filters in effect."""
    which = f"{narrowed.words} · " if narrowed.words else ""
    if total is None:
        return f"{which}newest first"
    return which + (f"{count(total)} found" if search or narrowed.words else plural(total, "entry", "entries"))


def _removed(check: AuditCheck) -> list[str]:
    if not check.removed:
        return []
    return [
        "",
        f"Retention removed the entries up to number {count(check.removed)}: the check starts",
        "from their signed checkpoint.",
    ]


def verdict(check: AuditCheck) -> Content:
    """Return the result of a check of the chain, and what it means."""
    if check.whole:
        return lines(
            (f"The chain is intact: all {plural(check.entries, 'entry', 'entries')}, up to the signed head.", "bold"),
            "",
            "No entry was changed, removed or inserted since it was written.",
            *_removed(check),
        )
    number = f" (number {count(check.position)})" if check.position is not None else ""
    where = f"The first entry that does not fit: {check.first_broken}{number}" if check.first_broken else "At its end"
    return lines(
        ("The chain is broken.", "$danger bold"),
        "",
        f"{where}.",
        f"What is wrong: {check.problem}.",
        f"{plural(check.entries, 'entry', 'entries')} before it fit.",
        "",
        "Copy the store as it is now and compare it with your backups: someone who",
        "can write to the store changed it, or it was damaged.",
    )
