"""Jobs of a tenant: progress of each, its failed users with reasons, and the keys that steer it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from secconsole.domain.errors import Conflict, SecconsoleError
from secconsole.domain.jobs import ItemState, JobState
from secconsole.domain.limits import MOST_PER_PAGE
from secconsole.operations.job_kinds import KINDS
from secconsole.operations.jobs import CancelJob, Job, ListJobs, PauseJob, ResumeJob, RetryJob, ShowJob
from secconsole.operations.unbinding import UndoUnbind
from secconsole.tui.actions import READ_ONLY, Action, find
from secconsole.tui.runtime.key_queue import KeyHold
from secconsole.tui.screens.dialog import ConfirmDialog
from secconsole.tui.screens.jobs.actions import ACTIONS, why_state_forbids
from secconsole.tui.screens.jobs.export import ExportJobDialog
from secconsole.tui.screens.jobs.password_list import ListDialog
from secconsole.tui.screens.jobs.text import about_job, job_row
from secconsole.tui.screens.users.names_dialog import NamesDialog
from secconsole.tui.session.jobs import outcome_words
from secconsole.tui.text.format import count, plural
from secconsole.tui.text.safe import lines, safe
from secconsole.tui.widgets.hints import Hint, Hints
from secconsole.tui.widgets.prose import Prose
from secconsole.tui.widgets.table import Column, Row, WindowedTable

if TYPE_CHECKING:
    from secconsole.tui.console import Console

POLL = 1.0  # seconds between two looks, while a job runs
_AROUND = 12  # lines of the window around the list
_COLUMNS = (
    Column("what", "What", 22, min_width=15, grow=14),
    Column("state", "State", 13, min_width=13),
    Column("progress", "Done", 13, min_width=9),
    Column("failed", "Failed", 7),
    Column("driver", "By", 12, priority=2),
    Column("started", "Started", 12, priority=1),
)


@dataclass(slots=True)
class _Rows:
    """Rows of what was read last."""

    rows: Sequence[Row] = field(default=())

    @property
    def total(self) -> int | None:
        return len(self.rows)

    async def load(self, first: int, count: int) -> Sequence[Row]:
        return self.rows[first : first + count]


class JobsScreen(ModalScreen[None]):
    """A list with a cursor, which follows the jobs while it is open.

    Jobs continue when it is closed.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(action.key_names), f"act('{action.id}')", action.title, show=False) for action in ACTIONS
    ]
    DEFAULT_CSS = """
    JobsScreen Static { height: auto; }
    JobsScreen WindowedTable { margin-bottom: 1; }
    """

    def __init__(self, jobs: Sequence[Job], first: str = "") -> None:
        """`first`: the job that the cursor begins on."""
        super().__init__()
        self._jobs = {job.id: job for job in jobs}
        self._first = first
        self._source = _Rows()

    @property
    def app(self) -> Console:  # type: ignore[override]
        return cast("Console", super().app)

    @property
    def table(self) -> WindowedTable:
        return self.query_one(WindowedTable)

    @property
    def job(self) -> Job | None:
        """The job under the cursor."""
        return self._jobs.get(self.table.cursor_key or "")

    def compose(self) -> ComposeResult:
        self._source.rows = self._rows()
        with Vertical(classes="card") as card:
            card.border_title = safe("Jobs")
            yield WindowedTable(_COLUMNS, self._source, empty="No jobs yet. Mark users, or search, and press B.")
            yield Prose(id="about")
            yield Hints(lambda action: self.action_act(action.id))

    # ---- display ---------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self._fit()
        self.set_interval(POLL, self._look)

    def on_resize(self) -> None:
        self._fit()

    def _fit(self) -> None:
        self.table.styles.height = max(3, min(len(self._source.rows) + 2, self.app.size.height - _AROUND))

    def _look(self) -> None:
        if any(job.state in (JobState.RUNNING, JobState.INTERRUPTED, JobState.PAUSED) for job in self._jobs.values()):
            self.run_worker(self.reload(), group="load", exclusive=True, exit_on_error=False)

    async def reload(self) -> None:
        """Read the jobs again.

        The cursor stays on its job.
        """
        try:
            found = (await self.app.backend.perform(ListJobs(tenant=self.app.tenant))).items
        except SecconsoleError:
            return  # the header reports what is wrong with the store
        self._show({job.id: job for job in found})

    def refresh_connection(self) -> None:
        """Show the progress of jobs that run here, after each step."""
        running = self.app.jobs.running if self.app.signed_in else {}
        if running.keys() & self._jobs.keys():
            self._show(self._jobs | {id: job for id, job in running.items() if id in self._jobs})

    def _show(self, jobs: dict[str, Job]) -> None:
        self._jobs = jobs
        if self.is_mounted:
            self._source.rows = self._rows()
            self._fit()
            self.table.refresh_rows()
            self._refresh()

    def _rows(self) -> list[Row]:
        now, utf8 = self.app.clock(), self.app.terminal.utf8
        return [job_row(job, now, utf8=utf8) for job in self._jobs.values()]

    def on_windowed_table_cursor_moved(self) -> None:
        self._refresh()

    def on_windowed_table_rows_loaded(self) -> None:
        if self._first in self._jobs:
            self.table.move_to(list(self._jobs).index(self._first))
        self._first = ""
        self._refresh()

    def on_windowed_table_row_activated(self) -> None:
        self.action_act("jobs.show")

    def _refresh(self) -> None:
        job = self.job
        self.query_one("#about", Static).update(about_job(job, utf8=self.app.terminal.utf8) if job else "")
        self.query_one(Hints).show([Hint(action, bool(self.why_not(action))) for action in ACTIONS])

    # ---- keys ------------------------------------------------------------------------------------------------------

    def why_not(self, action: Action) -> str:
        """Return why an action is unavailable for the job under the cursor, empty if it is available."""
        job = self.job
        if action.id == "jobs.close":
            return ""
        if job is None:
            return "No job is under the cursor."
        writes = action.operation is not None and action.operation.spec.writes
        if writes and self.app.read_only:
            return READ_ONLY
        if writes and not job.steerable:
            return "Your role may not do what this job does, or its driver outranks you."
        return why_state_forbids(action.id, job)

    def action_act(self, id: str) -> None:
        self.app.clear_notifications()
        action = find(ACTIONS, id)
        if reason := self.why_not(action):
            self.app.forget_typed()
            self.app.notify_refused(reason)
        elif id == "jobs.close":
            self.dismiss()
        elif (job := self.job) is not None:
            self.run_worker(self._act(action, job, self.app.hold_keys()), exit_on_error=False)

    async def _act(self, action: Action, job: Job, hold: KeyHold) -> None:
        async with hold:
            if action.id == "jobs.show":
                await self._list_users(job)
                return
            message = await self._do(action, job)
            await self.reload()
            if message:
                self.app.notify_done(message)

    async def _do(self, action: Action, job: Job) -> str:
        """Do it, and return a message, empty if cancelled."""
        tenant = self.app.tenant
        if action.id == "jobs.pause":
            changed = await self.app.perform(PauseJob(tenant=tenant, job=job.id))
            return f"Paused. {outcome_words(changed)}"
        if action.id == "jobs.resume":
            return await self._go_on(job, ResumeJob(tenant=tenant, job=job.id), "Goes on with {} users.")
        if action.id == "jobs.retry":
            return await self._go_on(job, RetryJob(tenant=tenant, job=job.id), "Tries {} users again.")
        if action.id == "jobs.undo":
            return await self._undo(job)
        if action.id == "jobs.export":
            path = await self.app.ask(ExportJobDialog(job, self.app.clock()))
            return f"Written to {path}." if path is not None else ""
        body = lines(
            (f"{KINDS[job.kind].title}: {count(job.pending)} of {count(job.total)} users are left.", "bold"),
            "They stay as they are. What was done stays done.",
        )
        cancelling = CancelJob(tenant=tenant, job=job.id)
        if not await self.app.ask(
            ConfirmDialog("Cancel the job", body, "Cancel the job", danger=True, does=cancelling)
        ):
            return ""
        return outcome_words(await self.app.perform(cancelling))

    async def _go_on(self, job: Job, operation: ResumeJob | RetryJob, words: str) -> str:
        """Become the driver of a job and perform it here, with another list for its passwords if they go to one."""
        keep = None
        if job.listed and (keep := await self.app.ask(ListDialog(self.app.tenant, self.app.clock()))) is None:
            return ""
        try:
            changed = await self.app.perform(operation)
        except BaseException:
            if keep is not None:
                keep.close()
            raise
        self.app.jobs.start(changed, keep)
        return words.format(count(changed.pending))

    async def _undo(self, job: Job) -> str:
        body = lines(
            (f"{plural(job.done, 'user')} were unbound.", "bold"), "Those of the last ten minutes can be undone."
        )
        undoing = [UndoUnbind(tenant=self.app.tenant, event=event) for event in job.events]
        if not await self.app.ask(ConfirmDialog("Undo the unbinding", body, "Undo", does=undoing[0])):
            return ""
        restored, refused = 0, ""
        for one in undoing:
            try:
                restored += len((await self.app.perform(one)).restored)
            except Conflict as error:
                refused = error.message
        return f"{count(restored)} users are bound again. {refused}".rstrip()

    async def _list_users(self, job: Job) -> None:
        """Show the users of a job, those that need attention first."""
        rows: list[tuple[str, str, str]] = []
        for state in (ItemState.FAILED, ItemState.SKIPPED, ItemState.PENDING, ItemState.DONE):
            found = await self.app.perform(
                ShowJob(tenant=self.app.tenant, job=job.id, state=state, limit=MOST_PER_PAGE)
            )
            rows += [
                (item.login, item.name, f"{state}: {item.reason}" if item.reason else str(state))
                for item in found.items
            ]
            if len(rows) >= MOST_PER_PAGE:
                break
        more = job.total - len(rows)
        title = f"{KINDS[job.kind].title}: {count(job.failed)} failed"
        await self.app.ask(NamesDialog(title, rows, f"{count(more)} more: e exports all" if more > 0 else ""))


async def show_jobs(app: Console, first: str = "") -> None:
    """Open the list of jobs, with the cursor on one."""
    found = (await app.perform(ListJobs(tenant=app.tenant))).items
    await app.ask(JobsScreen(found, first))
