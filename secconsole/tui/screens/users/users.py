"""Users: who is bound, who is not, and all that is done about it.

Most time is spent in this place.
"""

from __future__ import annotations

from typing import ClassVar

from secconsole.domain.errors import Conflict
from secconsole.domain.jobs import JobKind
from secconsole.domain.limits import PORTION
from secconsole.domain.model import PolicyMode
from secconsole.domain.policy import off_words
from secconsole.domain.roles import may
from secconsole.domain.users.search import EVERYBODY, filter_text
from secconsole.operations.caller_check import ShowCallerCheck
from secconsole.operations.factors import EnrollFactor
from secconsole.operations.jobs import Job
from secconsole.operations.portions import preview_unbinding
from secconsole.operations.unbinding import UndoResult
from secconsole.operations.user_changes import UnlockUser
from secconsole.operations.users import ShowUser, UserDetail, UserRow
from secconsole.tui.actions import Action
from secconsole.tui.screens.jobs.jobs import show_jobs
from secconsole.tui.screens.jobs.start import Selection, pick_kind, start_job
from secconsole.tui.screens.users import bypass, require
from secconsole.tui.screens.users import dialogs as ask_for
from secconsole.tui.screens.users.access import AccessScreen, read_access
from secconsole.tui.screens.users.actions import ACTIONS, UNREAD, why_not_on, why_not_to
from secconsole.tui.screens.users.enroll import enroll
from secconsole.tui.screens.users.explain import ExplainDialog, what_if
from secconsole.tui.screens.users.one_time_password import OneTimePasswordDialog
from secconsole.tui.screens.users.unbind import UnbindDialog
from secconsole.tui.screens.users.unbind_many import UnbindOutcome
from secconsole.tui.screens.users.unbind_outcome import OutcomeDialog, undone_words
from secconsole.tui.screens.users.undo import Bulk, UndoDialog
from secconsole.tui.screens.users.user_list import UserList
from secconsole.tui.screens.users.whitelist import EndExemptionDialog, ExemptDialog, changed_words
from secconsole.tui.text.format import until
from secconsole.tui.text.users import asked_words, caller_words


