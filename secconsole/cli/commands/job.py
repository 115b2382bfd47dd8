"""`secconsole job`: acts on many users that are running, were interrupted or have ended."""

from __future__ import annotations

from pathlib import Path

import click

from secconsole.cli.bulk import drive, job_words, show_job
from secconsole.cli.command import EnumChoice, Group
from secconsole.cli.command_context import CommandContext, with_backend
from secconsole.cli.diagnostics import ExitCode, say
from secconsole.cli.output import Column
from secconsole.cli.password_list import password_file, to_file_option
from secconsole.domain.jobs import ItemState
from secconsole.operations.jobs import CancelJob, Job, ListJobs, PauseJob, ResumeJob, RetryJob, ShowJob

COLUMNS: list[Column[Job]] = [
    Column("id", lambda j: j.id, "Id"),
    Column("kind", lambda j: j.kind),
    Column("state", lambda j: j.state),
    Column("total", lambda j: j.total, numeric=True),
    Column("done", lambda j: j.done, numeric=True),
    Column("failed", lambda j: j.failed, numeric=True),
    Column("skipped", lambda j: j.skipped, numeric=True),
    Column("pending", lambda j: j.pending, "Left", numeric=True),
    Column("driver", lambda j: j.driver, "By"),
    Column("created", lambda j: j.created, "Started"),
    Column("selection", lambda j: j.selection),
    Column("reason", lambda j: j.reason),
    Column("ticket", lambda j: j.ticket),
]


@click.group(cls=Group)
def job() -> None:
    """List, show, resume and cancel acts on many users."""


@job.command("list")
@click.option("--open", "only_open", is_flag=True, help="Only jobs that have not ended.")
@with_backend
async def list_jobs(context: CommandContext, only_open: bool) -> None:
    """List the newest jobs."""
    found = await context.perform(ListJobs(tenant=await context.tenant(), only_open=only_open))
    context.out.listing(COLUMNS, found.items)


@job.command("show")
@click.argument("job_id", metavar="ID")
@click.option("--state", type=EnumChoice(ItemState), help="Only users in this state.")
@with_backend
async def show(context: CommandContext, job_id: str, state: ItemState | None) -> None:
    """Show a job with its users, and the reasons of those that failed."""
    await show_job(context, await context.tenant(), job_id, state)


@job.command("resume")
@click.argument("job_id", metavar="ID")
@to_file_option
@click.option("--dry-run", is_flag=True, help="Show who is left, without going on.")
@with_backend
async def resume(context: CommandContext, job_id: str, to_file: Path | None, dry_run: bool) -> int:
    """Resume a job that was paused or interrupted, or take it over.

    No user is acted on twice. Exit 7 if some failed.
    """
    tenant = await context.tenant()
    if dry_run:
        await show_job(context, tenant, job_id, ItemState.PENDING)
        return ExitCode.DONE
    return await _go_on(context, ResumeJob(tenant=tenant, job=job_id), to_file)


@job.command("retry")
@click.argument("job_id", metavar="ID")
@to_file_option
@click.option("--dry-run", is_flag=True, help="Show who would be tried again, without doing it.")
@with_backend
async def retry(context: CommandContext, job_id: str, to_file: Path | None, dry_run: bool) -> int:
    """Try the failed users of a job again.

    Exit 7 if some failed again.
    """
    tenant = await context.tenant()
    if dry_run:
        await show_job(context, tenant, job_id, ItemState.FAILED)
        return ExitCode.DONE
    return await _go_on(context, RetryJob(tenant=tenant, job=job_id), to_file)


@job.command("pause")
@click.argument("job_id", metavar="ID")
@with_backend
async def pause(context: CommandContext, job_id: str) -> None:
    """Pause a job after the users in progress."""
    _answer(context, await context.perform(PauseJob(tenant=await context.tenant(), job=job_id)))


@job.command("cancel")
@click.argument("job_id", metavar="ID")
@click.option("--dry-run", is_flag=True, help="Show who would be left out, without cancelling.")
@with_backend
async def cancel(context: CommandContext, job_id: str, dry_run: bool) -> int:
    """Cancel a job after the users in progress, for good.

    What was done stays done. Unbindings can be undone for ten minutes.
    """
    tenant = await context.tenant()
    if dry_run:
        await show_job(context, tenant, job_id, ItemState.PENDING)
        return ExitCode.DONE
    _answer(context, await context.perform(CancelJob(tenant=tenant, job=job_id)))
    return ExitCode.DONE


async def _go_on(context: CommandContext, operation: ResumeJob | RetryJob, to_file: Path | None) -> int:
    """Become the driver of a job and perform it, with a new list if it has one."""
    found = (await context.perform(ShowJob(tenant=operation.tenant, job=operation.job, limit=1))).job
    if found.listed != (to_file is not None):
        raise click.UsageError(
            "The new passwords of this job go to a list. Name a new file: --to-file FILE"
            if found.listed
            else "This job has no list of passwords: leave out --to-file."
        )
    with password_file(operation.tenant, to_file) as keep:
        return await drive(context, operation.tenant, await context.perform(operation), keep)


def _answer(context: CommandContext, changed: Job) -> None:
    context.out.record(COLUMNS, changed)
    if context.out.is_table:
        say(job_words(changed))
