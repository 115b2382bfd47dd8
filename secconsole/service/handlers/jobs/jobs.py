"""Jobs: start, steps, and who may steer them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import msgspec

from secconsole.domain.end_date import check_end
from secconsole.domain.errors import Conflict, NotAllowed, NotFound, SecconsoleError, Stale, Unavailable
from secconsole.domain.helpdesk import is_same_person
from secconsole.domain.jobs import KEPT, MOST_OPEN, ItemState, JobKind, JobState, may_steer, state_at
from secconsole.domain.limits import MOST_INVITED, MOST_JOB_USERS
from secconsole.domain.roles import Role, may
from secconsole.domain.secret import Secret
from secconsole.operations.events import (
    JOB_CANCELLED,
    JOB_FINISHED,
    JOB_PAUSED,
    JOB_RESUMED,
    JOB_RETRIED,
    JOB_STARTED,
    Event,
)
from secconsole.operations.job_kinds import KINDS
from secconsole.operations.jobs import (
    AdvanceJob,
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
from secconsole.service.context import Context, when, when_or_none
from secconsole.service.handlers.jobs.job_acts import (
    ACTS,
    Outcome,
    Parameters,
    Work,
    current_event,
    needs_password,
    new_passwords,
    refuse_unable,
)
from secconsole.service.handlers.jobs.job_selection import select
from secconsole.service.handlers.users.whitelist import checked_reason
from secconsole.service.registry import handles
from secconsole.store import users
from secconsole.store.helpdesk import jobs
from secconsole.store.helpdesk.jobs import JobRecord
from secconsole.store.rows import TenantRow, UserRecord
from secconsole.store.sealing.keys import DamagedSecret

_CANCELLED = "The job was cancelled before this user."
_OUTRANKED = "This job belongs to someone who outranks you. Ask them, or an administrator."
_MOVED = "This job is {}. Nothing was done."


@handles(StartJob)
def start_job(context: Context, operation: StartJob) -> Job:
    facts, given = KINDS[operation.kind], _parameters(context, operation)
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
    _audit(context, JOB_STARTED, job)
    return _view(context, job)


@handles(ListJobs)
def list_jobs(context: Context, operation: ListJobs) -> JobList:
    found = jobs.list_jobs(context.connection, context.tenant.pk, only_open=operation.only_open)
    return JobList(tuple(_view(context, job) for job in found))


@handles(ShowJob)
def show_job(context: Context, operation: ShowJob) -> JobDetail:
    job = _job(context, operation.job)
    state = str(operation.state) if operation.state else None
    after, limit = int(operation.cursor or 0), operation.limit
    found = jobs.items_of(context.connection, job.pk, state=state, after=after, limit=limit + 1)
    items = tuple(
        JobItem(item.user_id, item.login, item.name, ItemState(item.state), item.reason, when_or_none(item.at))
        for item in found[:limit]
    )
    return JobDetail(_view(context, job), items, str(found[limit - 1].pk) if len(found) > limit else None)


@dataclass(slots=True)
class _Made:
    """New passwords by the internal keys of their users, in the order in which they are hashed."""

    users: list[int]


async def _nobody_yet(operation: AdvanceJob, tenant: TenantRow) -> _Made:
    return _Made([])


def _passwords(context: Context, operation: AdvanceJob) -> Sequence[Secret[str]]:
    job = _job(context, operation.job)
    kind = JobKind(job.kind)
    need_permission(context, KINDS[kind].permission)
    if job.state != JobState.RUNNING or not _is_driver(context, job):
        return ()
    chosen = [user for _, user in jobs.pending_users(context.connection, job.pk, _most(kind, operation.most))]
    made = new_passwords(kind, chosen, _given(job))
    assert isinstance(context.prepared, _Made)
    context.prepared.users = list(made)
    return list(made.values())


@handles(AdvanceJob, prepare=_nobody_yet, hashes=_passwords)
def advance_job(context: Context, operation: AdvanceJob) -> Job:
    job = _job(context, operation.job)
    kind = JobKind(job.kind)
    need_permission(context, KINDS[kind].permission)
    if job.state == JobState.FINISHED:
        context.unchanged = True
        return _view(context, job)
    if not _is_driver(context, job) or not jobs.step(context.connection, job, context.now):
        raise Stale(_moved(context, _job(context, operation.job)))
    assert isinstance(context.prepared, _Made)
    made = zip(context.prepared.users, zip(context.passwords, context.hashes, strict=True), strict=True)
    work = Work(_given(job), current_event(context, job.events), dict(made))
    with context.entries_together():
        job = _act_on_next(context, job, work, _most(kind, operation.most))
        if not job.pending:
            ended = {"state": str(JobState.FINISHED), "ended": context.now}
            job = jobs.change_state(context.connection, job.pk, [JobState.RUNNING], **ended) or job
            _audit(context, JOB_FINISHED, job)
    context.unchanged = context.entries == 0
    return _view(context, job)


@handles(PauseJob)
def pause_job(context: Context, operation: PauseJob) -> Job:
    job = _steered(context, operation.job)
    return _moved_to(context, job, JOB_PAUSED, [JobState.RUNNING], state=str(JobState.PAUSED))


@handles(ResumeJob)
def resume_job(context: Context, operation: ResumeJob) -> Job:
    job = _steered(context, operation.job)
    refuse_unable(context, JobKind(job.kind), _given(job))
    return _moved_to(context, job, JOB_RESUMED, [JobState.RUNNING, JobState.PAUSED], **_driven(context))


@handles(CancelJob)
def cancel_job(context: Context, operation: CancelJob) -> Job:
    job = _steered(context, operation.job)
    if jobs.change_state(context.connection, job.pk, [JobState.RUNNING, JobState.PAUSED], progress=context.now) is None:
        raise Stale(_moved(context, job))
    skipped = jobs.skip_pending(context.connection, job.pk, _CANCELLED, context.now)
    jobs.count_outcomes(context.connection, job.pk, done=0, failed=0, skipped=skipped, events=job.events)
    values = {"state": str(JobState.CANCELLED), "ended": context.now}
    return _moved_to(context, job, JOB_CANCELLED, [JobState.RUNNING, JobState.PAUSED], **values)


@handles(RetryJob)
def retry_job(context: Context, operation: RetryJob) -> Job:
    job = _steered(context, operation.job)
    refuse_unable(context, JobKind(job.kind), _given(job))
    reopened = jobs.reopen_failed(context.connection, job.pk)
    if not reopened:
        raise Conflict("No user of this job has failed and can be tried again.")
    jobs.count_outcomes(context.connection, job.pk, done=0, failed=-reopened, skipped=0, events=job.events)
    before = [JobState.RUNNING, JobState.PAUSED, JobState.FINISHED, JobState.CANCELLED]
    return _moved_to(context, job, JOB_RETRIED, before, ended=0, **_driven(context))


def _act_on_next(context: Context, job: JobRecord, work: Work, most: int) -> JobRecord:
    """Act on the next pending users of a job, and return it with the new counts."""
    kind, outcomes, events = JobKind(job.kind), list[ItemState](), job.events.split()
    for item_pk, user in jobs.pending_users(context.connection, job.pk, most):
        if needs_password(kind, user) and user.pk not in work.passwords:
            continue  # it has changed since the passwords were made: the next step has one
        if not jobs.claim(context.connection, item_pk, ItemState.DONE, "", context.now):
            continue
        outcome = _act_on(context, job, user, work)
        if outcome != Outcome(ItemState.DONE):
            jobs.set_outcome(context.connection, item_pk, outcome.state, outcome.reason)
        if outcome.event and outcome.event not in events:
            events.append(outcome.event)
            work.event = outcome.event
        outcomes.append(outcome.state)
    return jobs.count_outcomes(
        context.connection,
        job.pk,
        done=outcomes.count(ItemState.DONE),
        failed=outcomes.count(ItemState.FAILED),
        skipped=outcomes.count(ItemState.SKIPPED),
        events=" ".join(events),
    )


def _act_on(context: Context, job: JobRecord, user: UserRecord, work: Work) -> Outcome:
    """Act on one user, so that a refusal leaves nothing behind but its reason."""
    own = replace(context, found_target=None, unchanged=False, entries=0, held={}, job=job.id)
    savepoint = context.connection.begin_nested()
    try:
        outcome = ACTS[JobKind(job.kind)](own, user, work)
    except DamagedSecret as error:
        savepoint.rollback()
        context.damaged.append(error.place)
        return Outcome(ItemState.FAILED, error.message)
    except Unavailable:  # concerns the store, not the user
        raise
    except SecconsoleError as error:
        savepoint.rollback()
        return Outcome(ItemState.FAILED, error.message)
    savepoint.commit()
    for tenant_pk, entries in (own.held or {}).items():
        assert context.held is not None
        context.held.setdefault(tenant_pk, []).extend(entries)
    context.entries += own.entries
    context.posted |= own.posted
    return outcome


def _job(context: Context, id: str) -> JobRecord:
    job = jobs.job_by_id(context.connection, context.tenant.pk, id)
    if job is None:
        raise NotFound("There is no such job.")
    return job


def _steered(context: Context, id: str) -> JobRecord:
    """Return a job that the actor may steer, or raise."""
    job = _job(context, id)
    need_permission(context, KINDS[JobKind(job.kind)].permission)
    if not _may_steer(context, job):
        raise NotAllowed(_OUTRANKED)
    return job


def _moved_to(context: Context, job: JobRecord, event: Event, before: Sequence[JobState], **values: object) -> Job:
    changed = jobs.change_state(context.connection, job.pk, before, **values)
    if changed is None:
        raise Stale(_moved(context, job))
    _audit(context, event, changed)
    return _view(context, changed)


def _driven(context: Context) -> dict[str, object]:
    """Return the columns of a job that the actor drives from now on."""
    actor, running = context.actor, str(JobState.RUNNING)
    return {"state": running, "driver_id": actor.id, "driver": actor.login, "progress": context.now}


def _moved(context: Context, job: JobRecord) -> str:
    if job.state == JobState.RUNNING and not _is_driver(context, job):
        return f"{job.driver} drives this job. Nothing was done. Resume it to take it over."
    return _MOVED.format(job.state)


def _is_driver(context: Context, job: JobRecord) -> bool:
    return is_same_person((job.driver_id, job.driver), (context.actor.id, context.actor.login))


def _may_steer(context: Context, job: JobRecord) -> bool:
    if not may(context.actor.role, KINDS[JobKind(job.kind)].permission):
        return False
    if not job.driver_id:  # the owner of the store
        return may_steer(context.actor.role, Role.PLATFORM_ADMIN, own=_is_driver(context, job))
    driver = users.user_by_id(context.connection, job.driver_id)
    return may_steer(context.actor.role, driver.role if driver else None, own=_is_driver(context, job))


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
    )


def _given(job: JobRecord) -> Parameters:
    return msgspec.json.decode(job.parameters, type=Parameters)


def _most(kind: JobKind, most: int) -> int:
    """Return how many users one step may have: each new password takes a hash."""
    return min(most, MOST_INVITED) if kind in (JobKind.INVITE, JobKind.RESET_PASSWORD) else most


def _audit(context: Context, event: Event, job: JobRecord) -> None:
    given = _given(job)
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


def _view(context: Context, job: JobRecord) -> Job:
    given = _given(job)
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
        steerable=_may_steer(context, job),
        driving=_is_driver(context, job),
    )
