"""Trying out settings for sending: a code goes to whoever sets them, and they count once it was typed back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from secconsole.domain.delivery import MessageState, SettingsState
from secconsole.domain.errors import Invalid, SecconsoleError
from secconsole.domain.model import FactorKind
from secconsole.domain.secret import Secret
from secconsole.operations.delivery import ConfirmDelivery, Delivery, MessageRow, ShowDelivery, TestStarted, TryDelivery
from secconsole.operations.users import ShowUser
from secconsole.tui.labelled import LABEL, labelled
from secconsole.tui.safe_text import Part, join, lines
from secconsole.tui.screens.doing_dialog import DoingDialog, Values
from secconsole.tui.screens.settings.follows_delivery import FollowsDelivery
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, CodeField, TextField, cancel
from secconsole.tui.words import clock, plural

if TYPE_CHECKING:
    from secconsole.tui.app import SecConsole

_MAIL = FactorKind.EMAIL


async def try_out(app: SecConsole, kind: FactorKind) -> str:
    """Have a code sent and typed back; what to say of it, empty if it was left for later."""
    to = await own_contact(app, kind)
    begun = await app.ask(TrialDialog(kind, to))
    if begun is None:
        return ""
    started, to = begun
    return await app.ask(TypeBackDialog(started, to)) or ""


async def own_contact(app: SecConsole, kind: FactorKind) -> str:
    """One's own address or number on record; empty where there is none, or it cannot be told."""
    me = app.identity
    if not me.id:
        return ""
    try:
        user = (await app.perform(ShowUser(tenant=me.tenant, user=me.id))).user
    except SecconsoleError:
        return ""
    return user.email if kind is _MAIL else user.phone


class TrialDialog(DoingDialog["tuple[TestStarted, str] | None"]):
    """Asks where the test goes, and has it sent."""

    def __init__(self, kind: FactorKind, to: str) -> None:
        self._kind = kind
        field = TextField(
            name="to", label="Your address" if kind is _MAIL else "Your number", needed=True, value=to,
            help="One that you can read now." if kind is _MAIL else "With the country code: +420 777 123 456",
        )  # fmt: skip
        body = "A code is sent to you. Type it back, and the settings take effect."
        super().__init__("Send a test", body, [field], [cancel("Later"), Button("send", "Send")], focus="to")

    async def do(self, button: str, values: Values) -> tuple[TestStarted, str] | None:
        to = str(values["to"]).strip()
        started = await self.app.perform(TryDelivery(tenant=self.app.tenant, kind=self._kind, to=to))
        if not started.sent and not started.prefix:
            raise Invalid(started.message, "to")
        return started, to


class TypeBackDialog(FollowsDelivery):
    """Says what becomes of the message while the code is waited for; gives the words of a test that succeeded."""

    def __init__(self, started: TestStarted, to: str) -> None:
        self._started, self._to = started, to
        self._message: MessageRow | None = None
        self._note = started.message
        self._inbox = False  # of a demo
        buttons = [cancel("Later"), Button("again", "Send again"), Button("confirm", "Confirm")]
        code = CodeField(name="code", label="Code", help="The six digits, without the letters.")
        super().__init__("Type the code back", self._words(), [code], buttons, focus="code")

    def on_mount(self) -> None:
        super().on_mount()
        self.run_worker(self._look(), exit_on_error=False)

    async def _look(self) -> None:
        """It may have been tried before this stood here."""
        self.follow(await self.app.perform(ShowDelivery(tenant=self.app.tenant)))

    def follow(self, delivery: Delivery) -> None:
        self._inbox = delivery.inbox
        self._message = next((row for row in delivery.recent if row.id == self._started.id), self._message)
        self.set_body(self._words())

    # ---- keys ------------------------------------------------------------------------------------------------------

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        if event.button == "confirm" and not event.values["code"]:
            event.form.set_error("code", "Type the six digits that came.")
            return
        event.form.busy = True
        self.run_worker(self._answer(event.button, str(event.values["code"])), exit_on_error=False)

    async def _answer(self, button: str, code: str) -> None:
        try:
            if button == "confirm":
                await self._confirm(code)
            else:
                await self._send_again()
        except SecconsoleError as error:
            self.app.work_failed(error)
        finally:
            self.form.busy = False

    async def _confirm(self, code: str) -> None:
        result = await self.app.perform(ConfirmDelivery(tenant=self.app.tenant, code=Secret(code)))
        if result.accepted:
            in_effect = self._started.state is SettingsState.PENDING
            self.dismiss(f"{result.message}." + (" The settings are in effect now." if in_effect else ""))
        else:
            self._note = result.message
            self.set_body(self._words())
            self.form.set_error("code", "That was not it.", clear=True)

    async def _send_again(self) -> None:
        wanted = TryDelivery(tenant=self.app.tenant, kind=self._started.kind, to=self._to)
        started = await self.app.perform(wanted)
        self._note = started.message
        if started.sent:
            self._started, self._message = started, None
            self.form.clear_errors()
            self.form.set_value("code", "")
        self.form.focus_field("code")
        self.set_body(self._words())
        await self._look()

    # ---- what is said ----------------------------------------------------------------------------------------------

    def _words(self) -> Content:
        started = self._started
        code = join((f"{'Code':<{LABEL}}", "$muted"), (f"{started.prefix}-••••••", "bold"), "  type the digits")
        rows: list[Part] = [*labelled("To", started.masked), code]
        if started.expires is not None:
            rows += labelled("Holds", f"until {clock(started.expires)}, once")
        rows += [*self._state(), ""]
        if self._note:
            rows.append((self._note, "$status-pending"))
        spam = "Not arrived? Look in spam. " if started.kind is _MAIL else "Not arrived? It can take a minute. "
        if self._inbox:
            spam = ""
        return lines(*rows, (f"{spam}Esc leaves it for later.", "$muted"))

    def _state(self) -> list[Content]:
        message = self._message
        if not self._started.id:
            return labelled("Now", "the code of the test before still holds")
        going = message is None or message.state in (MessageState.WAITING, MessageState.SENDING)
        if message is None or (going and not message.problem):
            return labelled("Now", "being sent")
        if message.state is MessageState.SENT and self._inbox:
            return labelled("Now", "It is in the demo's own inbox: nothing leaves this machine.", "$status-bound")
        if message.state is MessageState.SENT:
            kind = "The mail server" if self._started.kind is _MAIL else "Twilio"
            return labelled("Now", f"{kind} took it: it is on its way to you.", "$status-bound")
        if going:
            tries = plural(message.attempts, "try", "tries")
            return labelled("Now", f"{message.problem} It is tried again ({tries} so far).", "$status-pending")
        after = {
            MessageState.UNSURE: "It may have arrived, or not.", MessageState.VOID: "A newer code took its place.",
        }.get(message.state, "Nothing was sent.")  # fmt: skip
        return labelled("Now", f"{message.problem} {after}".strip(), "$danger")
