"""Resets of many passwords whose new ones go to a list: kept by the driver of the job before they count."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from secconsole.domain.errors import Stale
from secconsole.domain.jobs import ItemState, JobKind, JobState
from secconsole.domain.limits import MOST_INVITED
from secconsole.domain.users.password import ListedPassword, one_time_password
from secconsole.operations.jobs import AdvanceJob, Job, NewPassword, PreviewJob, ShowJob
from secconsole.operations.portions import Perform


class PasswordList(Protocol):
    """List of the new passwords of a job."""

    async def keep(self, lines: Sequence[ListedPassword]) -> None:
        """Store lines for good, or raise: then the users of those lines are not reset."""

    async def withdraw(self) -> None:
        """Remove the lines that were kept last, because their passwords never count."""


async def drive_listed(perform: Perform, tenant: str, job: str, list_: PasswordList) -> AsyncIterator[Job]:
    """Advance a job with `listed`, and yield it after each step until it is not running or has another driver."""
    while True:
        passwords = await _next_passwords(perform, tenant, job, list_)
        try:
            now = await perform(AdvanceJob(tenant=tenant, job=job, most=MOST_INVITED, passwords=passwords))
        except Stale:  # paused, cancelled or taken over in the meantime: nobody was reset by this step
            if passwords:
                await list_.withdraw()
            yield (await perform(ShowJob(tenant=tenant, job=job, limit=1))).job
            return
        yield now
        if now.state is not JobState.RUNNING:
            return


def end_words(job: Job) -> str:
    """Return the last line of a list: where its job has stopped, so that a reader knows that nothing is missing."""
    failed = f" {job.failed:,} failed and have their previous passwords." if job.failed else ""
    later = "" if job.state is JobState.FINISHED else " If a later list has a login of this one, that one counts."
    return f"End of job {job.id}, which is {job.state}: {job.done:,} reset, {job.pending:,} left.{failed}{later}"


async def _next_passwords(perform: Perform, tenant: str, job: str, list_: PasswordList) -> tuple[NewPassword, ...]:
    """Make and keep passwords of the next users, but not of those that would be refused."""
    pending = ShowJob(tenant=tenant, job=job, state=ItemState.PENDING, limit=MOST_INVITED)
    ids = tuple(item.id for item in (await perform(pending)).items if item.id)
    if not ids:
        return ()
    preview = PreviewJob(tenant=tenant, kind=JobKind.RESET_PASSWORD, users=ids, without_mail=True)
    able = [item for item in (await perform(preview)).items if item.state is ItemState.DONE]
    made = {item.id: ListedPassword(item.login, item.name, one_time_password(secrets.choice)) for item in able}
    if made:
        await list_.keep(list(made.values()))
    return tuple(NewPassword(id, line.password) for id, line in made.items())
