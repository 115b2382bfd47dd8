"""My account: factors, sessions and tokens of the user, and what they may change."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from secconsole.domain.model import FactorState
from secconsole.operations.account import CancelMfa, KeepFactor, ShowOwnRules
from secconsole.operations.factors import RemoveFactor
from secconsole.operations.recovery import ViewRecoveryCodes
from secconsole.operations.sessions import EndOtherSessions, EndSession, ListSessions
from secconsole.operations.signin import WhoAmI
from secconsole.operations.tokens import ListOwnTokens, RevokeToken
from secconsole.operations.users import FactorRow, ShowUser
from secconsole.tui.actions import Action
from secconsole.tui.screens.account.actions import ACTIONS, first_of, is_hinted, why_not_to
from secconsole.tui.screens.account.rows import CODES, Own, factor_row, panels, token_row
from secconsole.tui.screens.account.text import about, who
from secconsole.tui.screens.place import Place
from secconsole.tui.text.format import plural
from secconsole.tui.text.safe import lines
from secconsole.tui.widgets.board import Board
from secconsole.tui.widgets.prose import Prose

if TYPE_CHECKING:
    from secconsole.tui.screens.factors.binding import BindingEnd

    Binds = Callable[[], Awaitable[BindingEnd]]

MOST_SESSIONS = 50


class Account(Place):
    """Rows of factors, codes, sessions and tokens.

    Most keys act on the one under the cursor.
    """

    CSS_PATH = Path(__file__).parents[2] / "styles" / "account.tcss"
    NAME = "account"
    NUMBER = "7"
    TITLE = "My account"
    HELP_FILE = "account.md"
    AUTO_FOCUS = "Board"
    ACTIONS: ClassVar[tuple[Action, ...]] = ACTIONS

    def __init__(self) -> None:
        super().__init__()
        self._own: Own | None = None

    # ---- display ---------------------------------------------------------------------------------------------------

    def compose_body(self) -> ComposeResult:
        yield Prose("…", id="who")
        with VerticalScroll(id="rows", can_focus=False):
            yield Board()
        yield Prose(id="about")

    @property
    def board(self) -> Board:
        return self.query_one(Board)

    @property
    def row(self) -> str:
        """The row under the cursor."""
        return self.board.target if self.is_mounted else ""

    def subject(self) -> object:
        return self.row

    async def shown(self) -> None:
        await self.on_live_change()

    async def on_live_change(self) -> None:
        """Reload the account, from its own tenant whichever tenant is worked in."""
        if self.app.identity.id:
            self._own = await self._read()
        if not self.is_here:
            return
        self._update_identity()
        if self._own is not None:
            self.board.show([], panels(self._own, self.app.clock(), utf8=self.app.terminal.utf8))
        self._update_details()

    async def _read(self) -> Own:
        perform = self.app.perform
        me = await perform(WhoAmI())
        detail, rules, sessions, tokens = await asyncio.gather(
            perform(ShowUser(tenant=me.tenant, user=me.id)),
            perform(ShowOwnRules()),
            perform(ListSessions(tenant=me.tenant, user=me.id, limit=MOST_SESSIONS)),
            perform(ListOwnTokens()),
        )
        return Own(me, detail, rules, sessions.items, sessions.next is not None, tokens.items)

    def _update_identity(self) -> None:
        none = "You own the store and have no account in it, so you have no factors here."
        first = who(self.app.identity, self._own, self.app.clock())
        self.query_one("#who", Static).update(first if self.app.identity.id else lines(first, none))

    def _update_details(self) -> None:
        """Show more about the row under the cursor."""
        if self._own is not None and self.is_here:
            self.query_one("#about", Static).update(about(self.row, self._own, self.app.clock()))
        self.refresh_hints()

    def on_board_moved(self) -> None:
        self.when_rested(self._update_details)

    def on_board_chosen(self) -> None:
        self.action_act("account.row")

    # ---- why not ---------------------------------------------------------------------------------------------------

    def state(self) -> tuple[object, ...]:
        return *self.console_state(), self.row, self._own

    def why_not(self, action: Action) -> str:
        if reason := super().why_not(action):
            return reason
        if not action.id.startswith("account.") or action.id == "account.sign-out":
            return ""
        if not self.app.identity.id:
            return "The owner of the store has no account here."
        if self._own is None:
            return "Your account is not loaded yet."
        if action.id == "account.row":
            first = first_of(self.row, self._own)
            return self.why_not(next(action for action in ACTIONS if action.id == first)) if first else ""
        return why_not_to(action, self.row, self._own)

    def _is_hinted(self, action: Action) -> bool:
        return super()._is_hinted(action) and is_hinted(action.id, self.row, self._own)

    @property
    def _own_account(self) -> Own:
        assert self._own is not None  # why_not has excluded it
        return self._own

    def _factor(self) -> FactorRow:
        factor = self._own_account.factor(self.row)
        assert factor is not None  # why_not has excluded it
        return factor

    async def _reload_now(self, row: str = "") -> None:
        """Reload at once after a change made here, and go to a row."""
        self.app.live.note_reloaded()
        await self.on_live_change()
        if row:
            self.board.go_to(row)

    # ---- factors ---------------------------------------------------------------------------------------------------

    async def do_enroll(self) -> None:
        from secconsole.tui.screens.account.binding import Adding

        await self._bind(Adding(self.app, self._own_account).add)

    async def do_confirm(self) -> None:
        from secconsole.tui.screens.account.binding import Adding

        factor = self._factor()
        adding = Adding(self.app, self._own_account)
        await self._bind(lambda: adding.go_on(factor))

    async def _bind(self, bind: Binds) -> None:
        """Bind a factor.

        With the first one, create recovery codes, so that a lost phone locks nobody out.
        """
        before = {factor.id for factor in self._own_account.active}
        end = await bind()
        await self._reload_now()
        added = next((factor for factor in self._own_account.active if factor.id not in before), None)
        if added is not None:
            self.board.go_to(factor_row(added))
        if end.bound:
            gone = before - {factor.id for factor in self._own_account.active}
            self.app.notify_done("The new one is bound; the old one no longer works." if gone else "It is bound.")
            if not self._own_account.me.recovery_left:
                await self._make_codes()
        elif end.message:
            self.app.notify_refused(end.message)

    async def do_rename(self) -> None:
        from secconsole.tui.screens.account.dialogs import RenameDialog

        if await self.app.ask(RenameDialog(self._factor(), self._own_account.me.tenant)) is not None:
            await self._reload_now()

    async def do_remove(self) -> None:
        from secconsole.tui.screens.account.dialogs import remove_dialog

        factor = self._factor()
        if await self.app.ask(remove_dialog(factor, self._own_account)):
            await self.app.perform(RemoveFactor(tenant=self._own_account.me.tenant, factor=factor.id))
            await self._reload_now()
            ended = " Your other sessions have ended." if factor.state is FactorState.ACTIVE else ""
            self.app.notify_done(f"The factor is removed.{ended}")

    async def do_cancel_mfa(self) -> None:
        from secconsole.tui.screens.account.dialogs import cancel_dialog

        if not await self.app.ask(cancel_dialog(self._own_account)):
            return
        # Always ask, however recent the last proof: this removes what guards an account left open. But
        # not a user who signed in with a recovery code: they have lost the phone and would only use up another code.
        if self._own_account.me.renew_recovery or await self.app.prove_identity():
            ended = await self.app.perform(CancelMfa())
            await self._reload_now()
            what = plural(ended.factors, "factor")
            self.app.notify_done(f"MFA is cancelled: {what} removed. Your password alone signs you in now.")

    async def do_keep(self) -> None:
        keep = not self._own_account.detail.keeps_factor
        await self.app.perform(KeepFactor(keep=keep))
        await self._reload_now()
        self.app.notify_done(
            "You will be asked for your factor."
            if keep
            else "On the whitelist, you are no longer asked for your factor."
        )

    # ---- recovery codes --------------------------------------------------------------------------------------------

    async def do_codes(self) -> None:
        from secconsole.tui.screens.account.dialogs import new_codes_dialog

        if not self._own_account.me.recovery_left or await self.app.ask(new_codes_dialog(self._own_account)):
            await self._make_codes()

    async def _make_codes(self) -> None:
        from secconsole.tui.screens.factors.recovery_codes import show_new_codes

        made = await show_new_codes(self.app)
        await self._reload_now(CODES)
        ended = f" {plural(made.voided, 'older one')} stopped working." if made.voided else ""
        self.app.notify_done(f"You have ten recovery codes.{ended}")

    async def do_view_codes(self) -> None:
        from secconsole.tui.screens.factors.recovery_codes import RecoveryCodesDialog

        me = self._own_account.me
        left = await self.app.perform(ViewRecoveryCodes())
        await self.app.ask(
            RecoveryCodesDialog(left.codes, login=me.login, tenant=me.tenant, created=left.created, again=True)
        )

    # ---- account ---------------------------------------------------------------------------------------------------

    async def do_contact(self) -> None:
        from secconsole.tui.screens.account.dialogs import ContactDialog

        contact = await self.app.ask(ContactDialog(self._own_account.me.email))
        if contact is not None:
            await self._reload_now()
            self.app.notify_done(f"Notices go to {contact.email} from now on.")

    async def do_password(self) -> None:
        from secconsole.tui.screens.account.dialogs import PasswordDialog

        ended = await self.app.ask(PasswordDialog())
        if ended is not None:
            await self._reload_now()
            more = f" {plural(ended, 'other session')} ended." if ended else ""
            self.app.notify_done(f"Your password was changed.{more}")

    # ---- sessions and tokens ---------------------------------------------------------------------------------------

    async def do_end(self) -> None:
        from secconsole.tui.screens.account.dialogs import end_dialog

        own, row = self._own_account, self.row
        session = own.session(row)
        assert session is not None  # why_not has excluded it
        if await self.app.ask(end_dialog(own, row)):
            await self.app.perform(EndSession(tenant=own.me.tenant, user=own.me.id, session=session.id))
            await self._reload_now()
            self.app.notify_done("The session has ended.")

    async def do_end_others(self) -> None:
        from secconsole.tui.screens.account.dialogs import end_others_dialog

        own = self._own_account
        if await self.app.ask(end_others_dialog(own)):
            ended = (await self.app.perform(EndOtherSessions(tenant=own.me.tenant, user=own.me.id))).ended
            await self._reload_now()
            self.app.notify_done(f"{plural(ended, 'session')} ended; this one stays.")

    async def do_new_token(self) -> None:
        from secconsole.tui.screens.account.dialogs import NewTokenDialog
        from secconsole.tui.screens.account.new_token import TokenDialog

        made = await self.app.ask(NewTokenDialog(self._own_account.me.role))
        if made is not None:
            await self.app.ask(TokenDialog(made, self.app.clock()))
            await self._reload_now(token_row(made.id))

    async def do_revoke(self) -> None:
        from secconsole.tui.screens.account.dialogs import revoke_dialog

        own, row = self._own_account, self.row
        token = own.token(row)
        assert token is not None  # why_not has excluded it
        if await self.app.ask(revoke_dialog(own, row)):
            await self.app.perform(RevokeToken(tenant=own.me.tenant, token=token.id))
            await self._reload_now()
            self.app.notify_done(f"{token.name} does not work any more.")

    # ---- this session ----------------------------------------------------------------------------------------------

    def do_row(self) -> None:
        """Run the first action of the row.

        Why it is unavailable has been shown already.
        """
        if first := first_of(self.row, self._own_account):
            self.action_act(first)

    async def do_sign_out(self) -> None:
        self.app.begin_sign_out()
