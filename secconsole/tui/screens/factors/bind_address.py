"""Binding an e-mail address or a phone number: a code goes there, and counts once it was typed in here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from secconsole.domain.countries import countries, with_country
from secconsole.domain.errors import Conflict, Invalid, NotFound, SecconsoleError, Unavailable
from secconsole.domain.mail_address import mail_address
from secconsole.domain.model import FactorKind
from secconsole.domain.passcode import MOST_WRONG, sent_at
from secconsole.domain.phone import sms_number
from secconsole.domain.secret import Secret
from secconsole.operations.signin import BindingStarted
from secconsole.tui.safe_text import lines, safe
from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.screens.factors.binding import FEW, BindingEnd, Checked
from secconsole.tui.screens.pick_dialog import PickDialog
from secconsole.tui.sent_words import NOT_ARRIVED, not_sent_words, sent_words
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, CodeField, TextField, cancel
from secconsole.tui.widgets.pick_list import Pick, PickList
from secconsole.tui.widgets.wait_line import WaitLine
from secconsole.tui.words import plural

TITLES = {FactorKind.EMAIL: "Codes by e-mail", FactorKind.SMS: "Codes by text message"}

# NIST SP 800-63B-4: sections 3.1.3.1 (e-mail is no authenticator) and 3.1.3.3 (the telephone network is restricted).
_PICKS = (
    Pick(FactorKind.TOTP, "Authenticator app on a phone", "The strongest here: nothing is sent, and it works offline."),
    Pick(FactorKind.SMS, "Codes by text message (SMS)", "Weaker: numbers get taken over. NIST restricts its use."),
    Pick(FactorKind.EMAIL, "Codes by e-mail", "Weakest: whoever reads the mail gets in. NIST does not count it."),
)


class KindDialog(PickDialog[FactorKind | None]):
    """Which kind of factor to bind, the strongest first; None if it was left."""

    cancelled = None

    def __init__(self, kinds: Sequence[FactorKind], *, reason: str, back: str = "Cancel") -> None:
        picks = [pick for pick in _PICKS if pick.value in kinds]
        super().__init__("Choose a second factor", reason, picks, back=back)

    def on_pick_list_picked(self, event: PickList.Picked) -> None:
        event.stop()
        self.dismiss(FactorKind(event.value))


class BindSentDialog(Dialog[BindingEnd]):
    """Asks for the address or number, has a code sent there, and takes codes until one was right.

    `start` is given what was typed, or nothing for the address on record, and may be called again for another code;
    `confirm` is given the enrollment and a code. `address` stands in the field at first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("f1", "help", "Help", show=False)]
    cancelled = BindingEnd(False)

    def __init__(
        self,
        kind: FactorKind,
        start: Callable[[str], Awaitable[BindingStarted]],
        confirm: Callable[[str, Secret[str]], Awaitable[Checked]],
        *,
        reason: str,
        address: str = "",
        back: str = "Later",
    ) -> None:
        super().__init__(TITLES[kind], reason)
        self._kind = kind
        self._start = start
        self._confirm = confirm
        self._reason = reason
        self._address = address
        self._back = back
        self._started: BindingStarted | None = None
        self._ahead = timedelta(0)  # by how much the server's clock is ahead of ours
        self._wrong = 0
        self.form = self._address_form()

    def compose_body(self) -> ComposeResult:
        yield from super().compose_body()
        yield WaitLine()

    def on_mount(self) -> None:
        super().on_mount()
        self._say()

    # ---- the two steps ---------------------------------------------------------------------------------------------

    def _address_form(self) -> Form:
        mail = self._kind is FactorKind.EMAIL
        field = TextField(
            name="address", label="E-mail" if mail else "Number", value=self._address,
            help="Empty: the address on record." if mail else "As in +420 601 123 456. Empty: the one on record.",
        )  # fmt: skip
        more = () if mail else (Button("country", "Countries", free=True),)
        return Form([field], [cancel(self._back), *more, Button("send", "Send a code")], focus="address")

    def _code_form(self, started: BindingStarted) -> Form:
        other = Button("other", "Other address" if self._kind is FactorKind.EMAIL else "Other number", free=True)
        return Form(
            [CodeField(name="code", label="Code", needed=True, prefix=started.prefix)],
            [cancel(self._back), other, Button("again", "Send again", free=True), Button("bind", "Bind")],
            focus="code",
        )

    def _say(self, *problems: str) -> None:
        """What is asked for now, and what was wrong before."""
        said: list[Content] = [safe(self._reason)]
        if self._started is None:
            where = "address" if self._kind is FactorKind.EMAIL else "number"
            said.append(safe(f"A code is sent there; once it is typed in here, the {where} is bound."))
        else:
            said = sent_words(self._kind, self._started.masked, self._started.prefix)
        said += [safe(f"! {problem}", "$danger") for problem in problems if problem]
        self.set_body(lines(*said))

    def _wait(self, retry_at: datetime | None) -> None:
        """Count down to when another code may be asked for; `retry_at` is the server's time."""
        wait = None if retry_at is None else retry_at - self._ahead - self.app.clock()
        self.query_one(WaitLine).say("" if self._started is None else NOT_ARRIVED, wait)

    # ---- what was pressed ------------------------------------------------------------------------------------------

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        work = {
            "country": self._pick_country, "send": self._send, "again": self._send, "other": self._other,
            "bind": self._check,
        }[event.button]  # fmt: skip
        self.start_work(work)

    async def _pick_country(self) -> None:
        from secconsole.tui.screens.factors.country import CountryDialog

        country = await self.app.ask(CountryDialog())
        if country is not None:
            self.form.set_value("address", with_country(country, str(self.form.values["address"]), countries()))
            self.form.clear_errors()
        self.form.focus_field("address")

    async def action_help(self) -> None:
        from secconsole.tui.screens.help import HelpScreen, page

        await self.app.push_screen(HelpScreen(TITLES[self._kind], page("sign-in.md"), (), {}))

    async def _other(self) -> None:
        self._started = None
        await self.put_form(self._address_form())
        self._say()
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
        if started.sent:
            self._ahead = sent_at(started.expires) - self.app.clock()
            self._wrong = 0 if self._started is None else self._wrong
        if started.prefix:
            self._started = started
            await self.put_form(self._code_form(started))
        problem = not_sent_words(started.message, holds=bool(started.prefix))
        self._say("" if started.sent else problem)
        self._wait(started.retry_at)

    def _checked(self, typed: str) -> str:
        """The address or number in its one spelling; raises `Invalid` in plain words."""
        if not typed:
            return ""
        return mail_address(typed) if self._kind is FactorKind.EMAIL else sms_number(typed)

    def _not_sent(self, error: SecconsoleError) -> None:
        if isinstance(error, Invalid | Conflict) and self._started is None:
            self.form.set_error("address", error.message)
        elif isinstance(error, Invalid | Unavailable):
            self._say(error.message)
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
            self._say(error.message)
            return
        except SecconsoleError as error:
            checked = Checked(False, error.message, over=True)
        if checked.bound or checked.over:
            self.dismiss(BindingEnd(checked.bound, checked.message))
            return
        self._wrong += checked.server_time is not None  # else it was not looked at
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
        self._say(checked.message, few)
