"""Binding a phone: the QR code with the text beside it, since the code needs every row."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static
from textual.worker import Worker

from secconsole.domain.errors import SecconsoleError, Unavailable
from secconsole.domain.secret import Secret
from secconsole.operations.signin import BindingStarted, KeyMailed, SendStatus
from secconsole.tui.screens.dialog import copy_command, first_change
from secconsole.tui.session.delivery_watch import watch_delivery
from secconsole.tui.text.format import clock, plural
from secconsole.tui.text.safe import join, lines, safe
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, CodeField, cancel
from secconsole.tui.widgets.prose import Prose
from secconsole.tui.widgets.qr import QrCode

if TYPE_CHECKING:
    from secconsole.tui.console import Console
    from secconsole.tui.runtime.key_queue import KeyHold

FEW = 3  # entries left at which the user is warned
APPS = ("Aegis, Google or Microsoft", "Authenticator, 2FAS, 1Password")
HIDDEN_KEY = "•••• •••• •••• ••••"
_BESIDE = 31  # fewest cells of the words beside a code


@dataclass(frozen=True, slots=True)
class Checked:
    """Result of a code: bound or not.

    If not, why, and if another code may be entered.
    """

    bound: bool
    message: str = ""
    server_time: datetime | None = None
    left: int | None = None
    over: bool = False


@dataclass(frozen=True, slots=True)
class KeyMail:
    """Mailing the key that is shown.

    `send` mails it to the address given, or else to the one on record. `look` asks for the outcome. `words`: label of
    its key.
    """

    send: Callable[[str], Awaitable[KeyMailed]]
    look: Callable[[], Awaitable[SendStatus]]
    words: str = "mail me the key"


@dataclass(frozen=True, slots=True)
class BindingEnd:
    """Outcome of the screen.

    `message` is the reason, unless it was the user's choice.
    """

    bound: bool
    message: str = ""


def grouped(key: str) -> tuple[str, ...]:
    """Return a key in groups of four, four groups to a line."""
    letters = key.replace(" ", "")
    groups = [letters[i : i + 4] for i in range(0, len(letters), 4)]
    return tuple(" ".join(groups[i : i + 4]) for i in range(0, len(groups), 4))


class DigitsForm(Form):
    """Form that leaves letters to the screen, since its code field takes only digits."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return character is not None and character in "0123456789" and super().check_consume_key(key, character)


