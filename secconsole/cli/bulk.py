"""Commands on many users: chosen by name, file or filter, previewed, confirmed, and performed as a job."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import click

from secconsole.cli.command_context import CommandContext
from secconsole.cli.confirm import pluralize
from secconsole.cli.diagnostics import ExitCode, Progress, ask, ask_yes_no, can_ask, say
from secconsole.cli.output import Column, Listing, format_value
from secconsole.config.csv_file import opened
from secconsole.config.password_file import PasswordFile
from secconsole.config.people_file import read_people
from secconsole.domain.errors import Invalid
from secconsole.domain.jobs import ItemState, JobKind, JobState
from secconsole.operations.job_driver import drive_job
from secconsole.operations.job_kinds import KINDS
from secconsole.operations.jobs import Job, JobItem, JobPreview, PreviewJob, ShowJob, StartJob
from secconsole.operations.paging import pages
from secconsole.operations.password_list import drive_listed, end_words
from secconsole.operations.unbinding import TYPED_ABOVE
from secconsole.operations.user_import import Rejected

F = TypeVar("F", bound=Callable[..., object])

ITEMS: list[Column[JobItem]] = [
    Column("login", lambda i: i.login),
    Column("name", lambda i: i.name),
    Column("id", lambda i: i.id, "Id"),
    Column("result", lambda i: i.state),
    Column("reason", lambda i: i.reason),
    Column("at", lambda i: i.at),
]
EXPECTED = [column for column in ITEMS if column.key != "at"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Users of a command: named ones, those of a file, or all that a filter matches."""

    logins: tuple[str, ...]
    filter: str | None
    rejected: tuple[str, ...] = ()

    @property
    def one(self) -> str:
        """The login if it is only one named user, else empty."""
        return self.logins[0] if len(self.logins) == 1 and not self.rejected else ""


def selection_options(command: F) -> F:
    """Add the options --file and --filter to a command."""
    for option in (
        click.option("--filter", "words", metavar="WORDS", help='All that a search finds: "role:helpdesk is:locked".'),
        click.option(
            "--file",
            type=click.Path(path_type=Path, allow_dash=True),
            help="The users of a CSV file with a column login, or of standard input for -.",
        ),
    ):
        command = option(command)
    return command


def read_selection(logins: tuple[str, ...], file: Path | None, words: str | None) -> Selection:
    """Return the users that a command line chooses, or raise `UsageError` if it does so in several ways or none."""
    if sum((bool(logins), file is not None, words is not None)) != 1:
        raise click.UsageError("Name users, or use one of --file and --filter.")
    if file is None:
        return Selection(tuple(dict.fromkeys(logins)), words)
    found: list[str] = []
    rejected: list[str] = []
    with opened(file, sys.stdin.buffer) as stream:
        for person in read_people(stream):
            if isinstance(person, Rejected):
                rejected.append(f"line {person.line}: {person.reason}")
            else:
                found.append(person.login)
    if not found:
        raise Invalid("The file names no users.", "file")
    return Selection(tuple(dict.fromkeys(found)), None, tuple(rejected))


async def run_bulk(
    context: CommandContext,
    operation: StartJob,
    selection: Selection,
    *,
    dry_run: bool,
    yes: bool,
    keep: PasswordFile | None = None,
) -> int:
    """Preview, confirm and perform one act on many users, and return the exit code.

    `keep`: the list that new passwords go to.
    """
    operation = replace(operation, users=selection.logins, filter=selection.filter)
    for problem in selection.rejected:
        say(f"Left out: {problem}")
    if dry_run or not yes:
        preview = await context.perform(_preview_of(operation))
        if dry_run:
            _show_preview(context, operation.kind, preview)
            return ExitCode.DONE
        if not _agreed(operation.kind, preview):
            say("Nothing was changed.")
            return ExitCode.NO
        operation = replace(operation, expect=preview.total)
    job = await context.perform(operation)
    code = await drive(context, operation.tenant, job, keep)
    return ExitCode.PARTLY if selection.rejected and code in (ExitCode.DONE, ExitCode.NO) else code


