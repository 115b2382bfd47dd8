"""My account: what is bound, what is open in my name, and what I may change about it myself."""

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
from secconsole.operations.recovery import CreateRecoveryCodes, ViewRecoveryCodes
from secconsole.operations.sessions import EndOtherSessions, EndSession, ListSessions
from secconsole.operations.signin import WhoAmI
from secconsole.operations.tokens import ListOwnTokens, RevokeToken
from secconsole.operations.users import FactorRow, ShowUser
from secconsole.tui.actions import Action
from secconsole.tui.safe_text import lines
from secconsole.tui.screens.account.actions import ACTIONS, first_of, is_hinted, why_not_to
from secconsole.tui.screens.account.rows import CODES, Own, factor_row, panels, token_row
from secconsole.tui.screens.account.words import about, who
from secconsole.tui.screens.place import Place
from secconsole.tui.widgets.board import Board
from secconsole.tui.words import plural

if TYPE_CHECKING:
    from secconsole.tui.screens.factors.binding import BindingEnd

    Binds = Callable[[], Awaitable[BindingEnd]]

MOST_SESSIONS = 50


class Account(Place):
    """Rows of factors, codes, sessions and tokens: most keys act on the one under the cursor."""

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

    # ---- what is shown ---------------------------------------------------------------------------------------------

    def compose_body(self) -> ComposeResult:
        yield Static("…", id="who")
        with VerticalScroll(id="rows", can_focus=False):
            yield Board()
        yield Static(id="about")

    @property
    def board(self) -> Board:
        return self.query_one(Board)

    @property
    def row(self) -> str:
        """What the cursor is on."""
        return self.board.target if self.is_mounted else ""

    async def shown(self) -> None:
        await self.on_live_change()

    async def on_live_change(self) -> None:
        """Read oneself anew, in one's own tenant wherever one works."""
        if self.app.identity.id:
            self._own = await self._read()
        if not self.is_here:
            return
        self._say_who()
        if self._own is not None:
            self.board.show([], panels(self._own, self.app.clock(), utf8=self.app.terminal.utf8))
        self._say()

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

    def _say_who(self) -> None:
        none = "You own the store, and have no account of your own in it: nothing is bound to you."
        first = who(self.app.identity, self._own, self.app.clock())
        self.query_one("#who", Static).update(first if self.app.identity.id else lines(first, none))

    def _say(self) -> None:
        """Say more of the row under the cursor."""
        if self._own is not None and self.is_here:
            self.query_one("#about", Static).update(about(self.row, self._own, self.app.clock()))
        self.refresh_hints()

    def on_board_moved(self) -> None:
        self.when_rested(self._say)

    def on_board_chosen(self) -> None:
        self.action_act("account.row")

    # ---- why not ---------------------------------------------------------------------------------------------------

    def why_not(self, action: Action) -> str:
        if reason := super().why_not(action):
            return reason
        if action not in self.ACTIONS or action.id == "account.sign-out":
            return ""
        if not self.app.identity.id:
            return "The owner of the store has no account of their own here."
        if self._own is None:
            return "Your account is not read yet."
        if action.id == "account.row":
            first = first_of(self.row, self._own)
            return self.why_not(next(action for action in ACTIONS if action.id == first)) if first else ""
        return why_not_to(action, self.row, self._own)

    def _is_hinted(self, action: Action) -> bool:
        return super()._is_hinted(action) and is_hinted(action.id, self.row, self._own)

    @property
    def _known(self) -> Own:
        assert self._own is not None  # why_not has said so otherwise
        return self._own

    def _factor(self) -> FactorRow:
        factor = self._known.factor(self.row)
        assert factor is not None  # why_not has said so otherwise
        return factor

    async def _again(self, row: str = "") -> None:
        """Show at once what was just changed here, and go to a row; the store's own notice comes a little later."""
        await self.on_live_change()
        if row:
            self.board.go_to(row)

    # ---- factors ---------------------------------------------------------------------------------------------------

    async def do_enroll(self) -> None:
        from secconsole.tui.screens.account.binding import Adding

        await self._bind(Adding(self.app, self._known).add)

    async def do_confirm(self) -> None:
        from secconsole.tui.screens.account.binding import Adding

        factor = self._factor()
        adding = Adding(self.app, self._known)
        await self._bind(lambda: adding.go_on(factor))

    async def _bind(self, bind: Binds) -> None:
        """Bind something; with the first of all recovery codes are made, so that a lost phone locks nobody out."""
        before = {factor.id for factor in self._known.active}
        end = await bind()
        await self._again()
        added = next((factor for factor in self._known.active if factor.id not in before), None)
        if added is not None:
            self.board.go_to(factor_row(added))
        if end.bound:
            gone = before - {factor.id for factor in self._known.active}
            self.app.say("The new one is bound; the old one no longer works." if gone else "It is bound.")
            if not self._known.me.recovery_left:
                await self._make_codes()
        elif end.message:
            self.app.say_why(end.message)

    async def do_rename(self) -> None:
        from secconsole.tui.screens.account.dialogs import RenameDialog

        if await self.app.ask(RenameDialog(self._factor(), self._known.me.tenant)) is not None:
            await self._again()

    async def do_remove(self) -> None:
        from secconsole.tui.screens.account.dialogs import remove_dialog

        factor = self._factor()
        if await self.app.ask(remove_dialog(factor, self._known)):
            await self.app.perform(RemoveFactor(tenant=self._known.me.tenant, factor=factor.id))
            await self._again()
            ended = " Your other sessions have ended." if factor.state is FactorState.ACTIVE else ""
            self.app.say(f"It is removed.{ended}")

    async def do_cancel_mfa(self) -> None:
        from secconsole.tui.screens.account.dialogs import cancel_dialog

        if not await self.app.ask(cancel_dialog(self._known)):
            return
        # However short ago it was proved: this takes away what guards the account from whoever finds it open. Who came
        # in by a recovery code has lost the phone, and would only use up another one.
        if self._known.me.renew_recovery or await self.app.prove_oneself():
            ended = await self.app.perform(CancelMfa())
            await self._again()
            what = plural(ended.factors, "factor")
            self.app.say(f"MFA is cancelled: {what} removed. Your password alone signs you in now.")

    async def do_keep(self) -> None:
        keep = not self._known.detail.keeps_factor
        await self.app.perform(KeepFactor(keep=keep))
        await self._again()
        self.app.say("You will be asked for your factor." if keep else "The whitelist spares you your factor again.")

    # ---- recovery codes --------------------------------------------------------------------------------------------

    async def do_codes(self) -> None:
        from secconsole.tui.screens.account.dialogs import new_codes_dialog

        if not self._known.me.recovery_left or await self.app.ask(new_codes_dialog(self._known)):
            await self._make_codes()

    async def _make_codes(self) -> None:
        from secconsole.tui.screens.factors.recovery_codes import RecoveryCodesDialog

        me = self._known.me
        made = await self.app.perform(CreateRecoveryCodes(tenant=me.tenant, user=me.id))
        await self.app.ask(RecoveryCodesDialog(made.codes, login=me.login, tenant=me.tenant, created=made.created))
        await self._again(CODES)
        ended = f" {plural(made.voided, 'older one')} stopped working." if made.voided else ""
        self.app.say(f"Ten recovery codes are yours.{ended}")

    async def do_view_codes(self) -> None:
        from secconsole.tui.screens.factors.recovery_codes import RecoveryCodesDialog

        me = self._known.me
        left = await self.app.perform(ViewRecoveryCodes())
        await self.app.ask(
            RecoveryCodesDialog(left.codes, login=me.login, tenant=me.tenant, created=left.created, again=True)
        )

    # ---- account ---------------------------------------------------------------------------------------------------

    async def do_contact(self) -> None:
        from secconsole.tui.screens.account.dialogs import ContactDialog

        told = await self.app.ask(ContactDialog(self._known.me.email))
        if told is not None:
            await self._again()
            self.app.say(f"You are told at {told.email} from now on.")

    async def do_password(self) -> None:
        from secconsole.tui.screens.account.dialogs import PasswordDialog

        ended = await self.app.ask(PasswordDialog())
        if ended is not None:
            await self._again()
            more = f" {plural(ended, 'other session')} of yours ended." if ended else ""
            self.app.say(f"Your password is changed.{more}")

    # ---- sessions and tokens ---------------------------------------------------------------------------------------

    async def do_end(self) -> None:
        from secconsole.tui.screens.account.dialogs import end_dialog

        own, row = self._known, self.row
        session = own.session(row)
        assert session is not None  # why_not has said so otherwise
        if await self.app.ask(end_dialog(own, row)):
            await self.app.perform(EndSession(tenant=own.me.tenant, user=own.me.id, session=session.id))
            await self._again()
            self.app.say("The session is ended.")

    async def do_end_others(self) -> None:
        from secconsole.tui.screens.account.dialogs import end_others_dialog

        own = self._known
        if await self.app.ask(end_others_dialog(own)):
            ended = (await self.app.perform(EndOtherSessions(tenant=own.me.tenant, user=own.me.id))).ended
            await self._again()
            self.app.say(f"{plural(ended, 'session')} ended; this one stays.")

    async def do_new_token(self) -> None:
        from secconsole.tui.screens.account.dialogs import NewTokenDialog
        from secconsole.tui.screens.account.new_token import TokenDialog

        made = await self.app.ask(NewTokenDialog(self._known.me.role))
        if made is not None:
            await self.app.ask(TokenDialog(made, self.app.clock()))
            await self._again(token_row(made.id))

    async def do_revoke(self) -> None:
        from secconsole.tui.screens.account.dialogs import revoke_dialog

        own, row = self._known, self.row
        token = own.token(row)
        assert token is not None  # why_not has said so otherwise
        if await self.app.ask(revoke_dialog(own, row)):
            await self.app.perform(RevokeToken(tenant=own.me.tenant, token=token.id))
            await self._again()
            self.app.say(f"{token.name} does not work any more.")

    # ---- this session ----------------------------------------------------------------------------------------------

    def do_row(self) -> None:
        """The action that the row calls for first; why it cannot act was said already."""
        if first := first_of(self.row, self._known):
            self.action_act(first)

    async def do_sign_out(self) -> None:
        self.app.begin_sign_out()
