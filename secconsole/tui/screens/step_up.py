"""Step-up: asking for the second factor, or the password, again before something that matters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from secconsole.domain.errors import NotSignedIn, SecconsoleError
from secconsole.domain.factors.passcode import sent_at
from secconsole.domain.messages.delivery import MessageState
from secconsole.domain.model import FactorState
from secconsole.domain.secret import Secret
from secconsole.operations.factors import ListFactors
from secconsole.operations.signin import SendStatus
from secconsole.operations.step_up import NO_CODE, NO_PASSWORD, SendStepUpCode, ShowStepUpSending, StepUp
from secconsole.operations.users import FactorRow
from secconsole.tui.demo.hints import fill_proof, post_words, proof_words
from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.screens.pick_dialog import PickDialog
from secconsole.tui.session.delivery_watch import watch_delivery
from secconsole.tui.text.codes import NOT_ARRIVED, not_sent_words, sent_words
from secconsole.tui.text.factors import RECOVERY, WHERE_TO, apps_first, factor_words, is_sent
from secconsole.tui.text.format import clock, plural
from secconsole.tui.text.safe import lines, safe
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, CodeField, Field, PasswordField, cancel
from secconsole.tui.widgets.pick_list import PickList, picks_of
from secconsole.tui.widgets.wait_line import WaitLine

if TYPE_CHECKING:
    from secconsole.tui.runtime.key_queue import KeyHold

_OTHER = Button("other", "Other way", free=True)
_GO_ON = Button("prove", "Go on")


class WhichFactorDialog(PickDialog[str]):
    """Returns the id of the factor to use, RECOVERY, or an empty string."""

    cancelled = ""

    def __init__(self, factors: Sequence[FactorRow]) -> None:
        super().__init__("Confirm it's you", WHERE_TO, picks_of(factors), back="Back")

    def on_pick_list_picked(self, event: PickList.Picked) -> None:
        event.stop()
        self.dismiss(event.value)


class StepUpDialog(Dialog[bool]):
    """Returns True once the user has proved who they are.

    A user with a factor enters a code: of the app, or sent to the only address
    or number or to the one picked. A user without one enters the password.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "help", "Help", show=False),
        Binding("f2", "fill", "Fill in", show=False),
    ]
    cancelled = False

    def __init__(self, *, bound: bool, password: bool = True) -> None:
        self._bound, self._asks_password = bound, password or not bound
        self._factors: list[FactorRow] = []
        self._sent_to: FactorRow | None = None
        names = [*(["your password"] if self._asks_password else []), *(["a code from your phone"] if bound else [])]
        what = " and ".join(names)
        self._shown_lines: tuple[Content, ...] = ()
        self._introduction = safe(f"This needs {what} again.")
        super().__init__("Confirm it's you", self._introduction)
        self.form = self._form(code=bound)

    def compose_body(self) -> ComposeResult:
        yield from super().compose_body()
        yield WaitLine()

    def on_mount(self) -> None:
        super().on_mount()
        self._update_body(self._introduction)
        if self.app.post is not None:  # a demo's: nobody holds its phone in hand
            self.app.post.arrived.subscribe(self, self._show_arrived)
        if self._bound:
            self.run_worker(self._find_factors(self.app.hold_keys()), exit_on_error=False)

    async def _find_factors(self, hold: KeyHold) -> None:
        """Find out what can be asked for.

        Assume an app if that cannot be read.
        """
        me = self.app.identity
        async with hold:
            try:
                rows = (await self.app.perform(ListFactors(tenant=me.tenant, user=me.id))).items
            except SecconsoleError:
                return
            self._factors = apps_first(row for row in rows if row.state is FactorState.ACTIVE)
            if not self._factors or not is_sent(self._factors[-1]):
                return
            if is_sent(self._factors[0]):
                only = factor_words(self._factors[0]).lower() if len(self._factors) == 1 else ""
                self._update_body(safe(f"This needs {self._also}a code again{f': {only}' if only else ''}."))
                await self.put_form(self._form(_OTHER, Button("send", "Send a code")))
            else:
                await self.put_form(self._form(_OTHER, _GO_ON, code=True))

    def _form(self, *buttons: Button, code: bool = False, prefix: str = "") -> Form:
        fields: list[Field] = []
        if self._asks_password:
            fields.append(PasswordField(name="password", label="Password", needed=True))
        if code:
            fields.append(CodeField(name="code", label="Code", needed=True, recovery=True, prefix=prefix))
        focus = fields[0].name if fields else (buttons or (_GO_ON,))[-1].name
        return Form(fields, [cancel(), *(buttons or (_GO_ON,))], focus=focus)

    @property
    def _also(self) -> str:
        return "your password and " if self._asks_password else ""

    def _update_body(self, *lines_shown: Content) -> None:
        self._shown_lines = lines_shown
        app = self.app
        counts = f"This then counts for {plural(app.identity.step_up_minutes, 'minute')}."
        arrived = post_words(app, app.identity.login) if self._sent_to is not None else []
        self.set_body(lines(*lines_shown, counts, *proof_words(app, password=self._asks_password), *arrived))

    def _show_arrived(self, message: object) -> None:
        self._update_body(*self._shown_lines)

    # ---- buttons ---------------------------------------------------------------------------------------------------

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

    def action_fill(self) -> None:
        """Fill in the proof, in a demo."""
        fill_proof(self.app, self.form, sent=self._sent_to is not None)

    async def action_help(self) -> None:
        from secconsole.tui.screens.help import HelpScreen, page

        await self.app.push_screen(HelpScreen("Confirm it's you", page("sign-in.md"), (), {}))

    async def _other(self) -> None:
        picked = await self.app.ask(WhichFactorDialog(self._factors))
        factor = next((factor for factor in self._factors if factor.id == picked), None)
        if factor is not None and is_sent(factor):
            await self._send(factor)
        elif factor is not None or picked == RECOVERY:
            self._sent_to = None
            self._update_body(safe(f"This needs {self._also}a code from the app, or a recovery code."))
            await self._ask_code()
            self.query_one(WaitLine).count_down("")

    async def _send(self, factor: FactorRow) -> None:
        sent = await self.app.perform(SendStepUpCode(factor=factor.id))
        if sent.sent:
            self._sent_to = factor
        if sent.prefix and self._sent_to is not None and self._sent_to.id == factor.id:
            problem = [] if sent.sent else [safe(f"! {not_sent_words(sent.message)}", "$danger")]
            self._update_body(*sent_words(factor.kind, sent.masked, sent.prefix), *problem)
            await self._ask_code(_OTHER, Button("again", "Send again", free=True), _GO_ON, prefix=sent.prefix)
        else:  # no sent code of this factor could be entered
            self._update_body(safe(f"! {not_sent_words(sent.message, holds=False)}", "$danger"))
        if sent.retry_at is not None:
            server = sent_at(sent.expires) if sent.sent and sent.expires else self.app.clock()
            self.query_one(WaitLine).count_down(NOT_ARRIVED, sent.retry_at - server)
        if sent.sent:
            self.follow_sending(
                watch_delivery(lambda: self.app.backend.perform(ShowStepUpSending()), self._show_status)
            )

    def _show_status(self, status: SendStatus) -> None:
        """Show why the code was not sent.

        Stop the countdown if it never will be.
        """
        self._update_body(safe(f"! {status.message}", "$danger"))
        if status.final and status.state is not MessageState.UNSURE:
            self.query_one(WaitLine).count_down("")

    async def _ask_code(self, *buttons: Button, prefix: str = "") -> None:
        """Ask for a code, keeping a password typed so far."""
        form = self._form(*(buttons or (_OTHER, _GO_ON)), code=True, prefix=prefix)
        password = self.form.values.get("password")
        if isinstance(password, Secret) and password:
            form.set_value("password", password.reveal())
            form.focus_field("code")
        await self.put_form(form)

    async def _prove(self) -> None:
        form = self.form
        password, code = form.values.get("password", NO_PASSWORD), form.values.get("code", "")
        assert isinstance(password, Secret)
        operation = StepUp(password=password, code=Secret(str(code)) if code else NO_CODE)
        proof = await self.app.perform(operation)
        if proof.accepted:
            self.dismiss(True)
            return
        if proof.left == 0:
            raise NotSignedIn(proof.message)
        if proof.wrong == "code" and "code" in form.values:
            form.set_error("code", proof.message, clear=True)
        else:
            for name in form.values:
                form.set_value(name, "")
            form.set_error("password" if self._asks_password else "code", proof.message, clear=True)
        at = f" Server time {clock(proof.server_time)}." if proof.server_time and self._sent_to is None else ""
        self._update_body(safe(f"That was not right.{at}{_last_tries(proof.left)}"))


def _last_tries(left: int | None) -> str:
    """Return the effect of the next wrong entries, once few are left."""
    if left is None or left > 2:
        return ""
    return " One more wrong entry ends this session." if left == 1 else f" {left} more wrong entries end this session."
