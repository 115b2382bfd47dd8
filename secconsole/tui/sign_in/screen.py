"""The sign-in screen: one card whose form changes with each step."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Coroutine
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static
from textual.worker import Worker

from secconsole.config import locations
from secconsole.config.address import server_name
from secconsole.config.contexts import COLOURS
from secconsole.domain.errors import SecconsoleError
from secconsole.domain.secret import Secret
from secconsole.tui.sign_in.card import SignInCancelled
from secconsole.tui.text.format import glyph
from secconsole.tui.text.safe import Part, join, safe
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, Field, PasswordField, TextField

if TYPE_CHECKING:
    from secconsole.backends.demo.accounts import DemoAccount
    from secconsole.tui.console import Console
    from secconsole.tui.demo.account_list import DemoList
    from secconsole.tui.runtime.key_queue import KeyHold
    from secconsole.tui.sign_in.card import Entered
    from secconsole.tui.widgets.pick_list import PickList


class Credentials(Form):
    """Form for login and password.

    In a demo a digit in the empty login field picks an account.
    """

    def __init__(self, fields: list[Field], demo: DemoList | None) -> None:
        super().__init__(fields, [Button("sign-in", "Sign in")], focus="login")
        self._demo = demo

    def on_key(self, event: events.Key) -> None:
        if self._demo is None or self.focused_name != "login" or self.values["login"]:
            return
        if account := self._demo.by_key(event.character):
            event.stop()
            event.prevent_default()
            self._demo.post_message(self._demo.Picked(account))


class SignInScreen(Screen[None]):
    """Shows forms and collects input.

    `SignInSteps` decides what comes next. Keys wait from an entry until the next form is shown, so that login, password
    and code can be typed in one go.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "help", "Help", show=False),
        Binding("escape", "leave_off", "Start over", show=False),
    ]
    AUTO_FOCUS = "Form"

    def __init__(self, reason: str = "", login: str = "") -> None:
        super().__init__()
        self._reason = reason
        self._login = login
        self._entry: asyncio.Future[Entered] | None = None
        self._hold: KeyHold | None = None
        self._demo: DemoList | None = None
        self._watching: Worker[None] | None = None
        self._said_cut = False
        self._step: Form | PickList  # the form or list in the card

    @property
    def app(self) -> Console:  # type: ignore[override]
        return cast("Console", super().app)

    def compose(self) -> ComposeResult:
        accounts = self._accounts()
        if accounts:
            from secconsole.tui.demo.account_list import DemoList

            self._demo = DemoList(accounts)
            self.app.demo = True
            self._login = ""  # a digit picks an account while the field is empty
        self._step = self.credentials(self._login)
        with Vertical(id="sign-in", classes="-demo" if accounts else ""):
            card = VerticalScroll(classes="card", id="card", can_focus=False)
            card.border_subtitle = self._where()
            with card:
                yield Static(id="line")
                yield Static(id="note")
                yield self._step
            if self._demo is not None:
                yield self._demo
        keys = (("enter", "go on"), ("tab", "next"), ("f1", "help"), ("ctrl+q", "leave"))
        text = (part for key, word in keys for part in ((f" {key}", "bold $key"), (f" {word} ", "$muted")))
        yield Static(join(*text), id="keys")

    def _where(self) -> Content:
        """Return context and server, in the context's colour.

        Where colours are few the name has to do.
        """
        place, badges = self.app.context, [badge for badge in self.app.badges if "DEMO" not in badge]
        parts: list[Part] = []
        if place.colour and not self.app.no_color:
            paint = COLOURS[place.colour]
            ansi = self.app.current_theme.ansi
            ink, ground = (paint.ansi_ink, paint.ansi_ground) if ansi else (paint.ink, paint.ground)
            parts, badges = [(f" {place.name} ", f"bold {ink} on {ground}")], badges[1:]
        parts += [(badge, "bold") for badge in badges]
        if place.backend:
            parts.append((server_name(place.backend), "$muted"))
        return join(*(piece for part in parts for piece in (" ", part))) if parts else join("")

    def _accounts(self) -> tuple[DemoAccount, ...]:
        if not self.app.local or not (locations.data_home() / "demo.json").exists():
            return ()
        from secconsole.backends.demo.accounts import demo_accounts

        try:
            return demo_accounts()
        except (SecconsoleError, ValueError, KeyError, OSError):
            return ()  # opening the store reports what is wrong here

    def credentials(self, login: str = "", *, organisation: str | None = None) -> Form:
        """Return the first form.

        It asks for the organisation only if there are several.
        """
        fields: list[Field] = [
            TextField(name="login", label="Login", needed=True, value=login),
            PasswordField(name="password", label="Password", needed=True),
        ]
        if organisation is not None:
            fields.append(TextField(name="organisation", label="Organisation", needed=True, value=organisation))
        form = Credentials(fields, self._demo)
        if login:
            form.focus_field("password")
        return form

    def on_mount(self) -> None:
        self.set_title()
        self.refresh_connection()
        if self._reason:
            self.show_message(self._reason, bad=False)
        self._entry = asyncio.get_running_loop().create_future()
        self.call_after_refresh(self.run_worker, self._walk, exit_on_error=False)

    async def _walk(self) -> None:
        """Run the sign-in after the first frame, which the store must not delay."""
        gc.freeze()
        gc.enable()
        from secconsole.tui.sign_in.steps import SignInSteps

        if self._demo is not None:
            self._demo.renew(self.app.clock())
        await SignInSteps(self).walk()

    def on_unmount(self) -> None:
        self.release()

    # ---- interface for the steps -----------------------------------------------------------------------------------

    @property
    def form(self) -> Form:
        assert isinstance(self._step, Form)
        return self._step

    def set_title(self, *more: str) -> None:
        """Set the heading: the program, the tenant if it is known, and more."""
        parts = ["secconsole", *([self.app.home_tenant] if self.app.home_tenant else []), *more]
        self.query_one("#card").border_title = safe(" · ".join(parts))

    def refresh_connection(self) -> None:
        """Redraw the connection state."""
        if not self.is_mounted:
            return
        connection, note = self.app.connection, self.query_one("#line", Static)
        text = connection.words()
        if connection.trouble:
            text = connection.trouble.removesuffix(" Nothing was changed.")
            text = f"{text} The console keeps trying." if connection.is_down else connection.trouble
            text = f"{glyph('warning', utf8=self.app.terminal.utf8)} {text}"
        note.update(safe(text))
        note.set_class(bool(connection.trouble), "-bad")
        note.display = bool(text)
        if connection.is_current and self._said_cut:
            self.show_message("")

    def say_cut(self) -> None:
        """Show that signing in has to wait.

        The input stays.
        """
        self.show_message("Not signed in yet. Press enter again once the server answers; your input stays.")
        self._said_cut = True

    def show_message(self, message: Content | str, *, bad: bool = True) -> None:
        """Show a message above the form.

        An empty one removes it.
        """
        self._said_cut = False
        note = self.query_one("#note", Static)
        content = safe(message) if isinstance(message, str) else message
        note.update(join("! ", content) if bad and content.plain else content)
        note.set_class(bad, "-bad")
        note.display = bool(content.plain)

    async def put(self, step: Form | PickList) -> None:
        """Replace the form or list.

        A password typed into the old one is dropped.
        """
        old, self._step = self._step, step
        with self.app.batch_update():
            await self.query(".wait").remove()
            await self.query_one("#card").mount(step, after=old)
            await old.remove()
        self.set_focus(step)

    async def wait(self, then: str, wait: timedelta | None) -> None:
        """Count down above the form, and show `then` at the end."""
        from secconsole.tui.widgets.wait_line import WaitLine

        line = WaitLine(classes="wait")
        await self.query_one("#card").mount(line, before=self._step)
        line.count_down(then, wait)

    def stop_waiting(self) -> None:
        """Stop the countdown: there is nothing to wait for."""
        self.query(".wait").remove()

    def follow_sending(self, work: Coroutine[None, None, None]) -> None:
        """Run work that follows a message until something is entered."""
        self._watching = self.run_worker(work, exit_on_error=False)

    async def entered(self) -> Entered:
        """Let keys go to the form until it is sent, and hold them after that.

        Raise `SignInCancelled` on cancel.
        """
        if self._entry is None:
            self._entry = asyncio.get_running_loop().create_future()
            self.release()
        try:
            return await self._entry
        finally:
            self._entry = None

    def hold(self) -> None:
        """Make keys wait."""
        if self._hold is None:
            self._hold = self.app.hold_keys()

    def release(self) -> None:
        if self._hold is not None:
            self._hold.release()
            self._hold = None

    def hand_over(self) -> KeyHold | None:
        """Return the hold on waiting keys, for the next screen to release."""
        held, self._hold = self._hold, None
        return held

    @property
    def demo_accounts(self) -> tuple[DemoAccount, ...]:
        return self._demo.accounts if self._demo is not None else ()

    async def ask_organisation(self) -> None:
        """Add a field for the organisation below the input, unless the form was sent already."""
        async with self.app.hold_keys():
            await self.app.wait_key_dispatched()  # otherwise its letter would go to the form that is removed
            if self._entry is None or self._entry.done():
                return
            old = self.form
            values, at = old.values, old.focused_name
            form = self.credentials(organisation=self.app.organisation)
            form.set_value("login", str(values["login"]))
            password = values["password"]
            assert isinstance(password, Secret)
            form.set_value("password", password.reveal())
            form.focus_field(at)
            await self.put(form)

    # ---- events ----------------------------------------------------------------------------------------------------

    def _enter(self, entry: Entered | Exception) -> None:
        if self._entry is None or self._entry.done():
            return
        self.hold()
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None
        if isinstance(entry, Exception):
            self._entry.set_exception(entry)
        else:
            self._entry.set_result(entry)

    def interrupt(self, error: Exception) -> None:
        """Raise an error from `entered`: it has to be handled before anything else is typed."""
        self._enter(error)

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        self._enter({"button": event.button, **event.values})

    def on_form_cancelled(self, event: Form.Cancelled) -> None:
        event.stop()
        self._enter(SignInCancelled())

    def on_pick_list_picked(self, event: PickList.Picked) -> None:
        event.stop()
        self._enter({"button": "picked", "value": event.value})

    def action_leave_off(self) -> None:
        self._enter(SignInCancelled())

    def on_demo_list_picked(self, event: DemoList.Picked) -> None:
        self._enter(event.account)

    def on_form_changed(self, event: Form.Changed) -> None:
        if self._demo is not None:
            self._demo.renew(self.app.clock())

    async def action_help(self) -> None:
        from secconsole.tui.screens.help import HelpScreen, page

        await self.app.push_screen(HelpScreen("Sign in", page("sign-in.md"), (), {}))
