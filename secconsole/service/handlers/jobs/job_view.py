"""A job as its actor sees it: found by id, shown, recorded, and whether they may steer it."""

from __future__ import annotations

import msgspec

from secconsole.domain.errors import NotFound
from secconsole.domain.helpdesk import is_same_person
from secconsole.domain.jobs import JobKind, JobState, may_steer, state_at
from secconsole.domain.roles import Role, may
from secconsole.operations.events import (
    Event,
)
from secconsole.operations.job_kinds import KINDS
from secconsole.operations.jobs import (
    Job,
)
from secconsole.service.context import Context, when, when_or_none
from secconsole.service.handlers.jobs.job_acts import (
    Parameters,
)
from secconsole.store import users
from secconsole.store.helpdesk import jobs
from secconsole.store.helpdesk.jobs import JobRecord

_MOVED = "This job is {}. Nothing was done."


def job_of(context: Context, id: str) -> JobRecord:
    job = jobs.job_by_id(context.connection, context.tenant.pk, id)
    if job is None:
        raise NotFound("There is no such job.")
    return job


def why_moved(context: Context, job: JobRecord) -> str:
    if job.state == JobState.RUNNING and not is_driver(context, job):
        return f"{job.driver} drives this job. Nothing was done. Resume it to take it over."
    return _MOVED.format(job.state)


def is_driver(context: Context, job: JobRecord) -> bool:
    return is_same_person((job.driver_id, job.driver), (context.actor.id, context.actor.login))


def actor_may_steer(context: Context, job: JobRecord) -> bool:
    if not may(context.actor.role, KINDS[JobKind(job.kind)].permission):
        return False
    if not job.driver_id:  # the owner of the store
        return may_steer(context.actor.role, Role.PLATFORM_ADMIN, own=is_driver(context, job))
    driver = users.user_by_id(context.connection, job.driver_id)
    return may_steer(context.actor.role, driver.role if driver else None, own=is_driver(context, job))


def given_to(job: JobRecord) -> Parameters:
    return msgspec.json.decode(job.parameters, type=Parameters)


def audit_job(context: Context, event: Event, job: JobRecord) -> None:
    given = given_to(job)
    context.audit(
        event,
        reason=given.reason,
        ticket=given.ticket,
        job=job.id,
        kind=job.kind,
        selection=job.selection,
        total=job.total,
        done=job.done,
        failed=job.failed,
        skipped=job.skipped,
    )


def job_view(context: Context, job: JobRecord) -> Job:
    given = given_to(job)
    return Job(
        id=job.id,
        kind=JobKind(job.kind),
        state=state_at(JobState(job.state), job.progress, context.now),
        selection=job.selection,
        reason=given.reason,
        ticket=given.ticket,
        by=job.by,
        driver=job.driver,
        created=when(job.created),
        progress=when(job.progress),
        ended=when_or_none(job.ended),
        total=job.total,
        done=job.done,
        failed=job.failed,
        skipped=job.skipped,
        pending=job.pending,
        events=tuple(job.events.split()),
        steerable=actor_may_steer(context, job),
        driving=is_driver(context, job),
        listed=given.listed,
    )
