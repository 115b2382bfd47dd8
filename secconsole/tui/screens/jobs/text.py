"""Jobs as text: a row of the list, and the facts below it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from textual.content import Content

from secconsole.domain.jobs import JobState
from secconsole.operations.job_kinds import KINDS
from secconsole.operations.jobs import Job
from secconsole.tui.session.jobs import outcome_words
from secconsole.tui.text.format import ago, count, exact, glyph
from secconsole.tui.text.safe import Part, join, lines
from secconsole.tui.widgets.table import Row

if TYPE_CHECKING:
    pass

_BAR = 24  # cells


def job_row(job: Job, now: datetime, *, utf8: bool) -> Row:
    signs = {JobState.FINISHED: "done", JobState.CANCELLED: "failed", JobState.INTERRUPTED: "warning"}
    sign = glyph(signs[job.state], utf8=utf8) if job.state in signs else " "
    progress = f"{count(job.total - job.pending)}/{count(job.total)}"
    failed = count(job.failed) if job.failed else ""
    kind = KINDS[job.kind].title
    return Row(job.id, (kind, f"{sign} {job.state}", progress, failed, job.driver, ago(job.created, now)))


def about_job(job: Job, *, utf8: bool) -> Content:
    """Return progress and facts of a job, below the list."""
    full = round(_BAR * (job.total - job.pending) / job.total) if job.total else _BAR
    bar = glyph("bar", utf8=utf8) * full + glyph("bar-rest", utf8=utf8) * (_BAR - full)
    facts = f"{job.selection}, started by {job.by} {exact(job.created)}"
    rows: list[Part] = [join((bar, "$status-bound"), "  ", outcome_words(job)), (facts, "$muted")]
    if job.reason or job.ticket:
        ticket = f" ({job.ticket})" if job.ticket else ""
        rows.append(f"Reason: {job.reason}{ticket}")
    if job.state is JobState.INTERRUPTED:
        rows.append(("Nobody drives it: the console or command is gone. r goes on with it.", "$status-pending"))
    return lines(*rows)
