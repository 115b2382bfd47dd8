"""Driver of jobs: one request after another until a job has ended or is no longer the caller's."""

from __future__ import annotations

from collections.abc import AsyncIterator

from secconsole.domain.errors import Stale
from secconsole.domain.jobs import JobState
from secconsole.operations.jobs import AdvanceJob, Job, ListJobs, ShowJob
from secconsole.operations.portions import Perform

AT_ONCE = 25


async def drive_job(perform: Perform, tenant: str, job: str, *, at_once: int = AT_ONCE) -> AsyncIterator[Job]:
    """Advance a job, and yield it after each step until it is not running or has another driver.

    Stopping the iteration leaves the rest pending. An error leaves the job as it was after the last step: it can be
    resumed.
    """
    while True:
        try:
            now = await perform(AdvanceJob(tenant=tenant, job=job, most=at_once))
        except Stale:  # paused, cancelled or taken over in the meantime
            yield (await perform(ShowJob(tenant=tenant, job=job, limit=1))).job
            return
        yield now
        if now.state is not JobState.RUNNING:
            return


async def open_jobs(perform: Perform, tenant: str) -> tuple[Job, ...]:
    """Return the jobs of a tenant that have not ended."""
    return (await perform(ListJobs(tenant=tenant, only_open=True))).items
