"""Binding an e-mail address or a phone number by a code sent there and typed in here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from secconsole.domain.errors import Conflict, Invalid, NotFound, SecconsoleError, Unavailable
from secconsole.domain.factors.passcode import MOST_WRONG, sent_at
from secconsole.domain.messages.delivery import MessageState
from secconsole.domain.messages.mail_address import mail_address
from secconsole.domain.messages.phone import sms_number
from secconsole.domain.model import FactorKind
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.operations.signin import BindingStarted, SendStatus
from secconsole.tui.screens.dialog import Dialog, first_change
from secconsole.tui.screens.factors.binding import FEW, BindingEnd, Checked
from secconsole.tui.screens.pick_dialog import PickDialog
from secconsole.tui.session.delivery_watch import watch_delivery
from secconsole.tui.text.codes import NOT_ARRIVED, not_sent_words, sent_words
from secconsole.tui.text.format import plural
from secconsole.tui.text.safe import lines, safe
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, CodeField, PhoneField, TextField, cancel
from secconsole.tui.widgets.pick_list import Pick, PickList
from secconsole.tui.widgets.wait_line import WaitLine

TITLES = {FactorKind.EMAIL: "Codes by e-mail", FactorKind.SMS: "Codes by text message"}

# NIST SP 800-63B-4: sections 3.1.3.1 (e-mail is no authenticator) and 3.1.3.3 (the telephone network is restricted).
_PICKS = (
    Pick(FactorKind.TOTP, "Authenticator app on a phone", "Strongest: nothing is sent, works offline."),
    Pick(FactorKind.SMS, "Codes by text message (SMS)", "Weaker: numbers get hijacked; NIST restricts it."),
    Pick(FactorKind.EMAIL, "Codes by e-mail", "Weakest: mail can be read; NIST rules it out."),
)


class KindDialog(PickDialog[FactorKind | None]):
    """Asks for the kind of factor to bind, strongest first.

    Returns None if cancelled.
    """

    cancelled = None

    def __init__(self, kinds: Sequence[FactorKind], *, reason: str, back: str = "Cancel") -> None:
        picks = [pick for pick in _PICKS if pick.value in kinds]
        super().__init__("Choose a second factor", reason, picks, back=back)

    def on_pick_list_picked(self, event: PickList.Picked) -> None:
        event.stop()
        self.dismiss(FactorKind(event.value))


class BindAddressDialog(Dialog[BindingEnd]):
    """Asks for an address or number, has a code sent there, and takes codes until one is right.

    `start` gets the input, or nothing for the address on record, and may be called again for another code; `confirm`
    gets the enrollment and a code; `look` asks for the outcome of an enrollment's code. `address` is the default of the
    field. `enters`: it is entered for another user, and nothing is sent before they sign in.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("f1", "help", "Help", show=False)]
    cancelled = BindingEnd(False)

    def __init__(
        self,
        kind: FactorKind,
        start: Callable[[str], Awaitable[BindingStarted]],
        confirm: Callable[[str, Secret[str]], Awaitable[Checked]],
        look: Callable[[str], Awaitable[SendStatus]],
        *,
        reason: str,
        address: str = "",
        back: str = "Later",
        enters: bool = False,
    ) -> None:
        super().__init__(TITLES[kind], reason)
        self._kind = kind
        self._start = start
        self._confirm = confirm
        self._look = look
        self._enters = enters
        self._reason = reason
        self._address = address
        self._back = back
        self._started: BindingStarted | None = None
        self._ahead = timedelta(0)  # how far the server's clock is ahead of ours
        self._wrong = 0
        self.form = self._address_form()

    def compose_body(self) -> ComposeResult:
        yield from super().compose_body()
        yield WaitLine()

    def on_mount(self) -> None:
        super().on_mount()
        self._update_body()

    # ---- the two steps ---------------------------------------------------------------------------------------------

    def _address_form(self) -> Form:
        mail = self._kind is FactorKind.EMAIL
        field = (TextField if mail else PhoneField)(
            name="address",
            label="E-mail" if mail else "Number",
            value=self._address,
            help="Empty: the address on record." if mail else "As in +420 601 123 456. Empty: the one on record.",
        )
        more = () if mail else (Button("country", "Countries", free=True),)
        send = Button("send", "Add" if self._enters else "Send a code")
        return Form(
            [field],
            [cancel(self._back), *more, send],
            focus="address",
        )

    def _code_form(self, started: BindingStarted) -> Form:
        other = Button("other", "Other address" if self._kind is FactorKind.EMAIL else "Other number", free=True)
        return Form(
            [CodeField(name="code", label="Code", needed=True, prefix=started.prefix)],
            [cancel(self._back), other, Button("again", "Send again", free=True), Button("bind", "Bind")],
            focus="code",
        )

    def _update_body(self, *problems: str) -> None:
        """Show what is asked for now, and the last error."""
        parts: list[Content] = [safe(self._reason)]
        if self._started is None:
            where = "address" if self._kind is FactorKind.EMAIL else "number"
            if self._enters:
                parts.append(safe("Nothing is sent now. Their next sign-in sends a code there and verifies it."))
            else:
                parts.append(safe(f"A code is sent there; once it is typed in here, the {where} is bound."))
        else:
            parts = sent_words(self._kind, self._started.masked, self._started.prefix)
        parts += [safe(f"! {problem}", "$danger") for problem in problems if problem]
        self.set_body(lines(*parts))

    def _wait(self, retry_at: datetime | None) -> None:
        """Count down to when another code may be requested.

        `retry_at` is the server's time.
        """
        wait = None if retry_at is None else retry_at - self._ahead - self.app.clock()
        self.query_one(WaitLine).count_down("" if self._started is None else NOT_ARRIVED, wait)

    async def operation_now(self) -> Operation[object] | None:
        """Return the enrolling of what is typed, also once its code is awaited."""
        address = self._address if self._started is not None else str(self.form.values["address"]).strip()
        return await first_change(self._start(address)) or await super().operation_now()

    # ---- buttons ---------------------------------------------------------------------------------------------------

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        work = {
            "country": self._pick_country,
            "send": self._send,
            "again": self._send,
            "other": self._other,
            "bind": self._check,
        }[event.button]
        self.start_work(work)

    async def _pick_country(self) -> None:
        await self.pick_country("address")
        self.form.focus_field("address")

    async def action_help(self) -> None:
        from secconsole.tui.screens.help import HelpScreen, page

        await self.app.push_screen(HelpScreen(TITLES[self._kind], page("sign-in.md"), (), {}))

    async def _other(self) -> None:
        self._started = None
        self.follow_sending(None)
        await self.put_form(self._address_form())
        self._update_body()
        self._wait(None)

    async def _send(self) -> None:
        """Have a code sent, the first or another one."""
        if self._started is None:
            typed = str(self.form.values["address"]).strip()
            try:
                self._address = self._checked(typed)
            except Invalid as error:
                self.form.set_error("address", error.message)
                return
        try:
            started = await self._start(self._address)
        except SecconsoleError as error:
            self._not_sent(error)
            return
        if started.waits:
            self.dismiss(BindingEnd(False))
            return
        if started.sent:
            self._ahead = sent_at(started.expires) - self.app.clock()
            self._wrong = 0 if self._started is None else self._wrong
        if started.prefix:
            self._started = started
            await self.put_form(self._code_form(started))
        problem = not_sent_words(started.message, holds=bool(started.prefix))
        self._update_body("" if started.sent else problem)
        self._wait(started.retry_at)
        if started.sent:
            self.follow_sending(watch_delivery(lambda: self._look(started.enrollment), self._show_status))

    def _show_status(self, status: SendStatus) -> None:
        """Show why the code was not sent.

        Stop the countdown if it never will be.
        """
        if self._started is not None:
            self._update_body(status.message)
            if status.final and status.state is not MessageState.UNSURE:
                self.query_one(WaitLine).count_down("")

    def _checked(self, typed: str) -> str:
        """Return the canonical address or number.

        Raise `Invalid` in plain words.
        """
        if not typed:
            return ""
        return mail_address(typed) if self._kind is FactorKind.EMAIL else sms_number(typed)

    def _not_sent(self, error: SecconsoleError) -> None:
        if isinstance(error, Invalid | Conflict) and self._started is None:
            self.form.set_error("address", error.message)
        elif isinstance(error, Invalid | Unavailable):
            self._update_body(error.message)
        else:
            self.dismiss(BindingEnd(False, error.message))

    async def _check(self) -> None:
        assert self._started is not None
        code = Secret(str(self.form.values["code"]))
        try:
            checked = await self._confirm(self._started.enrollment, code)
        except Unavailable as error:
            checked = Checked(False, error.message)
        except NotFound as error:
            await self._other()
            self._update_body(error.message)
            return
        except SecconsoleError as error:
            checked = Checked(False, error.message, over=True)
        if checked.bound or checked.over:
            self.dismiss(BindingEnd(checked.bound, checked.message))
            return
        self._wrong += checked.server_time is not None  # otherwise the code was not checked
        if self._wrong >= MOST_WRONG:
            await self._other()
        else:
            self.form.set_value("code", "")
            self.form.focus_field("code")
        few = (
            f"{plural(checked.left, 'entry', 'entries')} left"
            if checked.left is not None and checked.left <= FEW
            else ""
        )
        self._update_body(checked.message, few)