async def drive(context: CommandContext, tenant: str, job: Job, keep: PasswordFile | None = None) -> int:
    """Perform a job to its end, write its result, and return the exit code."""
    progress = _Steps(f"{KINDS[job.kind].words} {job.total:,} users:")
    try:
        steps = (
            drive_listed(context.perform, tenant, job.id, keep)
            if keep is not None
            else drive_job(context.perform, tenant, job.id)
        )
        async for step in steps:
            job = step
            progress.show_job(job)
        if keep is not None:
            await keep.end(end_words(job))
    except BaseException:
        progress.end()
        say(f"{job.total - job.pending:,} of {job.total:,} are done. Continue with: {_resume(job)}")
        raise
    progress.end()
    await show_job(context, tenant, job.id, None if not context.out.is_table else ItemState.FAILED)
    if job.state is not JobState.FINISHED:
        by = f" {job.driver} drives it now." if job.state is JobState.RUNNING else ""
        say(f"The job is {job.state}.{by} Continue with: {_resume(job)}")
        return ExitCode.PARTLY
    if job.failed:
        return ExitCode.PARTLY
    return ExitCode.NO if job.skipped == job.total else ExitCode.DONE


async def show_job(context: CommandContext, tenant: str, job: str, state: ItemState | None) -> None:
    """Write a job and its users: all in CSV and JSON, and those in one state in a table."""
    query = ShowJob(tenant=tenant, job=job, state=state)
    found = pages(lambda at, size: context.perform(replace(query, cursor=at, limit=size)))
    if context.out.format == "json":
        parts = [page async for page in found]
        items = tuple(item for page in parts for item in page.items)
        context.out.json(replace(parts[0], items=items, next=None))
        return
    listing, begun = Listing(context.out, ITEMS), False
    async for page in found:
        if context.out.is_table and not begun:
            _show_facts(context, page.job)
            begun = True
        if page.items or not context.out.is_table:
            listing.add(page.items)
    if not context.out.is_table:
        listing.end()


def job_words(job: Job) -> str:
    """Return the counts of a job in one line."""
    parts = [f"{job.done:,} {KINDS[job.kind].done}"]
    parts += [f"{count:,} {words}" for count, words in _counts(job.skipped, job.failed) if count]
    if job.pending:
        parts.append(f"{job.pending:,} left")
    return f"{pluralize(job.total, 'user')}: {', '.join(parts)}."


def _resume(job: Job) -> str:
    return f"secconsole job resume {job.id}{' --to-file NEW-FILE' if job.listed else ''}"


class _Steps(Progress):
    def show_job(self, job: Job) -> None:
        failed = f", {job.failed:,} failed" if job.failed else ""
        self._draw(f"{job.total - job.pending:,} of {job.total:,}{failed}")


def _preview_of(operation: StartJob) -> PreviewJob:
    return PreviewJob(
        tenant=operation.tenant,
        kind=operation.kind,
        users=operation.users,
        filter=operation.filter,
        without_mail=operation.without_mail or operation.listed,
    )


def _agreed(kind: JobKind, preview: JobPreview) -> bool:
    """Ask for confirmation, or raise `Invalid` if no one can be asked."""
    words, count = preview_words(kind, preview), preview.done
    if not can_ask():
        raise Invalid(f"{words} Nothing was changed. Check with --dry-run, and confirm with --yes.", "yes")
    say(words)
    for reason in preview.reasons:
        say(f"  {reason.count:,} {reason.state}: {reason.reason}")
    if not count:
        return False
    if preview.total > TYPED_ABOVE:
        asked = ask("Type the number of users to go on:")
        return asked.strip().replace(",", "") == str(preview.total)
    say(", ".join(item.login for item in preview.items if item.state is ItemState.DONE))
    return ask_yes_no(f"{KINDS[kind].words} {pluralize(count, 'user')}?")


def preview_words(kind: JobKind, preview: JobPreview) -> str:
    """Return what a job would do, in one line."""
    parts = [f"{preview.done:,} would be {KINDS[kind].done}"]
    parts += [f"{count:,} {words}" for count, words in _counts(preview.skipped, preview.failed) if count]
    return f"{pluralize(preview.total, 'user')}: {', '.join(parts)}."


def _counts(skipped: int, failed: int) -> tuple[tuple[int, str], ...]:
    return (skipped, "with nothing to do"), (failed, "that cannot be")


def _show_preview(context: CommandContext, kind: JobKind, preview: JobPreview) -> None:
    if context.out.format == "json":
        context.out.json(preview)
        return
    if context.out.is_table:
        context.out.line(preview_words(kind, preview))
        for reason in preview.reasons:
            context.out.line(f"  {reason.count:,} {reason.state}: {reason.reason}")
    context.out.listing(EXPECTED, preview.items)
    if (more := preview.total - len(preview.items)) > 0:
        say(f"{more:,} more users are counted above and not listed.")


def _show_facts(context: CommandContext, job: Job) -> None:
    context.out.line(job_words(job))
    context.out.line(f"Job {job.id}, {job.state}, started by {job.by} at {format_value(job.created)}.")
    for event in job.events:
        context.out.line(f"Undo within ten minutes: secconsole undo {event}")
