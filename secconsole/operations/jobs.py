"""Jobs: one act on many users, performed a few at a time, so that it can be paused, cancelled and resumed.

`StartJob` freezes the selection and its parameters. Then a console or a command performs it with one `AdvanceJob` after
another (`drive_job` in `operations/job_driver.py` does that). Each user's act and its mark are one transaction, so a
job that was interrupted anywhere goes on with `ResumeJob`, and nobody is done twice.

To start one from another screen or command:

    preview = await perform(PreviewJob(tenant=tenant, kind=JobKind.UNBIND, filter="role:helpdesk"))
    started = await perform(StartJob(tenant=tenant, kind=JobKind.UNBIND, filter=…, reason="leak of 12 March"))
    async for job in drive_job(perform, tenant, started.id): …  # each reply has the counts so far

Another kind takes three places: a member of `JobKind`, an entry in `KINDS` (`operations/job_kinds.py`), and a function
with `@performs(kind)` in `service/handlers/jobs/job_acts.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from secconsole.domain.jobs import ItemState, JobKind, JobState
from secconsole.domain.limits import IMPORT_BODY, MOST_ADVANCED, MOST_INVITED, MOST_JOB_NAMES
from secconsole.domain.roles import Permission
from secconsole.domain.users.invitation import USUAL_DAYS
from secconsole.operations import events
from secconsole.operations.base import Operation, declare
from secconsole.operations.fields import (
    GivenPassword,
    Id,
    InvitationDays,
    Limit,
    Moment,
    NumberCursor,
    OptionalReason,
    Position,
    Search,
    TenantName,
    Ticket,
    UserName,
)
from secconsole.operations.unbinding import VerifiedBy

JobUsers = Annotated[tuple[UserName, ...], Meta(max_length=MOST_JOB_NAMES)]
AtOnce = Annotated[int, Meta(ge=1, le=MOST_ADVANCED, description="The maximum number of users to act on now.")]


@dataclass(frozen=True, slots=True)
class NewPassword:
    """One-time password of a user, by id: four groups of four letters and digits."""

    user: Id
    password: GivenPassword


NewPasswords = Annotated[tuple[NewPassword, ...], Meta(max_length=MOST_INVITED)]


@dataclass(frozen=True, slots=True)
class Job:
    """One act on many users.

    `selection`: how they were chosen, in words. `by`: who started it. `driver`: who performs it now. `progress`: the
    time of its last step. `events`: the unbindings that `unbind.undo` can undo. `steerable`: the role of the
    caller allows to pause, cancel and resume it. `driving`: the caller is its driver. `listed`: the driver makes the
    new passwords and keeps them on a list.
    """

    id: str
    kind: JobKind
    state: JobState
    selection: str
    reason: str
    ticket: str
    by: str
    driver: str
    created: Moment
    progress: Moment
    ended: Moment | None
    total: int
    done: int
    failed: int
    skipped: int
    pending: int
    events: tuple[str, ...]
    steerable: bool
    driving: bool
    listed: bool = False


@dataclass(frozen=True, slots=True)
class JobItem:
    """User of a job, with the outcome in words. `id` is empty for a name that nobody has."""

    id: str
    login: str
    name: str
    state: ItemState
    reason: str
    at: Moment | None


@dataclass(frozen=True, slots=True)
class JobList:
    """Newest jobs first."""

    items: tuple[Job, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class JobDetail:
    job: Job
    items: tuple[JobItem, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class JobReason:
    """Reason that a number of users have in common."""

    state: ItemState
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class JobPreview:
    """Expected outcome of a job, without doing anything.

    `done`, `skipped` and `failed` add up to `total`. `reasons`: of those that are skipped or fail, the most frequent
    first. `items`: the first 200 users, those that are done first.
    """

    total: int
    done: int
    skipped: int
    failed: int
    reasons: tuple[JobReason, ...]
    items: tuple[JobItem, ...]


@declare(
    "job.preview",
    "POST",
    "/v1/tenants/{tenant}/job-preview",
    Permission.UNLOCK,
    writes=False,
    own_reason="leaves the actor's own account out where its operation does",
    body=IMPORT_BODY,
    example=lambda s: (PreviewJob(tenant=s.TENANT, kind=JobKind.UNLOCK, users=("ana.kral",)), s.JOB_PREVIEW),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewJob(Operation[JobPreview]):
    """Preview a job: who would be acted on, and why the others are not.

    Either `users`, ids or logins, or a `filter` chooses them: a search line as in Users, `mar status:unbound`. An empty
    one matches all users.
    """

    tenant: TenantName
    kind: JobKind
    users: JobUsers = ()
    filter: Search | None = None
    without_mail: bool = False


@declare(
    "job.start",
    "POST",
    "/v1/tenants/{tenant}/jobs",
    Permission.UNLOCK,
    dangerous=True,
    step_up="always",
    own_reason="leaves the actor's own account out where its operation does",
    body=IMPORT_BODY,
    records=events.JOB_STARTED,
    example=lambda s: (
        StartJob(tenant=s.TENANT, kind=JobKind.UNBIND, users=("ana.kral", "cleo"), reason=s.REASON, ticket=s.TICKET),
        s.JOB,
    ),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class StartJob(Operation[Job]):
    """Start a job: freeze who is acted on and how.

    Either `users`, ids or logins, or a `filter` chooses up to 50,000 of them: a search line as in Users,
    `mar status:unbound`. An empty one matches all users. Nobody is acted on until the first `job.advance`. The kind
    decides which of the other fields are used. `reason` is mandatory for `unbind` and `whitelist-add`. `days`: how long
    first-time passwords are valid. `expect`: how many users the caller has seen. With another number now, `Stale` is
    raised. `without_mail`: reset also passwords of users that no mail reaches, who then need a new one from an
    administrator. `listed`: mail no passwords, but use those that come with each `job.advance`, which its driver has
    stored on a list before.
    """

    tenant: TenantName
    kind: JobKind
    users: JobUsers = ()
    filter: Search | None = None
    reason: OptionalReason = ""
    ticket: Ticket = ""
    verified_by: VerifiedBy = ""
    until: Moment | None = None
    days: InvitationDays = USUAL_DAYS
    keep_sessions: bool = False
    without_mail: bool = False
    listed: bool = False
    expect: Position | None = None


@declare(
    "job.list",
    "GET",
    "/v1/tenants/{tenant}/jobs",
    Permission.SEE,
    example=lambda s: (ListJobs(tenant=s.TENANT), JobList((s.JOB,))),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ListJobs(Operation[JobList]):
    """List the newest 200 jobs, with `only_open` those that have not ended."""

    tenant: TenantName
    only_open: bool = False


@declare(
    "job.show",
    "GET",
    "/v1/tenants/{tenant}/jobs/{job}",
    Permission.SEE,
    example=lambda s: (ShowJob(tenant=s.TENANT, job=s.JOB.id, state=ItemState.FAILED), JobDetail(s.JOB, (s.JOB_ITEM,))),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ShowJob(Operation[JobDetail]):
    """Show a job with its users, a page of up to 500 at a time."""

    tenant: TenantName
    job: Id
    state: ItemState | None = None
    limit: Limit = 100
    cursor: NumberCursor | None = None


@declare(
    "job.advance",
    "POST",
    "/v1/tenants/{tenant}/jobs/{job}/advance",
    Permission.UNLOCK,
    step_up="never",
    why="goes on with what its driver confirmed when they started or resumed it",
    records=events.JOB_FINISHED,
    example=lambda s: (AdvanceJob(tenant=s.TENANT, job=s.JOB.id), s.JOB),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class AdvanceJob(Operation[Job]):
    """Act on the next pending users of a job that the caller drives.

    Each user's act and its mark are stored together. All rules of the single operation hold for each of them, with the
    caller's current role. A refused user is marked as failed, with the reason. `passwords`: the one-time passwords of
    the next users, by id, for a job with `listed`. Users without one fail, and can be tried again.
    """

    tenant: TenantName
    job: Id
    most: AtOnce = 25
    passwords: NewPasswords | None = None


@declare(
    "job.pause",
    "POST",
    "/v1/tenants/{tenant}/jobs/{job}/pause",
    Permission.UNLOCK,
    step_up="never",
    why="only keeps something from being done",
    records=events.JOB_PAUSED,
    example=lambda s: (PauseJob(tenant=s.TENANT, job=s.JOB.id), s.JOB),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class PauseJob(Operation[Job]):
    """Pause a job after the users in progress."""

    tenant: TenantName
    job: Id


@declare(
    "job.resume",
    "POST",
    "/v1/tenants/{tenant}/jobs/{job}/resume",
    Permission.UNLOCK,
    dangerous=True,
    step_up="always",
    records=events.JOB_RESUMED,
    example=lambda s: (ResumeJob(tenant=s.TENANT, job=s.JOB.id), s.JOB),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeJob(Operation[Job]):
    """Become the driver of a job that was paused, interrupted, or is driven by another console.

    The caller needs the permission of what it does, and must not be outranked by its driver.
    """

    tenant: TenantName
    job: Id


@declare(
    "job.cancel",
    "POST",
    "/v1/tenants/{tenant}/jobs/{job}/cancel",
    Permission.UNLOCK,
    step_up="never",
    why="only keeps something from being done",
    records=events.JOB_CANCELLED,
    example=lambda s: (CancelJob(tenant=s.TENANT, job=s.JOB.id), s.JOB),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class CancelJob(Operation[Job]):
    """Cancel a job after the users in progress, for good.

    What was done stays done.
    """

    tenant: TenantName
    job: Id


@declare(
    "job.retry",
    "POST",
    "/v1/tenants/{tenant}/jobs/{job}/retry",
    Permission.UNLOCK,
    dangerous=True,
    step_up="always",
    records=events.JOB_RETRIED,
    example=lambda s: (RetryJob(tenant=s.TENANT, job=s.JOB.id), s.JOB),
)
@dataclass(frozen=True, slots=True, kw_only=True)
class RetryJob(Operation[Job]):
    """Make the failed users of a job pending, and become its driver."""

    tenant: TenantName
    job: Id
