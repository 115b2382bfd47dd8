"""Actions on jobs, and why the state of one forbids them."""

from __future__ import annotations

from secconsole.domain.jobs import JobKind, JobState
from secconsole.operations.jobs import CancelJob, Job, PauseJob, ResumeJob, RetryJob, ShowJob
from secconsole.operations.unbinding import UndoUnbind
from secconsole.tui.actions import Action

ACTIONS = (
    Action(
        "jobs.show",
        "Who",
        "enter",
        "List the users of the job: those that failed first, with the reasons.",
        ShowJob,
        priority=0,
        command="secconsole job show ID",
    ),
    Action(
        "jobs.pause",
        "Pause",
        "p",
        "Pause the job after the users in progress.",
        PauseJob,
        priority=1,
        command="secconsole job pause ID",
    ),
    Action(
        "jobs.resume",
        "Resume",
        "r",
        "Go on with a paused or interrupted job, also one that another console left.",
        ResumeJob,
        priority=1,
        command="secconsole job resume ID",
    ),
    Action(
        "jobs.cancel",
        "Cancel",
        "c",
        "Cancel the job after the users in progress, for good.",
        CancelJob,
        dangerous=True,
        priority=2,
        command="secconsole job cancel ID",
    ),
    Action(
        "jobs.retry",
        "Retry",
        "f",
        "Try the failed users again.",
        RetryJob,
        priority=2,
        command="secconsole job retry ID",
    ),
    Action(
        "jobs.undo",
        "Undo",
        "x",
        "Undo the unbindings of the job within ten minutes: the same phones work again.",
        UndoUnbind,
        priority=3,
        command="secconsole undo EVENT",
    ),
    Action(
        "jobs.export",
        "Export",
        "e",
        "Write the users with their outcomes to a file, as CSV or JSON.",
        priority=3,
        command="secconsole job show ID --format csv",
    ),
    Action("jobs.close", "Back", "escape,q,J", "Close this. Jobs go on.", priority=4),
)


def why_state_forbids(id: str, job: Job) -> str:
    ended = job.state in (JobState.FINISHED, JobState.CANCELLED)
    if id == "jobs.pause" and job.state not in (JobState.RUNNING, JobState.INTERRUPTED):
        return f"The job is {job.state}: nothing to pause."
    if id == "jobs.resume" and (ended or (job.state is JobState.RUNNING and job.driving)):
        return f"The job is {job.state}. f tries its failed users again." if ended else "The job is running."
    if id == "jobs.cancel" and ended:
        return f"The job is {job.state} already."
    if id == "jobs.undo" and not job.events:
        return "This job has unbound no user." if job.kind is JobKind.UNBIND else "Only unbindings can be undone."
    if id == "jobs.retry" and not job.failed:
        return "No user of this job has failed."
    return ""
