"""The report on an incident as Markdown, for commands and the console alike."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from secconsole.domain.jobs import JobKind
from secconsole.domain.text import visible
from secconsole.operations.audit import AuditEntry
from secconsole.operations.events import EVENTS
from secconsole.operations.incident import ActionCount, IncidentReport
from secconsole.operations.jobs import Job

STEPS_BY_JOB = (JobKind.RESET_PASSWORD, JobKind.UNBIND, JobKind.ADVISE)  # steps against a breach for many users
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#|~!&])")
When = Callable[[datetime], str]


def markdown(report: IncidentReport, when: When) -> str:
    """Return a report as Markdown, with times as `when` writes them.

    Text of the audit is data and never markup.
    """
    frozen = f"frozen since {when(report.frozen_since)}" if report.frozen_since else "not frozen"
    lines = [
        f"# Incident report: {plain(report.tenant)}",
        "",
        f"From {when(report.since)} until {when(report.until)}. Written at {when(report.at)}.",
        f"Sign-ins are {frozen}.",
        "",
        "## Counts",
        "",
        *_table(("What", "Outcome", "Number"), (_count(each) for each in report.counts)),
        "",
        "## Who did it",
        "",
        *_table(("Who", "Acts", "First", "Last"), _actors(report.items, when)),
        "",
        "## What was done, newest first",
        "",
        *_table(
            ("When", "Who", "What", "User", "Outcome", "Why", "From", "Entry"), (_act(e, when) for e in report.items)
        ),
    ]
    if report.next:
        lines += ["", f"These are the newest {len(report.items):,}. For all: secconsole audit list --all"]
    return "\n".join([*lines, ""])


def latest_job(jobs: Sequence[Job], kind: JobKind | None, since: datetime) -> Job | None:
    """Return the newest job of a kind that was started since then, or None."""
    of_kind = (job for job in jobs if job.kind is kind and job.created >= since)
    return max(of_kind, key=lambda job: job.created, default=None)


def plain(text: str) -> str:
    """Return a text that Markdown shows as it is, in one line, with control characters made visible."""
    return _SPECIAL.sub(r"\\\1", visible(text))


def action_words(action: str) -> str:
    """Return an action in words, as the console shows it."""
    return EVENTS[action].words if action in EVENTS else action


def number(each: ActionCount) -> str:
    """Return a number of entries, with a plus if there are more."""
    return f"{each.count:,}{'+' if each.capped else ''}"


def _count(each: ActionCount) -> Sequence[str]:
    return plain(f"{action_words(each.action)} ({each.action})"), each.outcome, number(each)


def _act(entry: AuditEntry, when: When) -> Sequence[str]:
    why = ", ".join(part for part in (entry.reason, entry.ticket) if part)
    where = entry.address or entry.channel
    words = action_words(entry.action)
    return when(entry.at), *map(plain, (entry.actor, words, entry.target, entry.outcome, why, where, entry.id))


def _actors(entries: Iterable[AuditEntry], when: When) -> Iterator[Sequence[str]]:
    acts = Counter[str]()
    first: dict[str, datetime] = {}
    last: dict[str, datetime] = {}
    for entry in entries:  # newest first
        acts[entry.actor] += 1
        first[entry.actor] = entry.at
        last.setdefault(entry.actor, entry.at)
    for actor, count in acts.most_common():
        yield plain(actor), f"{count:,}", when(first[actor]), when(last[actor])


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    found = [f"| {' | '.join(row)} |" for row in rows]
    if not found:
        yield "None."
        return
    yield f"| {' | '.join(heads)} |"
    yield f"|{'|'.join(['---'] * len(heads))}|"
    yield from found
