"""Jobs that this console performs in the background, whatever is on the screen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from secconsole.backends.base import NoAnswer
from secconsole.config.password_file import ListNotWritten, PasswordFile
from secconsole.domain.errors import NotSignedIn, SecconsoleError, Unavailable
from secconsole.domain.jobs import JobState
from secconsole.operations.job_driver import drive_job
from secconsole.operations.job_kinds import KINDS
from secconsole.operations.jobs import Job
from secconsole.operations.password_list import drive_listed, end_words
from secconsole.tui.text.format import count, plural

if TYPE_CHECKING:
    from textual.worker import Worker

    from secconsole.tui.console import Console

AGAIN_AFTER = 2.0  # seconds until a job is continued after its store did not answer
_PLAIN = (JobState.FINISHED, JobState.RUNNING, JobState.INTERRUPTED)  # which counts alone describe
SHOW_EVERY = 1.0  # seconds between two reloads of the screen below


class JobRunner:
    """Performs the jobs of the signed-in user until they end, are paused or taken over.

    It ends with the session. What is left can be resumed by anyone with the rank.
    """

    def __init__(self, app: Console) -> None:
        self._app = app
        self._workers: dict[str, Worker[None]] = {}
        self._shown_at = 0.0
        self.running: dict[str, Job] = {}

    def start(self, job: Job, keep: PasswordFile | None = None) -> None:
        """Perform a job that the signed-in user drives. `keep`: the list that its new passwords go to."""
        if job.id not in self._workers and job.state is JobState.RUNNING:
            self.running[job.id] = job
            drive = self._drive(job, self._app.tenant, keep)
            self._workers[job.id] = self._app.run_worker(drive, group=f"job {job.id}", exit_on_error=False)
            self._app.refresh_connection()

    def stop(self) -> None:
        """Stop after the users in progress, because the session ends."""
        for worker in self._workers.values():
            worker.cancel()
        self._workers.clear()
        self.running.clear()

    def words(self) -> str:
        """Return the progress in short for the header, such as `job 120/300`, empty if no job runs here."""
        jobs = list(self.running.values())
        if not jobs:
            return ""
        done = sum(job.total - job.pending for job in jobs)
        what = "job" if len(jobs) == 1 else f"{len(jobs)} jobs"
        return f"{what} {count(done)}/{count(sum(job.total for job in jobs))}"

    async def _drive(self, job: Job, tenant: str, keep: PasswordFile | None) -> None:
        try:
            while True:
                try:
                    async for step in self._steps(job, tenant, keep):
                        job = self.running[job.id] = step
                        self._show()
                    listed = ""
                    if keep is not None:
                        await keep.end(end_words(job))
                        listed = f"\nThe passwords are in {keep.path}" if keep.has_lines else ""
                    other = f" {job.driver} goes on with it elsewhere." if job.state is JobState.RUNNING else ""
                    self._app.notify_done(f"{outcome_words(job)}{other} J lists them.{listed}")
                    return
                except ListNotWritten:
                    raise
                except Unavailable as error:  # each user is done once, however often it is asked for
                    if isinstance(error, NoAnswer):
                        self._app.live.recheck()
                    await asyncio.sleep(AGAIN_AFTER)
        except NotSignedIn as error:
            self._app.lose_session(error.message)
        except SecconsoleError as error:
            self._app.notify_refused(f"The job stopped: {error.message}")
        finally:
            if keep is not None:
                keep.close()
            self._workers.pop(job.id, None)
            self.running.pop(job.id, None)
            self._show(at_once=True)

    def _steps(self, job: Job, tenant: str, keep: PasswordFile | None) -> AsyncIterator[Job]:
        perform = self._app.backend.perform
        if keep is None:
            return drive_job(perform, tenant, job.id)
        return drive_listed(perform, tenant, job.id, keep)

    def _show(self, *, at_once: bool = False) -> None:
        """Redraw the progress, and reload the place in sight now and then: its users change."""
        if not self._app.signed_in:
            return
        self._app.refresh_connection()
        if at_once or time.monotonic() - self._shown_at >= SHOW_EVERY:
            self._shown_at = time.monotonic()
            for place in self._app.places:
                place.tell_changed()


def outcome_words(job: Job) -> str:
    """Return the outcome of a job so far, such as `300 users: 298 unlocked, 2 failed.`."""
    parts = [f"{count(job.done)} {KINDS[job.kind].done}"]
    parts += [f"{count(n)} {words}" for n, words in ((job.skipped, "with nothing to do"), (job.failed, "failed")) if n]
    if job.pending:
        parts.append(f"{count(job.pending)} left")
    state = "" if job.state in _PLAIN else f" The job is {job.state}."
    return f"{plural(job.total, 'user')}: {', '.join(parts)}.{state}"
