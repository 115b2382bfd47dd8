"""Dialogs: text above, a form below, Escape to cancel."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static
from textual.worker import Worker

from secconsole.tui.console import Captured, capturing
from secconsole.tui.text.about import About
from secconsole.tui.text.commands import command_line
from secconsole.tui.text.safe import safe
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, Field, TextField, cancel
from secconsole.tui.widgets.prose import Prose

if TYPE_CHECKING:
    from secconsole.operations.base import Operation
    from secconsole.tui.console import Console
    from secconsole.tui.runtime.key_queue import KeyHold

T = TypeVar("T")
PRESSING = frozenset({"enter", "ctrl+j", "ctrl+m", "space"})  # keys that press a button
NO_COMMAND = "There is no command that does the same."


async def first_change(work: Awaitable[object]) -> Operation[object] | None:
    """Return the first change that work would make, and make none."""
    capture = capturing.set(True)
    try:
        await work
    except Captured as found:
        return found.operation
    finally:
        capturing.reset(capture)
    return None


def copy_command(app: Console, operation: Operation[object]) -> None:
    """Send the command that does the same as an operation to the terminal's clipboard."""
    if line := command_line(operation):
        app.copy_to_clipboard(line)
    else:
        app.notify_refused(NO_COMMAND)


class Dialog(ModalScreen[T], Generic[T]):
    """A card with a title, a body and a form.

    Subclasses handle `Form.Submitted`; cancelling returns `cancelled`. PgUp and PgDn scroll a body that is taller than
    the window. The user that it is about and the buttons of a form without fields do not scroll.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel", show=False),
        Binding("pageup", "scroll(-1)", "Up", show=False),
        Binding("pagedown", "scroll(1)", "Down", show=False),
        Binding("ctrl+y", "copy_command", "Copy as command", show=False),
    ]
    cancelled: ClassVar[object] = None
    DEFAULT_CSS = """
    Dialog .dialog-body {
        width: 100%;
        height: auto;
        margin-bottom: 1;
    }
    Dialog .dialog-who {
        dock: top;
        width: 100%;
        height: auto;
        background: $background;
    }
    Dialog Form.-buttons {
        dock: bottom;
        background: $background;
    }
    """

    def __init__(
        self,
        title: str,
        body: About | Content | str = "",
        fields: Sequence[Field] = (),
        buttons: Sequence[Button] = (),
        *,
        focus: str | None = None,
        danger: bool = False,
    ) -> None:
        super().__init__()
        self._card_title = title
        self._who, self._body = _split(body)
        self._danger = danger
        self._watching: Worker[None] | None = None
        self.form = Form(fields, buttons or (cancel("Close"),), focus=focus)

    @property
    def app(self) -> Console:  # type: ignore[override]
        return cast("Console", super().app)

    def compose(self) -> ComposeResult:
        card = VerticalScroll(classes="card -danger" if self._danger else "card", can_focus=False)
        card.border_title = safe(self._card_title)
        with card:
            yield self.compose_who()
            yield from self.compose_body()
            yield self.form

    def on_mount(self) -> None:
        self.refresh_connection()

    def focus_from_top(self) -> None:
        """Give the form the focus without scrolling to it, as the text is read first.

        Only for dialogs whose AUTO_FOCUS is empty.
        """
        self.form.from_top = True
        self.set_focus(self.form, scroll_visible=False)

    def spare_enter(self) -> None:
        """Move from a button that acts to the one that cancels if the key that opened the dialog would press it.

        A key that is held down, or pressed once too often, then confirms nothing.
        """
        stops = [button.name for button in self.form.buttons if button.cancels]
        if stops and self.app.latest_key in PRESSING and self.form.focused_name in self.form.acting_buttons:
            self.form.focus_field(stops[0])

    def refresh_connection(self) -> None:
        """Redraw the connection state, since the dialog may cover the header."""
        for card in self.query(".card"):
            card.border_subtitle = safe(self.app.connection.words(room=card.size.width - 6 if card.size.width else 60))

    def compose_who(self) -> Static:
        """Return the line of the user that the dialog is about, which takes no room without one."""
        shown = Prose(self._who, classes="dialog-who")
        shown.display = bool(self._who.plain)
        return shown

    def compose_body(self) -> ComposeResult:
        """Yield the widgets above the form.

        By default the body as text, if there is one.
        """
        if self._body.plain:
            yield Prose(self._body, classes="dialog-body")

    def set_body(self, body: About | Content | str) -> None:
        """Replace the text above the form, and the user if it names one."""
        who, self._body = _split(body)
        if who.plain:
            shown = self.query_one(".dialog-who", Static)
            shown.update(who)
            shown.display = True
        self.query_one(".dialog-body", Static).update(self._body)

    async def put_form(self, form: Form) -> None:
        """Replace the form."""
        old, self.form = self.form, form
        # In one frame: without the form, the card would shrink and grow again.
        with self.app.batch_update():
            await self.query_one(".card").mount(form, after=old)
            await old.remove()
        # Removing the old form left the focus nowhere, and the next key would be lost.
        self.set_focus(form)

    def action_copy_command(self) -> None:
        """Copy the command that does the same as this dialog, as it is filled in."""
        self.start_work(self._copy_command)

    async def _copy_command(self) -> None:
        operation = await self.operation_now()
        if operation is not None:
            copy_command(self.app, operation)

    async def operation_now(self) -> Operation[object] | None:
        """Return what this dialog would do, or notify the user that it has no command and return None."""
        self.app.notify_refused(NO_COMMAND)
        return None

    def follow_sending(self, work: Coroutine[None, None, None] | None) -> None:
        """Run work that follows the latest message, in place of the work before it.

        None stops it.
        """
        if self._watching is not None:
            self._watching.cancel()
        self._watching = None if work is None else self.run_worker(work, exit_on_error=False)

    def start_work(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Do the work of a button.

        Keys wait until it is done, for the form shown then.
        """
        self.run_worker(self._work(work, self.app.hold_keys()), exit_on_error=False)

    async def _work(self, work: Callable[[], Coroutine[None, None, None]], hold: KeyHold) -> None:
        async with hold:
            await work()

    def action_leave(self) -> None:
        """Cancel from outside the form, which asks first if something was typed."""
        if self.form.may_leave():
            self.action_cancel()

    def on_form_country_wanted(self, event: Form.CountryWanted) -> None:
        event.stop()
        self.start_work(lambda: self.pick_country(event.name))

    async def pick_country(self, name: str) -> None:
        """Let the user pick the country of the number in a field."""
        from secconsole.domain.messages.countries import countries, with_country
        from secconsole.tui.screens.factors.country import CountryDialog

        country = await self.app.ask(CountryDialog())
        if country is not None:
            self.form.fill_in(name, with_country(country, str(self.form.values[name]), countries()))

    def on_form_cancelled(self, event: Form.Cancelled) -> None:
        event.stop()
        self.action_cancel()

    def action_cancel(self) -> None:
        self.dismiss(cast(T, self.cancelled))

    def action_scroll(self, pages: int) -> None:
        card = self.query_one(".card", VerticalScroll)
        card.scroll_relative(y=pages * max(1, card.size.height - 1), animate=False)


