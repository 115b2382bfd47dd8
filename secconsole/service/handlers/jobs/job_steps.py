"""Steps of a job: the next pending users, each in a savepoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from secconsole.domain.errors import Conflict, Invalid, SecconsoleError, Stale, Unavailable
from secconsole.domain.jobs import ItemState, JobKind, JobState
from secconsole.domain.limits import MOST_INVITED
from secconsole.domain.secret import Secret
from secconsole.domain.users.password import is_one_time
from secconsole.operations.events import (
    JOB_FINISHED,
)
from secconsole.operations.job_kinds import KINDS
from secconsole.operations.jobs import (
    AdvanceJob,
    Job,
)
from secconsole.service.authorise import need_permission
from secconsole.service.context import Context
from secconsole.service.handlers.jobs.job_acts import (
    ACTS,
    LATER,
    ItemOutcome,
    StepWork,
    can_reset,
    current_event,
    new_passwords,
)
from secconsole.service.handlers.jobs.job_view import (
    audit_job,
    given_to,
    is_driver,
    job_of,
    job_view,
    why_moved,
)
from secconsole.service.registry import handles
from secconsole.store.helpdesk import jobs
from secconsole.store.helpdesk.jobs import JobRecord
from secconsole.store.rows import TenantRow, UserRecord
from secconsole.store.sealing.keys import DamagedSecret

_NEEDS_LIST = "The new passwords of this job go to a list. Go on with: secconsole job resume ID --to-file NEW-FILE"


@dataclass(slots=True)
class _Made:
    """New passwords by the internal keys of their users, in the order in which they are hashed."""

    users: list[int]


async def _nobody_yet(operation: AdvanceJob, tenant: TenantRow) -> _Made:
    # `_passwords` fills it, once it knows the users.
    return _Made([])


def _passwords(context: Context, operation: AdvanceJob) -> Sequence[Secret[str]]:
    job = job_of(context, operation.job)
    kind = JobKind(job.kind)
    need_permission(context, KINDS[kind].permission)
    if job.state != JobState.RUNNING or not is_driver(context, job):
        return ()
    chosen = [user for _, user in jobs.pending_users(context.connection, job.pk, _most(kind, operation.most))]
    given = given_to(job)
    made = _listed(context, operation, chosen) if given.listed else new_passwords(context, kind, chosen, given)
    assert isinstance(context.prepared, _Made)
    context.prepared.users = list(made)
    return list(made.values())


def _listed(context: Context, operation: AdvanceJob, chosen: Sequence[UserRecord]) -> dict[int, Secret[str]]:
    """Return the passwords by user that the driver has listed, or raise if they are not one-time passwords."""
    if operation.passwords is None:
        raise Conflict(_NEEDS_LIST)
    listed = {new.user: new.password for new in operation.passwords}
    if not all(map(is_one_time, listed.values())):
        raise Invalid("These are no one-time passwords.", "passwords")
    return {user.pk: listed[user.id] for user in chosen if user.id in listed and can_reset(context, user)}


@handles(AdvanceJob, prepare=_nobody_yet, hashes=_passwords)
def advance_job(context: Context, operation: AdvanceJob) -> Job:
    job = job_of(context, operation.job)
    kind = JobKind(job.kind)
    need_permission(context, KINDS[kind].permission)
    if job.state == JobState.FINISHED:
        if operation.passwords:  # none of them counts, so their list must not keep them
            raise Stale("This job has ended. Nothing was done.")
        context.unchanged = True
        return job_view(context, job)
    if not is_driver(context, job) or not jobs.step(context.connection, job, context.now):
        raise Stale(why_moved(context, job_of(context, operation.job)))
    _refuse_another_list(context, operation, job, _most(kind, operation.most))
    assert isinstance(context.prepared, _Made)
    made = zip(context.prepared.users, zip(context.passwords, context.hashes, strict=True), strict=True)
    work = StepWork(given_to(job), current_event(context, job.events), dict(made))
    with context.entries_together():
        job = _act_on_next(context, job, work, _most(kind, operation.most))
        if not job.pending:
            ended = {"state": str(JobState.FINISHED), "ended": context.now}
            job = jobs.change_state(context.connection, job.pk, [JobState.RUNNING], **ended) or job
            audit_job(context, JOB_FINISHED, job)
    context.unchanged = context.entries == 0
    return job_view(context, job)


def _refuse_another_list(context: Context, operation: AdvanceJob, job: JobRecord, most: int) -> None:
    """Raise `Stale` if another program of the same person has gone on with the job, with a list of its own.

    Otherwise this step would fail for users whose passwords are on neither list.
    """
    if given_to(job).listed and operation.passwords:
        pending = {user.id for _, user in jobs.pending_users(context.connection, job.pk, most)}
        if any(new.user not in pending for new in operation.passwords):
            raise Stale("Another program goes on with this job, with another list. Nothing was done.")


def _act_on_next(context: Context, job: JobRecord, work: StepWork, most: int) -> JobRecord:
    """Act on the next pending users of a job, and return it with the new counts."""
    outcomes, events = list[ItemState](), job.events.split()
    for item_pk, user in jobs.pending_users(context.connection, job.pk, most):
        # Claimed before the act: if two programs drive the job for a moment, one of them passes over this user.
        if not jobs.claim(context.connection, item_pk, ItemState.DONE, "", context.now):
            continue
        outcome = _act_on(context, job, user, work)
        if outcome is LATER:
            jobs.release(context.connection, item_pk)
            continue
        if outcome != ItemOutcome(ItemState.DONE):
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


def _act_on(context: Context, job: JobRecord, user: UserRecord, work: StepWork) -> ItemOutcome:
    """Act on one user, so that a refusal leaves nothing behind but its reason."""
    # A separate context, so that nothing remains of what a refused act has counted or recorded.
    own = replace(context, found_target=None, unchanged=False, entries=0, held={}, job=job.id)
    savepoint = context.connection.begin_nested()
    try:
        outcome = ACTS[JobKind(job.kind)](own, user, work)
    except DamagedSecret as error:
        savepoint.rollback()
        context.damaged.append(error.place)
        return ItemOutcome(ItemState.FAILED, error.message)
    except Unavailable:  # concerns the store, not the user
        raise
    except SecconsoleError as error:
        savepoint.rollback()
        return ItemOutcome(ItemState.FAILED, error.message)
    savepoint.commit()
    # Entries of acts that stay are appended together at the end of the step.
    for tenant_pk, entries in (own.held or {}).items():
        assert context.held is not None
        context.held.setdefault(tenant_pk, []).extend(entries)
    context.entries += own.entries
    context.posted |= own.posted
    return outcome


def _most(kind: JobKind, most: int) -> int:
    """Return how many users one step may have: each new password takes a hash."""
    return min(most, MOST_INVITED) if kind in (JobKind.INVITE, JobKind.RESET_PASSWORD) else most
