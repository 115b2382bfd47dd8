"""Asks for password and second factor once more, before something that matters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from secconsole.domain.errors import SecconsoleError
from secconsole.domain.model import FactorState
from secconsole.domain.passcode import sent_at
from secconsole.domain.secret import Secret
from secconsole.operations.factors import ListFactors
from secconsole.operations.signin import NO_CODE, SendStepUpCode, StepUp
from secconsole.operations.users import FactorRow
from secconsole.tui.demo_words import post_words, proof_words
from secconsole.tui.factor_words import RECOVERY, WHERE_TO, apps_first, factor_words, is_sent, picks_of
from secconsole.tui.safe_text import lines, safe
from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.screens.pick_dialog import PickDialog
from secconsole.tui.sent_words import NOT_ARRIVED, not_sent_words, sent_words
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, CodeField, PasswordField, cancel
from secconsole.tui.widgets.pick_list import PickList
from secconsole.tui.widgets.wait_line import WaitLine
from secconsole.tui.words import clock

if TYPE_CHECKING:
    from secconsole.tui.key_order import KeyHold

COUNTS = "It then counts for five minutes."
_OTHER = Button("other", "Other way", free=True)
_GO_ON = Button("prove", "Go on")


class WhichFactorDialog(PickDialog[str]):
    """The id of the factor to prove, RECOVERY, or nothing."""

    cancelled = ""

    def __init__(self, factors: Sequence[FactorRow]) -> None:
        super().__init__("Is it you?", WHERE_TO, picks_of(factors), back="Back")

    def on_pick_list_picked(self, event: PickList.Picked) -> None:
        event.stop()
        self.dismiss(event.value)


class StepUpDialog(Dialog[bool]):
    """True once both were right; they then count for five minutes.

    Whoever has an app types password and code in one go. Who has none is sent a code after the password was typed, to
    the only address or number or to the one picked.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("f1", "help", "Help", show=False)]
    cancelled = False

    def __init__(self, *, bound: bool) -> None:
        self._bound = bound
        self._factors: list[FactorRow] = []
        self._sent_to: FactorRow | None = None
        what = "password and a code from your phone" if bound else "password"
        self._words: tuple[Content, ...] = ()
        self._said = safe(f"This needs your {what} once more.")
        super().__init__("Is it you?", lines(self._said, COUNTS))
        self.form = self._form(code=bound)

    def compose_body(self) -> ComposeResult:
        yield from super().compose_body()
        yield WaitLine()

    def on_mount(self) -> None:
        super().on_mount()
        self._say(self._said)
        if self.app.post is not None:  # a demo's: nobody holds its phone in hand
            self.app.post.arrived.subscribe(self, self._show_arrived)
        if self._bound:
            self.run_worker(self._find_factors(self.app.hold_keys()), exit_on_error=False)

    async def _find_factors(self, hold: KeyHold) -> None:
        """What can be asked for; where that cannot be read an app is taken for granted."""
        me = self.app.identity
        async with hold:
            try:
                rows = (await self.app.line.ask(ListFactors(tenant=me.tenant, user=me.id))).items
            except SecconsoleError:
                return
            self._factors = apps_first(row for row in rows if row.state is FactorState.ACTIVE)
            if not self._factors or not is_sent(self._factors[-1]):
                return
            if is_sent(self._factors[0]):
                only = factor_words(self._factors[0]).lower() if len(self._factors) == 1 else ""
                self._say(safe(f"This needs your password and a code once more{f': {only}' if only else ''}."))
                await self.put_form(self._form(_OTHER, Button("send", "Send a code")))
            else:
                await self.put_form(self._form(_OTHER, _GO_ON, code=True))

    def _form(self, *buttons: Button, code: bool = False, prefix: str = "") -> Form:
        fields = [PasswordField(name="password", label="Password", needed=True)]
        codes = [CodeField(name="code", label="Code", needed=True, recovery=True, prefix=prefix)] if code else []
        return Form([*fields, *codes], [cancel(), *(buttons or (_GO_ON,))], focus="password")

    def _say(self, *words: Content) -> None:
        self._words = words
        app = self.app
        arrived = post_words(app, app.identity.login) if self._sent_to is not None else []
        self.set_body(lines(*words, COUNTS, *proof_words(app), *arrived))

    def _show_arrived(self, message: object) -> None:
        self._say(*self._words)

    # ---- what was pressed ------------------------------------------------------------------------------------------

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        work = {"send": self._send_first, "again": self._send_again, "other": self._other, "prove": self._prove}
        self.start_work(work[event.button])

    async def _send_first(self) -> None:
        if len(self._factors) == 1:
            await self._send(self._factors[0])
        else:
            await self._other()

    async def _send_again(self) -> None:
        if self._sent_to is not None:
            await self._send(self._sent_to)

    async def action_help(self) -> None:
        from secconsole.tui.screens.help import HelpScreen, page

        await self.app.push_screen(HelpScreen("Is it you?", page("sign-in.md"), (), {}))

    async def _other(self) -> None:
        picked = await self.app.ask(WhichFactorDialog(self._factors))
        factor = next((factor for factor in self._factors if factor.id == picked), None)
        if factor is not None and is_sent(factor):
            await self._send(factor)
        elif factor is not None or picked == RECOVERY:
            self._sent_to = None
            self._say(safe("Your password, and the app's code or a recovery code."))
            await self._ask_code()
            self.query_one(WaitLine).say("")

    async def _send(self, factor: FactorRow) -> None:
        sent = await self.app.line.ask(SendStepUpCode(factor=factor.id))
        if sent.sent:
            self._sent_to = factor
        if sent.prefix and self._sent_to is not None and self._sent_to.id == factor.id:
            problem = [] if sent.sent else [safe(f"! {not_sent_words(sent.message)}", "$danger")]
            self._say(*sent_words(factor.kind, sent.masked, sent.prefix), *problem)
            await self._ask_code(_OTHER, Button("again", "Send again", free=True), _GO_ON, prefix=sent.prefix)
        else:  # there is no code of its own that could be typed
            self._say(safe(f"! {not_sent_words(sent.message, holds=False)}", "$danger"))
        if sent.retry_at is not None:
            server = sent_at(sent.expires) if sent.sent and sent.expires else self.app.clock()
            self.query_one(WaitLine).say(NOT_ARRIVED, sent.retry_at - server)

    async def _ask_code(self, *buttons: Button, prefix: str = "") -> None:
        """Ask for a code, with the password that was typed so far."""
        password = self.form.values["password"]
        assert isinstance(password, Secret)
        form = self._form(*(buttons or (_OTHER, _GO_ON)), code=True, prefix=prefix)
        form.set_value("password", password.reveal())
        form.focus_field("code" if password else "password")
        await self.put_form(form)

    async def _prove(self) -> None:
        form = self.form
        password, code = form.values["password"], form.values.get("code", "")
        assert isinstance(password, Secret)
        operation = StepUp(password=password, code=Secret(str(code)) if code else NO_CODE)
        proof = await self.app.line.ask(operation)
        if proof.accepted:
            self.dismiss(True)
            return
        if proof.wrong == "code" and "code" in form.values:
            form.set_error("code", proof.message, clear=True)
        else:
            for name in form.values:
                form.set_value(name, "")
            form.set_error("password", proof.message, clear=True)
        at = f" Server time {clock(proof.server_time)}." if proof.server_time and self._sent_to is None else ""
        self._say(safe(f"That was not right.{at}"))
