"""Users: who is bound and who is not, and what is done about it. The place where most time is spent."""

from __future__ import annotations

from typing import ClassVar

from secconsole.operations.unbinding import UndoResult
from secconsole.operations.users import ShowUser, UnlockUser, UserDetail, UserRow
from secconsole.tui.actions import Action
from secconsole.tui.screens.users import dialogs as ask_for
from secconsole.tui.screens.users import require
from secconsole.tui.screens.users.access import AccessScreen, read_access
from secconsole.tui.screens.users.actions import ACTIONS, why_not_on, why_not_to
from secconsole.tui.screens.users.enroll import enroll
from secconsole.tui.screens.users.explain import ExplainDialog
from secconsole.tui.screens.users.one_time_password import OneTimePasswordDialog
from secconsole.tui.screens.users.unbind import UnbindDialog, preview
from secconsole.tui.screens.users.unbind_many import Outcome
from secconsole.tui.screens.users.unbind_outcome import OutcomeDialog, undone_words
from secconsole.tui.screens.users.undo import Bulk, UndoDialog
from secconsole.tui.screens.users.user_list import UserList
from secconsole.tui.screens.users.whitelist import EndExemptionDialog, ExemptDialog, changed_words
from secconsole.tui.words import until


class Users(UserList):
    """The list, and a method for each of its actions."""

    NAME = "users"
    NUMBER = "2"
    TITLE = "Users"
    HELP_FILE = "users.md"
    ACTIONS: ClassVar[tuple[Action, ...]] = ACTIONS

    def __init__(self) -> None:
        super().__init__()
        self._bulk: Bulk | None = None

    # ---- who it is about -------------------------------------------------------------------------------------------

    def why_not(self, action: Action) -> str:
        return super().why_not(action) or why_not_to(
            action,
            self.person,
            self._known(),
            marked=len(self.table.marks),
            role=self.app.identity.role,
            own=self.app.identity.id,
            now=self.app.clock(),
            bulk_undo=self._undoable_bulk() is not None,
        )

    def _why_not_on(self, action: Action, user: UserRow) -> str:
        """The same about somebody named, wherever the cursor is by now."""
        identity = self.app.identity
        return super().why_not(action) or why_not_on(action, user, role=identity.role, own=identity.id)

    def _known(self) -> UserDetail | None:
        """The details of whoever is under the cursor, if they are there already."""
        known = self.detail is not None and self.detail.user.id == self.table.cursor_key
        return self.detail if known else None

    def _undoable_bulk(self) -> Bulk | None:
        return self._bulk if self._bulk is not None and self.app.clock() < self._bulk.undo_until else None

    def _one(self) -> UserRow:
        person = self.person
        assert person is not None  # why_not has said so otherwise
        return person

    async def _look(self, user: UserRow) -> UserDetail:
        """A user as they are now, whatever the screen shows."""
        return await self.app.perform(ShowUser(tenant=self.app.tenant, user=user.id))

    async def _again(self) -> None:
        """Show at once what was just changed here; the store's own notice comes a little later."""
        await self.on_live_change()

    # ---- unbinding -------------------------------------------------------------------------------------------------

    async def do_unbind(self) -> None:
        ids = self.chosen()
        found = await preview(self.app, ids)
        if not found.bound + found.pending:
            first = found.failed[0].reason if found.failed else "They are unbound already."
            self.app.say_why(f"None of them can be unbound. {first}")
            return
        dialog = UnbindDialog(ids, found, self.app.clock(), utf8=self.app.terminal.utf8)
        outcome = await self.app.ask(dialog)
        if outcome is not None:
            await self._again()
            await self._tell(outcome, many=len(ids) > 1)
        else:  # after the last field, Enter goes to Cancel: whoever pressed it once too often is to know
            self.app.say("Nothing was unbound.")

    async def _tell(self, outcome: Outcome, *, many: bool) -> None:
        now = self.app.clock()
        if many and outcome.event and outcome.undo_until is not None and outcome.unbound:
            self._bulk = Bulk(outcome.event, len(outcome.unbound), outcome.undo_until)
        if many:
            self.table.set_marks(self.table.marks - {user.id for user in outcome.unbound})
            if await self.app.ask(OutcomeDialog(outcome, now)):
                await self._undo(None)
        elif outcome.unbound:
            end = f" x undoes it until {until(outcome.undo_until, now)}." if outcome.undo_until else ""
            self.app.say(f"{outcome.unbound[0].login} is unbound.{end}")
        else:
            failed = outcome.failed[0]
            self.app.say_why(f"{failed.login} was not unbound: {failed.reason}")

    async def do_undo(self) -> None:
        person = self.person
        detail = await self._look(person) if person is not None else None
        if (detail is None or detail.undo is None) and self._undoable_bulk() is None:
            self.app.say_why("There is nothing to undo.")
            return
        await self._undo(detail)

    async def _undo(self, detail: UserDetail | None) -> None:
        undo = detail.undo if detail is not None else None
        user = detail.user if detail is not None else None
        result: UndoResult | None = await self.app.ask(UndoDialog(user, undo, self._undoable_bulk(), self.app.clock()))
        if result is not None:
            bulk = self._bulk
            if bulk is not None and result.event == bulk.event and (len(result.restored) > 1 or bulk.users == 1):
                self._bulk = None
            self.app.say(undone_words(result))
            await self._again()

    # ---- whitelist -------------------------------------------------------------------------------------------------

    async def do_whitelist(self) -> None:
        ids = self.chosen()
        if len(ids) == 1:
            detail = await self.app.perform(ShowUser(tenant=self.app.tenant, user=ids[0]))
            if detail.whitelist is not None:
                changed = await self.app.ask(EndExemptionDialog(detail.user, detail.whitelist))
                what = "off the whitelist"
            else:
                changed, what = await self.app.ask(ExemptDialog(ids, detail.user)), "on the whitelist"
        else:
            changed, what = await self.app.ask(ExemptDialog(ids, None)), "on the whitelist"
        if changed is not None:
            self.app.say(changed_words(changed, what))
            await self._again()

    # ---- one user --------------------------------------------------------------------------------------------------

    async def do_unlock(self) -> None:
        user = self._one()
        changed = await self.app.perform(UnlockUser(tenant=self.app.tenant, user=user.id))
        self.app.say(f"{changed.user.login} is unlocked.")
        await self._again()

    async def do_disable(self) -> None:
        user = self._one()
        detail = await self._look(user)
        if await self.app.ask(ask_for.DisableDialog(detail.user, detail)) is not None:
            self.app.say(f"{user.login} cannot sign in any more. D enables again.")
            await self._again()

    async def do_enable(self) -> None:
        user = self._one()
        if await self.app.ask(ask_for.EnableDialog(user)) is not None:
            self.app.say(f"{user.login} may sign in again.")
            await self._again()

    async def do_require_mfa(self) -> None:
        ids = self.chosen()
        if len(ids) > require.AT_ONCE:
            self.app.say_why(f"Mark at most {require.AT_ONCE} users for this, or require it of all: place 4.")
            return
        detail = None
        if len(ids) == 1:
            detail = await self.app.perform(ShowUser(tenant=self.app.tenant, user=ids[0]))
        policy = self.app.policy.policy if self.app.policy is not None else None
        done = await self.app.ask(require.RequireDialog(ids, detail, policy))
        if done is not None:
            self.app.say(done.words())
            await self._again()

    async def do_role(self) -> None:
        changed = await self.app.ask(ask_for.RoleDialog(self._one(), self.app.identity.role))
        if changed is not None:
            self.app.say(f"{changed.user.login} is {changed.user.role} now.")
            await self._again()

    async def do_reset_password(self) -> None:
        reset = await self.app.ask(ask_for.ResetDialog(self._one()))
        if reset is not None:
            await self._again()
            await self.app.ask(OneTimePasswordDialog(reset.user, reset.password))

    async def do_new(self) -> None:
        made = await self.app.ask(ask_for.NewUserDialog(self.app.identity.role))
        if made is not None:
            changed, reset = made
            self.set_search(changed.user.login)  # enrolling them is what comes next
            await self._again()
            if reset is None:
                self.app.say(f"{changed.user.login} is made.")
            else:
                await self.app.ask(OneTimePasswordDialog(reset.user, reset.password))

    async def do_enroll(self) -> None:
        user = self._one()
        end = await enroll(self.app, user)
        if end is None:
            return
        await self._again()
        if end.bound:
            self.app.say(end.message)
        else:
            self.app.say_why(end.message)

    async def do_access(self) -> None:
        await self.app.ask(AccessScreen(await read_access(self.app, self._one().id), self._why_not_on))

    def on_windowed_table_row_activated(self) -> None:
        self.action_act("users.access")

    async def on_live_change(self) -> None:
        await super().on_live_change()
        for screen in self.app.screen_stack:
            if isinstance(screen, AccessScreen):
                await screen.reload()

    async def do_explain(self) -> None:
        detail = await self._look(self._one())
        words = ExplainDialog(detail, self.app.policy, self.app.clock(), utf8=self.app.terminal.utf8)
        await self.app.ask(words)
