"""My account: who I am here, what is bound, and what I may change about it myself."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from secconsole.domain.model import FactorKind, FactorState, PolicyMode
from secconsole.domain.secret import Secret
from secconsole.operations.account import ChangePassword, KeepFactor
from secconsole.operations.factors import ConfirmFactor, EnrollFactor, RemoveFactor
from secconsole.operations.users import FactorRow, ShowUser, UserDetail
from secconsole.tui.actions import Action
from secconsole.tui.safe_text import join, lines, safe
from secconsole.tui.screens.place import Place
from secconsole.tui.words import glyph, left, moment, plural, status_words, until

KINDS = {FactorKind.TOTP: "authenticator app", FactorKind.EMAIL: "e-mail", FactorKind.SMS: "text message"}

ENROLL = Action(
    "account.enroll", "Bind a phone", "e", "Bind a phone by QR code; once it is confirmed it replaces the one before.",
    EnrollFactor, priority=1, command="secconsole factor enroll LOGIN --kind totp",
)  # fmt: skip
REMOVE = Action(
    "account.remove", "Remove factor", "r", "Make a factor of yours stop working.", RemoveFactor, dangerous=True,
    priority=4, command="secconsole factor remove FACTOR",
)  # fmt: skip
PASSWORD = Action("account.password", "Change password", "p", "Choose another password.", ChangePassword, priority=2)
KEEP = Action(
    "account.keep", "Stay asked", "k", "Be asked for your factor although the whitelist spares you it, or no longer.",
    KeepFactor, priority=6,
)  # fmt: skip
SIGN_OUT = Action("account.sign-out", "Sign out", "o", "End your session and go back to the sign-in.", priority=3)


def factor_name(factor: FactorRow) -> str:
    """What a factor is called: `authenticator app "Pixel 8"`."""
    kind = KINDS[factor.kind]
    if factor.kind is FactorKind.TOTP:
        return f'{kind} "{factor.label}"' if factor.label else kind
    return f"{kind} {factor.masked}"


class Account(Place):
    CSS_PATH = Path(__file__).parent.parent / "styles" / "account.tcss"
    NAME = "account"
    NUMBER = "7"
    TITLE = "My account"
    HELP_FILE = "account.md"
    ACTIONS: ClassVar[tuple[Action, ...]] = (ENROLL, PASSWORD, REMOVE, KEEP, SIGN_OUT)

    def __init__(self) -> None:
        super().__init__()
        self._me: UserDetail | None = None

    # ---- what is shown ---------------------------------------------------------------------------------------------

    def compose_body(self) -> ComposeResult:
        with VerticalScroll(id="account"):
            yield Static("…", id="who")
            yield Static(safe("Second factor"), classes="heading")
            yield Static(id="factors")
            yield Static(safe("Whether you are asked for it"), classes="heading")
            yield Static(id="asked")
            yield Static(safe("Sessions and password"), classes="heading")
            yield Static(id="sessions")

    async def shown(self) -> None:
        await self.on_live_change()

    async def on_live_change(self) -> None:
        """Read oneself anew, in one's own tenant wherever one works."""
        me = self.app.identity
        self._me = await self.app.perform(ShowUser(tenant=me.tenant, user=me.id)) if me.id else None
        now = self.app.clock()
        self.query_one("#who", Static).update(self._who())
        if self._me is not None:
            self.query_one("#factors", Static).update(lines(*self._factors(self._me, now)))
            self.query_one("#asked", Static).update(lines(*self._asked(self._me, now)))
            self.query_one("#sessions", Static).update(lines(*self._sessions(self._me, now)))
        self.refresh_hints()

    def _who(self) -> Content:
        me = self.app.identity
        name = (me.name or me.login, "bold")
        return lines(
            join(name, f"   {me.login}   {me.role} in {me.tenant}"),
            *([join((self._me.user.email, "$muted"))] if self._me is not None and self._me.user.email else []),
        )

    def _factors(self, me: UserDetail, now: datetime) -> list[Content]:
        utf8 = self.app.terminal.utf8
        rows = []
        for factor in me.factors:
            active = factor.state is FactorState.ACTIVE
            sign = glyph("bound" if active else "pending", utf8=utf8)
            colour = "$status-bound" if active else "$status-pending"
            since = f"bound {moment(factor.bound, now)}, last used {moment(factor.last_used, now)}"
            rows.append(join((sign, colour), " ", (factor_name(factor), "bold")))
            rows.append(join("  ", (since if active else "begun, not confirmed yet: press e to begin anew", "$muted")))
            if factor.exhausted:
                rows.append(join("  ", ("took too many wrong codes and must be bound anew: press e", "$danger")))
        if not any(factor.state is FactorState.ACTIVE for factor in me.factors):
            sign, word = status_words(me.user.status, utf8=utf8)
            rows.insert(0, join((f"{sign} {word}", "$status-unbound"), "   No phone is bound. Press e to bind one."))
        return rows

    def _asked(self, me: UserDetail, now: datetime) -> list[Content]:
        bound = any(factor.state is FactorState.ACTIVE for factor in me.factors)
        policy = self._own_policy()
        if policy is PolicyMode.OFF:
            return [safe("No: second factors are switched off here. Yours is kept for when they are on again.")]
        if me.whitelist is not None:
            end = left(me.whitelist.until, now)
            said = [safe(f"You are on the whitelist ({end}): {me.whitelist.reason}")]
            if me.keeps_factor and bound:
                return [*said, safe("You chose to be asked all the same. Press k to be spared it.")]
            return [
                *said,
                safe("You are not asked. Press k to be asked all the same." if bound else "You are not asked."),
            ]
        if bound:
            return [safe("Yes, at every sign-in, and before what matters.")]
        if me.mfa_required or policy is PolicyMode.REQUIRED:
            return [safe("It is required of you: you will have to bind a phone at a later sign-in. Better do it now.")]
        return [safe("Not while none is bound. Once one is required, you bind it when you sign in.")]

    def _sessions(self, me: UserDetail, now: datetime) -> list[Content]:
        identity = self.app.identity
        proved = identity.step_up_until
        bound = any(factor.state is FactorState.ACTIVE for factor in me.factors)
        what, count_for = ("password and factor", "count for") if bound else ("password", "counts for")
        return [
            safe(f"Signed in {moment(identity.signed_in_at, now)}; {plural(me.sessions, 'session')} open in all."),
            safe(
                f"Your {what} {count_for} what matters until {until(proved, now)}."
                if proved is not None and proved > now
                else f"What matters asks for your {what} again."
            ),
        ]

    def _own_policy(self) -> PolicyMode | None:
        """The policy of one's own tenant, where one may see it."""
        policy = self.app.policy
        return policy.policy if policy is not None and self.app.tenant == self.app.identity.tenant else None

    # ---- what can be done ------------------------------------------------------------------------------------------

    def why_not(self, action: Action) -> str:
        if reason := super().why_not(action):
            return reason
        me = self._me
        if action not in self.ACTIONS or action is SIGN_OUT:
            return ""
        if me is None and self.app.identity.id:
            return "Your account is not read yet."
        if me is None:
            return "The owner of the store has no account of their own here."
        active = [factor for factor in me.factors if factor.state is FactorState.ACTIVE]
        if action is REMOVE:
            if not me.factors:
                return "There is no factor to remove. Press e to bind one."
            if len(active) == 1 == len(me.factors) and self._asked_without(me):
                return "Your only factor cannot be removed while one is required of you. e replaces it by another."
        if action is KEEP and not me.keeps_factor:
            if me.whitelist is None:
                return "You are not on the whitelist, so you are asked for your factor anyway."
            if not active:
                return "Bind a phone first: press e."
        return ""

    def _asked_without(self, me: UserDetail) -> bool:
        policy = self._own_policy()
        if policy is None or policy is PolicyMode.OFF:
            return False  # not known here, or not: the service decides
        return me.mfa_required or (policy is PolicyMode.REQUIRED and me.whitelist is None)

    async def do_enroll(self) -> None:
        from secconsole.tui.screens.binding import BindingScreen, Checked

        me = self.app.identity
        had = me.bound
        started = await self.app.perform(EnrollFactor(tenant=me.tenant, user=me.id))

        async def confirm(code: Secret[str]) -> Checked:
            operation = ConfirmFactor(tenant=me.tenant, enrollment=started.enrollment, code=code)
            verdict = await self.app.perform(operation)
            return Checked(verdict.accepted, verdict.message, verdict.server_time)

        title = "Bind another phone" if had else "Bind your phone"
        reason = "The one bound now works until this one is confirmed." if had else "It then guards your account."
        end = await self.app.ask(BindingScreen(started, confirm, reason=reason, title=title))
        if end.bound:
            self.app.say("The new phone is bound; the old one no longer works." if had else "Your phone is bound.")
        elif end.message:
            self.app.say_why(end.message)

    async def do_remove(self) -> None:
        from secconsole.tui.screens.account_dialogs import RemoveFactorDialog

        assert self._me is not None
        if factor := await self.app.ask(RemoveFactorDialog(self._me.factors)):
            await self.app.perform(RemoveFactor(tenant=self.app.identity.tenant, factor=factor))
            self.app.say("The factor is removed. Your other sessions have ended.")

    async def do_password(self) -> None:
        from secconsole.tui.screens.account_dialogs import PasswordDialog

        ended = await self.app.ask(PasswordDialog())
        if ended is not None:
            more = f" {plural(ended, 'other session')} of yours ended." if ended else ""
            self.app.say(f"Your password is changed.{more}")

    async def do_keep(self) -> None:
        assert self._me is not None
        keep = not self._me.keeps_factor
        await self.app.perform(KeepFactor(keep=keep))
        self.app.say("You will be asked for your factor." if keep else "The whitelist spares you your factor again.")

    async def do_sign_out(self) -> None:
        self.app.begin_sign_out()