def _split(body: About | Content | str) -> About:
    """Return the text of a dialog, apart from the user that it is about."""
    if isinstance(body, About):
        return body
    return About(Content(), safe(body) if isinstance(body, str) else body)


class ConfirmDialog(Dialog[bool]):
    """Asks for confirmation.

    With `type_to_confirm` that word or number has to be typed first. `does`: what is done once it is confirmed.
    """

    cancelled = False

    def __init__(
        self,
        title: str,
        body: Content | str,
        confirm_label: str,
        danger: bool = False,
        type_to_confirm: str = "",
        does: Operation[object] | None = None,
    ) -> None:
        self._word, self._does = type_to_confirm, does
        fields = [TextField(name="word", label=f"Type {type_to_confirm}", needed=True)] if type_to_confirm else []
        super().__init__(
            title,
            body,
            fields,
            [cancel(), Button("confirm", confirm_label, danger=danger)],
            focus=None if danger else ("word" if type_to_confirm else "confirm"),
            danger=danger,
        )

    def on_mount(self) -> None:
        super().on_mount()
        self.spare_enter()

    async def operation_now(self) -> Operation[object] | None:
        return self._does or await super().operation_now()

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        if self._word and str(event.values["word"]).strip() != self._word:
            event.form.set_error("word", f"That is not {self._word}.")
            return
        self.dismiss(True)