class Users(UserList):
    """The list, with a method for each of its actions."""

    NAME = "users"
    NUMBER = "2"
    TITLE = "Users"
    HELP_FILE = "users.md"
    ACTIONS: ClassVar[tuple[Action, ...]] = ACTIONS

    def __init__(self) -> None:
        super().__init__()
        self._bulk: Bulk | None = None

    def state(self) -> tuple[object, ...]:
        marked = len(self.table.marks)
        return *self.console_state(), self.person, self._loaded_detail(), marked, self._undoable_bulk(), self._unread

    # ---- selection -------------------------------------------------------------------------------------------------

    def is_beyond_role(self, action: Action) -> bool:
        if action.id == "users.enroll":  # their own factors are in My account
            return not may(self.app.identity.role, EnrollFactor.spec.permission)
        return super().is_beyond_role(action)

    def why_not(self, action: Action) -> str:
        return (
            super().why_not(action)
            or self._while_off(action)
            or why_not_to(
                action,
                self.person,
                self._loaded_detail(),
                marked=len(self.table.marks),
                role=self.app.identity.role,
                own=self.app.identity.id,
                now=self.app.clock(),
                bulk_undo=self._undoable_bulk() is not None,
                unread=self._unread,
            )
        )

    def _while_off(self, action: Action) -> str:
        """Return why nothing can be required of individual users while the policy is off.

        Empty for ending it.
        """
        policy = self.app.policy
        if action.id != "users.require-mfa" or policy is None or policy.policy is not PolicyMode.OFF:
            return ""
        takes_back = not self.table.marks and self.person is not None and self.person.mfa_required
        return "" if takes_back else off_words(self.app.tenant)

    def _why_not_on(self, action: Action, user: UserRow) -> str:
        """Return the same for a named user, wherever the cursor is by now."""
        identity = self.app.identity
        return super().why_not(action) or why_not_on(action, user, role=identity.role, own=identity.id)

    def _loaded_detail(self) -> UserDetail | None:
        """Return the details of the user under the cursor, if they are loaded."""
        known = self.detail is not None and self.detail.user.id == self.table.cursor_key
        return self.detail if known else None

    def _undoable_bulk(self) -> Bulk | None:
        return self._bulk if self._bulk is not None and self.app.clock() < self._bulk.undo_until else None

    @property
    def _unread(self) -> bool:
        return self.person is None and self.table.count > 0

    def only_for(self, action: Action) -> str:
        undoes_all = action.id == "users.undo" and self._undoable_bulk() is not None
        if not self.table.marks or action.acts_on != "one" or undoes_all:
            return ""
        return self.person.login if self.person is not None else "one user"

    def subject(self) -> object:
        return self.chosen()

    def person_at_cursor(self) -> UserRow:
        """Return the user under the cursor, or raise `Conflict` while that row is not loaded."""
        person = self.person
        if person is None:
            raise Conflict(UNREAD)
        return person

    async def detail_at_cursor(self) -> UserDetail:
        """Return the current state of the user under the cursor, which the screen may not show yet."""
        return await self.app.perform(ShowUser(tenant=self.app.tenant, user=self.person_at_cursor().id))

    async def reload(self, *, as_many: bool = False) -> None:
        """Reload at once after a change made here.

        `as_many`: the number of users has not changed.
        """
        self.app.live.note_reloaded()
        self._source.renew(keep_count=as_many and self._query.filter == EVERYBODY)
        self.table.refresh_rows()

    # ---- many users ------------------------------------------------------------------------------------------------

    async def do_bulk(self) -> None:
        """Act on the marked users, or on all that the search finds."""
        if self.table.marks:
            chosen, number = Selection(users=self.chosen()), f"{len(self.table.marks):,}"
        elif self._problems:
            self.app.notify_refused(f"The search is not understood: {self._problems[0]}")
            return
        else:
            chosen = Selection(filter=filter_text(self._query.filter))
            number = f"{self.table.count:,}" if self._source.total is not None else "All"
        kind = await pick_kind(self.app, chosen, number)
        if kind is not None:
            await self.start(kind, chosen)

    async def start(self, kind: JobKind, chosen: Selection) -> None:
        job = await start_job(self.app, kind, chosen)
        if job is not None:
            await self._follow(job)

    async def _follow(self, job: Job) -> None:
        """Show a job that has just started here, and clear the marks of its users."""
        self.app.jobs.start(job)
        self.table.clear_marks()
        await show_jobs(self.app, job.id)

    # ---- unbinding -------------------------------------------------------------------------------------------------

    async def do_unbind(self) -> None:
        ids = self.chosen()
        found = await preview_unbinding(self.app.perform, self.app.tenant, ids)
        if not found.bound + found.pending:
            self.app.forget_typed()
            first = found.failed[0].reason if found.failed else "They are already unbound."
            self.app.notify_refused(f"None of them can be unbound. {first}")
            return
        minutes = bypass.usual_minutes(self.app) if self._may_bypass(ids) else None
        dialog = UnbindDialog(ids, found, self.app.clock(), utf8=self.app.terminal.utf8, bypass=minutes)
        outcome = await self.app.ask(dialog)
        if outcome is not None and outcome.asked is not None:
            self.app.notify_done(asked_words(outcome.asked, self.app.clock()))
        elif outcome is not None and outcome.job is not None:
            await self._follow(outcome.job)
        elif outcome is not None:
            await self.reload(as_many=True)
            await self._report(outcome, many=len(ids) > 1)
        else:
            self.app.notify_done("Nothing was unbound.")

    def _may_bypass(self, ids: tuple[str, ...]) -> bool:
        person = self.person
        return person is not None and ids == (person.id,) and not self._why_not_on(bypass.ACTION, person)

    async def _report(self, outcome: UnbindOutcome, *, many: bool) -> None:
        now = self.app.clock()
        if many and outcome.event and outcome.undo_until is not None and outcome.unbound:
            self._bulk = Bulk(outcome.event, len(outcome.unbound), outcome.undo_until)
        if many:
            self.table.set_marks(self.table.marks - {user.id for user in outcome.unbound})
            if await self.app.ask(OutcomeDialog(outcome, now)):
                await self._undo(None)
        elif outcome.unbound:
            end = f" x undoes it until {until(outcome.undo_until, now)}." if outcome.undo_until else ""
            if outcome.bypass is not None:
                await self.app.ask(bypass.BypassCodeDialog(outcome.bypass, now))
            self.app.notify_done(f"{outcome.unbound[0].login} is unbound.{end} {outcome.warning}".rstrip())
        else:
            failed = outcome.failed[0]
            self.app.notify_refused(f"{failed.login} was not unbound: {failed.reason}")

    async def do_undo(self) -> None:
        person = self.person
        detail = await self.detail_at_cursor() if person is not None else None
        if (detail is None or detail.undo is None) and self._undoable_bulk() is None:
            self.app.forget_typed()
            self.app.notify_refused("There is nothing to undo.")
            return
        await self._undo(detail)

    async def _undo(self, detail: UserDetail | None) -> None:
        undo = detail.undo if detail is not None else None
        dialog = UndoDialog(detail, undo, self._undoable_bulk(), self.app.clock())
        result: UndoResult | None = await self.app.ask(dialog)
        if result is not None:
            bulk = self._bulk
            if bulk is not None and result.event == bulk.event and (len(result.restored) > 1 or bulk.users == 1):
                self._bulk = None
            self.app.notify_done(undone_words(result))
            await self.reload()

    # ---- whitelist -------------------------------------------------------------------------------------------------

    async def do_whitelist(self) -> None:
        ids = self.chosen()
        if len(ids) == 1:
            detail = await self.app.perform(ShowUser(tenant=self.app.tenant, user=ids[0]))
            if detail.whitelist is not None:
                changed = await self.app.ask(EndExemptionDialog(detail))
                what = "off the whitelist"
            else:
                changed, what = await self.app.ask(ExemptDialog(ids, detail)), "on the whitelist"
        elif len(ids) > PORTION:
            await self.start(JobKind.WHITELIST_ADD, Selection(users=ids))
            return
        else:
            changed, what = await self.app.ask(ExemptDialog(ids, None)), "on the whitelist"
        if changed is not None:
            self.app.notify_done(changed_words(changed, what))
            await self.reload()

    # ---- one user --------------------------------------------------------------------------------------------------

    async def do_unlock(self) -> None:
        if self.table.marks:
            await self.start(JobKind.UNLOCK, Selection(users=self.chosen()))
            return
        user = self.person_at_cursor()
        changed = await self.app.perform(UnlockUser(tenant=self.app.tenant, user=user.id))
        self.app.notify_done(f"{changed.user.login} is unlocked.")
        await self.reload()

    async def do_disable(self) -> None:
        if self.table.marks:
            await self.start(JobKind.DISABLE, Selection(users=self.chosen()))
            return
        detail = await self.detail_at_cursor()
        if await self.app.ask(ask_for.DisableDialog(detail)) is not None:
            self.app.notify_done(f"{detail.user.login} can no longer sign in. Press D to enable the account again.")
            await self.reload()

    async def do_enable(self) -> None:
        detail = await self.detail_at_cursor()
        if await self.app.ask(ask_for.EnableDialog(detail)) is not None:
            self.app.notify_done(f"{detail.user.login} can sign in again.")
            await self.reload()

    async def do_require_mfa(self) -> None:
        ids = self.chosen()
        if len(ids) > PORTION:
            await self.start(JobKind.REQUIRE_MFA, Selection(users=ids))
            return
        detail = None
        if len(ids) == 1:
            detail = await self.app.perform(ShowUser(tenant=self.app.tenant, user=ids[0]))
        policy = self.app.policy.policy if self.app.policy is not None else None
        done = await self.app.ask(require.RequireDialog(ids, detail, policy))
        if done is not None:
            self.app.notify_done(done.words())
            await self.reload()

    async def do_role(self) -> None:
        changed = await self.app.ask(ask_for.RoleDialog(await self.detail_at_cursor(), self.app.identity.role))
        if changed is not None:
            self.app.notify_done(f"{changed.user.login} is {changed.user.role} now.")
            await self.reload()

    async def do_reset_password(self) -> None:
        if self.table.marks:
            await self.start(JobKind.RESET_PASSWORD, Selection(users=self.chosen()))
            return
        detail = await self.detail_at_cursor()
        found = await self.app.perform(ShowCallerCheck(tenant=self.app.tenant, user=detail.user.id))
        reset = await self.app.ask(ask_for.ResetDialog(detail, caller_words(found.check, self.app.clock())))
        if reset is not None:
            await self.reload()
            await self.app.ask(OneTimePasswordDialog(reset.user, reset.password))

    async def do_new(self) -> None:
        made = await self.app.ask(ask_for.NewUserDialog(self.app.identity.role))
        if made is not None:
            changed, reset = made
            self.set_search(changed.user.login)  # the next step is to enroll them
            await self.reload()
            if reset is None:
                self.app.notify_done(f"{changed.user.login} was created.")
            else:
                await self.app.ask(OneTimePasswordDialog(reset.user, reset.password))

    async def do_enroll(self) -> None:
        user = self.person_at_cursor()
        end = await enroll(self.app, user)
        if end is None:
            return
        await self.reload()
        if end.bound:
            self.app.notify_done(end.message)
        else:
            self.app.notify_refused(end.message)

    async def do_access(self) -> None:
        await self.app.ask(AccessScreen(await read_access(self.app, self.person_at_cursor().id), self._why_not_on))

    def on_windowed_table_row_activated(self) -> None:
        self.action_act("users.access")

    async def on_live_change(self) -> None:
        await super().on_live_change()
        for screen in self.app.screen_stack:
            if isinstance(screen, AccessScreen):
                await screen.reload()

    async def do_explain(self) -> None:
        detail = await self.detail_at_cursor()
        explanation = await self.app.perform(what_if(self.app.tenant, detail.user.id))
        await self.app.ask(ExplainDialog(detail, explanation, self.app.clock(), utf8=self.app.terminal.utf8))
