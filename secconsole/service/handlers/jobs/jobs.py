"""Jobs: starting, listing and steering them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import msgspec

from secconsole.domain.end_date import check_end
from secconsole.domain.errors import Conflict, Invalid, NotAllowed, NotFound, Stale
from secconsole.domain.jobs import KEPT, MOST_OPEN, ItemState, JobKind, JobState
from secconsole.domain.limits import MOST_JOB_USERS
from secconsole.operations.events import (
    JOB_CANCELLED,
    JOB_PAUSED,
    JOB_RESUMED,
    JOB_RETRIED,
    JOB_STARTED,
    Event,
)
from secconsole.operations.job_kinds import KINDS
from secconsole.operations.jobs import (
    CancelJob,
    Job,
    JobDetail,
    JobItem,
    JobList,
    ListJobs,
    PauseJob,
    ResumeJob,
    RetryJob,
    ShowJob,
    StartJob,
)
from secconsole.service.authorise import need_permission
from secconsole.service.context import Context, when_or_none
from secconsole.service.handlers.jobs.job_acts import (
    Parameters,
    refuse_unable,
)
from secconsole.service.handlers.jobs.job_selection import select
from secconsole.service.handlers.jobs.job_view import (
    actor_may_steer,
    audit_job,
    given_to,
    job_of,
    job_view,
    why_moved,
)
from secconsole.service.handlers.users.whitelist import checked_reason
from secconsole.service.registry import handles
from secconsole.store.helpdesk import jobs
from secconsole.store.helpdesk.jobs import JobRecord

_CANCELLED = "The job was cancelled before this user."
_OUTRANKED = "This job belongs to someone who outranks you. Ask them, or an administrator."


@handles(StartJob)
def start_job(context: Context, operation: StartJob) -> Job:
    facts, given = KINDS[operation.kind], _parameters(context, operation)
    if given.listed and "listed" not in facts.takes:
        raise Invalid("Only new passwords can go to a list.", "listed")
    need_permission(context, facts.permission)
    refuse_unable(context, operation.kind, given)
    jobs.forget_ended(context.connection, context.tenant.pk, context.now - KEPT)
    if jobs.count_open(context.connection, context.tenant.pk) >= MOST_OPEN:
        raise Conflict(f"{MOST_OPEN} jobs have not ended yet. Resume or cancel some of them first.")
    selected = select(context, operation.users, operation.filter, MOST_JOB_USERS)
    if not selected.users:
        raise NotFound("None of these users exists.")
    total = len(selected.users) + len(selected.unknown)
    if operation.expect not in (None, total):
        raise Stale(f"{total:,} users match now, and not {operation.expect:,}. Nothing was started.")
    actor = context.actor
    values: dict[str, object] = {
        "id": context.new_id(),
        "tenant_pk": context.tenant.pk,
        "kind": str(operation.kind),
        "state": str(JobState.RUNNING),
        "selection": selected.words,
        "parameters": msgspec.json.encode(asdict(given)).decode(),
        "by_id": actor.id,
        "by": actor.login,
        "driver_id": actor.id,
        "driver": actor.login,
        "created": context.now,
        "progress": context.now,
        "total": total,
        "failed": len(selected.unknown),
    }
    job = jobs.add_job(context.connection, values)
    jobs.add_items(context.connection, job.pk, selected.users, selected.unknown)
    audit_job(context, JOB_STARTED, job)
    return job_view(context, job)


@handles(ListJobs)
def list_jobs(context: Context, operation: ListJobs) -> JobList:
    found = jobs.list_jobs(context.connection, context.tenant.pk, only_open=operation.only_open)
    return JobList(tuple(job_view(context, job) for job in found))


@handles(ShowJob)
def show_job(context: Context, operation: ShowJob) -> JobDetail:
    job = job_of(context, operation.job)
    state = str(operation.state) if operation.state else None
    after, limit = int(operation.cursor or 0), operation.limit
    found = jobs.items_of(context.connection, job.pk, state=state, after=after, limit=limit + 1)
    items = tuple(
        JobItem(item.user_id, item.login, item.name, ItemState(item.state), item.reason, when_or_none(item.at))
        for item in found[:limit]
    )
    return JobDetail(job_view(context, job), items, str(found[limit - 1].pk) if len(found) > limit else None)


@handles(PauseJob)
def pause_job(context: Context, operation: PauseJob) -> Job:
    job = _steered(context, operation.job)
    return _moved_to(context, job, JOB_PAUSED, [JobState.RUNNING], state=str(JobState.PAUSED))


@handles(ResumeJob)
def resume_job(context: Context, operation: ResumeJob) -> Job:
    job = _steered(context, operation.job)
    refuse_unable(context, JobKind(job.kind), given_to(job))
    return _moved_to(context, job, JOB_RESUMED, [JobState.RUNNING, JobState.PAUSED], **_driven(context))


@handles(CancelJob)
def cancel_job(context: Context, operation: CancelJob) -> Job:
    job = _steered(context, operation.job)
    # It locks the job, so that no step comes between this and the counting.
    if jobs.change_state(context.connection, job.pk, [JobState.RUNNING, JobState.PAUSED], progress=context.now) is None:
        raise Stale(why_moved(context, job))
    skipped = jobs.skip_pending(context.connection, job.pk, _CANCELLED, context.now)
    jobs.count_outcomes(context.connection, job.pk, done=0, failed=0, skipped=skipped, events=job.events)
    values = {"state": str(JobState.CANCELLED), "ended": context.now}
    return _moved_to(context, job, JOB_CANCELLED, [JobState.RUNNING, JobState.PAUSED], **values)


@handles(RetryJob)
def retry_job(context: Context, operation: RetryJob) -> Job:
    job = _steered(context, operation.job)
    refuse_unable(context, JobKind(job.kind), given_to(job))
    reopened = jobs.reopen_failed(context.connection, job.pk)
    if not reopened:
        raise Conflict("No user of this job has failed and can be tried again.")
    jobs.count_outcomes(context.connection, job.pk, done=0, failed=-reopened, skipped=0, events=job.events)
    before = [JobState.RUNNING, JobState.PAUSED, JobState.FINISHED, JobState.CANCELLED]
    return _moved_to(context, job, JOB_RETRIED, before, ended=0, **_driven(context))


def _steered(context: Context, id: str) -> JobRecord:
    """Return a job that the actor may steer, or raise."""
    job = job_of(context, id)
    need_permission(context, KINDS[JobKind(job.kind)].permission)
    if not actor_may_steer(context, job):
        raise NotAllowed(_OUTRANKED)
    return job


def _moved_to(context: Context, job: JobRecord, event: Event, before: Sequence[JobState], **values: object) -> Job:
    changed = jobs.change_state(context.connection, job.pk, before, **values)
    if changed is None:
        raise Stale(why_moved(context, job))
    audit_job(context, event, changed)
    return job_view(context, changed)


def _driven(context: Context) -> dict[str, object]:
    """Return the columns of a job that the actor drives from now on."""
    actor, running = context.actor, str(JobState.RUNNING)
    return {"state": running, "driver_id": actor.id, "driver": actor.login, "progress": context.now}


def _parameters(context: Context, operation: StartJob) -> Parameters:
    reason = operation.reason.strip()
    return Parameters(
        reason=checked_reason(reason) if KINDS[operation.kind].needs_reason else reason,
        ticket=operation.ticket.strip(),
        verified_by=operation.verified_by.strip(),
        until=check_end(operation.until, context.now) if operation.until else 0,
        days=operation.days,
        keep_sessions=operation.keep_sessions,
        without_mail=operation.without_mail,
        listed=operation.listed,
    )
