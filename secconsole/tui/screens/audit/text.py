"""Audit entries in words, as rows, and the groups that their actions fall into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.style import Style
from textual.color import Color
from textual.content import Content

from secconsole.operations.audit import AuditCheck, AuditEntry
from secconsole.tui.safe_text import Part, join, lines, safe_text
from secconsole.tui.user_words import event_words
from secconsole.tui.widgets.row_window import Row
from secconsole.tui.widgets.table import Column
from secconsole.tui.words import clock, count, day, exact, glyph, plural

GROUPS: dict[str, tuple[str, ...]] = {
    "sign-ins": (
        "sign-in", "sign-in.code", "sign-out", "step-up", "verify", "password.changed", "session.ended",
        "token.created", "token.revoked", "secret-key.rotated",
    ),
    "factors": (
        "factor.enrollment-started", "factor.confirmed", "factor.removed", "factor.renamed", "factor.key-mailed",
        "account.keep-factor", "account.mfa-cancelled", "account.contact-changed", "recovery.created",
        "recovery.viewed", "recovery.used", "code.sent",
    ),
    "unbinding": ("unbind", "unbind.undone"),
    "whitelist": ("whitelist.added", "whitelist.changed", "whitelist.removed", "whitelist.expired"),
    "policy": (
        "policy.set", "user.mfa-required", "user.mfa-not-required", "delivery.set-smtp", "delivery.set-twilio",
        "delivery.tested",
    ),
    "users": (
        "user.created", "user.imported", "user.disabled", "user.enabled", "user.role-changed", "user.password-reset",
        "user.unlocked", "tenant.created",
    ),
}  # fmt: skip
OUTCOMES = ("done", "refused", "failed")


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Which entries are shown, beside what is searched for; empty: all."""

    group: str = ""
    outcome: str = ""

    @property
    def words(self) -> str:
        return " · ".join(part for part in (self.group, self.outcome) if part)


def columns(now: datetime) -> tuple[Column, ...]:
    """The columns; the first names the zone that its times are in."""
    zone = clock(now)[-6:]
    return (
        Column("at", f"When ({zone})", 16, grow=3),
        Column("actor", "Who", 13, min_width=9, grow=12),
        Column("action", "What", 21, min_width=16, grow=6),
        Column("target", "Whom", 13, min_width=9, priority=1, grow=14),
        Column("outcome", "Outcome", 11),
        Column("reason", "Why", 12, min_width=6, priority=2, grow=28),
    )


def stamp(at: datetime, now: datetime) -> str:
    """`22 Nov 03:26:15`, in the reader's zone; with the year where it is another."""
    date = day(at) if at.astimezone().year != now.astimezone().year else day(at)[:-5]
    return f"{date:>6} {clock(at)[:8]}"


class Rows:
    """Makes rows in the colours of one theme."""

    def __init__(self, variables: Mapping[str, str], now: datetime, *, utf8: bool) -> None:
        self._bad = Style(color=Color.parse(variables["danger"]).rich_color)
        self._now, self._utf8 = now, utf8

    def __call__(self, entry: AuditEntry) -> Row:
        bad = entry.outcome in ("refused", "failed")
        name = "failed" if bad else "done" if entry.outcome == "done" else "dot"
        outcome = f"{glyph(name, utf8=self._utf8)} {entry.outcome}"
        return Row(entry.id, (
            stamp(entry.at, self._now), entry.actor, entry.action, entry.target,
            safe_text(outcome, self._bad) if bad else outcome, entry.reason,
        ))  # fmt: skip


def about(entry: AuditEntry) -> Content:
    """All fields of an entry, its moment in the reader's zone and in UTC."""
    moment = f"{exact(entry.at, seconds=True)} = {entry.at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3] + " UTC"
    whom = f"{entry.target} (id {entry.target_id})" if entry.target_id else entry.target
    why = "  ".join(part for part in (entry.reason, entry.ticket and f"ticket {entry.ticket}") if part)
    details = "  ".join(f"{name}={value}" for name, value in entry.details.items())
    rows: list[Part] = [join((entry.action, "bold"), f"  {event_words(entry)}")]
    rows.append(join(entry.actor, ("  to  ", "$muted"), whom) if whom else join(entry.actor))
    if why:
        rows.append(join(("why ", "$muted"), why))
    if details:
        rows.append(join((details, "$muted")))
    rows.append(join((moment, "$muted")))
    rows.append(join((f"entry {entry.id}, {entry.outcome} by {entry.channel}", "$muted")))
    return lines(*rows)


def found_words(total: int | None, narrowed: Narrowed, search: str) -> str:
    """How many entries there are, as far as is known, and which."""
    which = f"{narrowed.words} · " if narrowed.words else ""
    if total is None:
        return f"{which}newest first"
    return which + (f"{count(total)} found" if search or narrowed.words else plural(total, "entry", "entries"))


def verdict(check: AuditCheck) -> Content:
    """Whether the chain is whole, and what that means."""
    if check.whole:
        return lines(
            (f"The chain is whole: all {plural(check.entries, 'entry', 'entries')}, up to the signed head.", "bold"),
            "",
            "No entry was changed, removed or put in since it was written.",
        )
    where = f"The first entry that does not fit: {check.first_broken}" if check.first_broken else "At its end"
    return lines(
        ("The chain is broken.", "$danger bold"),
        "",
        f"{where}.",
        f"What is wrong: {check.problem}.",
        f"{plural(check.entries, 'entry', 'entries')} before it fit.",
        "",
        "Keep a copy of the store as it is now, and compare it with your backups: somebody who",
        "can write to the store's file changed it, or the file was damaged.",
    )