class BindingScreen(Screen[BindingEnd]):
    """Shows a new key and takes codes until one is right.

    Without `mail` the key cannot be mailed.
    """

    CSS_PATH = Path(__file__).parents[2] / "styles" / "binding.tcss"
    AUTO_FOCUS = "Form"
    BINDINGS: ClassVar[list[BindingType]] = [
        # the code field takes only digits, so these may come before it
        Binding("i", "invert", "Invert", show=False, priority=True),
        Binding("o", "other_font", "Other font", show=False, priority=True),
        Binding("m", "mail", "Mail me the key", show=False, priority=True),
        Binding("ctrl+y", "copy_command", "Copy as command", show=False),
        Binding("question_mark,f1", "help", "Help", show=False, priority=True),
    ]

    def __init__(
        self,
        started: BindingStarted,
        confirm: Callable[[Secret[str]], Awaitable[Checked]],
        *,
        reason: str,
        title: str = "Bind your phone",
        back: str = "Later",
        mail: KeyMail | None = None,
    ) -> None:
        super().__init__()
        self._started: BindingStarted | None = started
        self._confirm = confirm
        self._reason = reason
        self._heading = title
        self._back = back
        self._mail = mail
        self._on_its_way = ""
        self._beside = True  # the words stand beside the code, which fits
        self._watching: Worker[None] | None = None

    @property
    def app(self) -> Console:  # type: ignore[override]
        return cast("Console", super().app)

    def compose(self) -> ComposeResult:
        assert self._started is not None
        with Horizontal(id="binding"):
            yield QrCode(self._started.uri)
            with VerticalScroll(id="words", can_focus=False):
                yield Static(safe(self._heading), classes="heading")
                yield Prose(safe(self._reason), id="reason")
                yield Prose(self._steps(hidden=False), id="steps")
                yield DigitsForm(
                    [CodeField(name="code", label="Code", needed=True)], [cancel(self._back), Button("bind", "Bind")]
                )
                yield Static(id="message")
                yield Static(id="line")
                yield Static(self._keys(), id="keys")

    def on_resize(self) -> None:
        """Leave the window to the words where no code fits."""
        code = self.query_one(QrCode)
        beside = code.fits_in(self.size.width - _BESIDE, self.size.height)
        if beside != self._beside:
            self._beside = beside
            self.set_class(not beside, "-no-code")
            self.query_one("#steps", Static).update(self._steps(hidden=code.redacted))

    def _steps(self, *, hidden: bool) -> Content:
        key = (HIDDEN_KEY,) if hidden or self._started is None else grouped(self._started.key.reveal())
        if not self._beside:
            return lines(
                join(("1 ", "bold $key"), "Open an authenticator app: ", (" ".join(APPS), "$muted")),
                join(("2 ", "bold $key"), "Type the key: ", (" ".join(key), "bold")),
                join(("3 ", "bold $key"), "Enter the six digits it shows"),
            )
        return lines(
            join(("1 ", "bold $key"), "Open an authenticator app:"),
            *(join("  ", (app, "$muted")) for app in APPS),
            join(("2 ", "bold $key"), "Scan the code, or type the key:"),
            *(join("  ", (row, "bold")) for row in key),
            join(("3 ", "bold $key"), "Enter the six digits it shows"),
        )

    def _keys(self) -> Content:
        def key(name: str, does: str) -> Content:
            return join((name, "bold $key"), (f" {does}", "$muted"))

        back, invert = key("esc", self._back.lower()), key("i", "invert")
        font, help = key("o", "other font"), key("?", "help")
        if self._mail is None:
            return lines(join(invert, "   ", font), join(back, "   ", help))
        return lines(key("m", self._mail.words), join(invert, "   ", font), join(back, "   ", help))

    def refresh_connection(self) -> None:
        """Redraw the connection state."""
        if self.is_mounted:
            line, words = self.query_one("#line", Static), self.app.connection.words()
            line.update(safe(words))
            line.display = bool(words)

    # ---- keys ------------------------------------------------------------------------------------------------------

    def action_invert(self) -> None:
        code = self.query_one(QrCode)
        code.reveal() if code.redacted else code.toggle_invert()

    def action_other_font(self) -> None:
        code = self.query_one(QrCode)
        code.reveal() if code.redacted else code.toggle_form()

    def action_mail(self) -> None:
        if self._mail is not None:
            self.run_worker(self._mail_key(self._mail, self.app.hold_keys()), exit_on_error=False)

    async def _mail_key(self, mail: KeyMail, hold: KeyHold) -> None:
        from secconsole.tui.screens.factors.mail_key_dialog import MailKeyDialog

        async with hold:
            mailed = await self.app.ask(MailKeyDialog(mail.send))
        if mailed is None or not self.is_mounted:
            return
        self._on_its_way = f"The key is on its way to {mailed.masked}. Not there? Check your spam folder."
        self._show_mail_status("")
        if self._watching is not None:
            self._watching.cancel()
        watch = watch_delivery(mail.look, lambda status: self._show_mail_status(status.message))
        self._watching = self.run_worker(watch, exit_on_error=False)

    def _show_mail_status(self, problem: str) -> None:
        """Show why the mail with the key was not sent.

        Empty while all is well.
        """
        message = safe(f"! {problem}") if problem else safe(self._on_its_way, "$foreground")
        self._show_message(message)

    async def action_copy_command(self) -> None:
        """Copy the command that confirms this key."""
        if operation := await first_change(self._confirm(Secret(""))):
            copy_command(self.app, operation)

    async def action_help(self) -> None:
        from secconsole.tui.screens.help import HelpScreen, page

        await self.app.push_screen(HelpScreen(self._heading, page("sign-in.md"), (), {}))

    def on_form_changed(self, event: Form.Changed) -> None:
        self.query_one(QrCode).keep_shown()

    def on_qr_code_concealed(self, event: QrCode.Concealed) -> None:
        self.query_one("#steps", Static).update(self._steps(hidden=event.hidden))

    # ---- the code --------------------------------------------------------------------------------------------------

    def on_form_cancelled(self, event: Form.Cancelled) -> None:
        event.stop()
        self._end(BindingEnd(False))

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        event.form.busy = True
        self.run_worker(self._check(event.form, Secret(str(event.values["code"]))), exit_on_error=False)

    async def _check(self, form: Form, code: Secret[str]) -> None:
        try:
            checked = await self._confirm(code)
        except Unavailable as error:
            checked = Checked(False, error.message)
        except SecconsoleError as error:
            checked = Checked(False, error.message, over=True)
        if checked.bound or checked.over:
            self._end(BindingEnd(checked.bound, checked.message))
            return
        form.busy = False
        form.set_value("code", "")
        form.focus_field("code")
        parts = [f"! {checked.message}"]
        if checked.server_time is not None:
            parts.append(f"Server time {clock(checked.server_time)}")
        if checked.left is not None and checked.left <= FEW:
            parts.append(f"{plural(checked.left, 'entry', 'entries')} left")
        self._show_message(lines(*parts))

    def _show_message(self, message: Content) -> None:
        """Show a message below the code, visible in small windows too."""
        line = self.query_one("#message", Static)
        line.update(message)
        line.call_after_refresh(line.scroll_visible, animate=False)

    def _end(self, end: BindingEnd) -> None:
        self._started = None
        self.dismiss(end)
