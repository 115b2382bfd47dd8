"""Testing delivery settings: a code is sent to the user, and the settings take effect once it is typed back."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from textual.content import Content

from secconsole.domain.errors import Invalid, SecconsoleError, Unavailable
from secconsole.domain.messages.delivery import MessageState, SettingsState
from secconsole.domain.messages.phone import e164
from secconsole.domain.model import FactorKind
from secconsole.domain.secret import Secret
from secconsole.operations.base import Operation
from secconsole.operations.delivery import ConfirmDelivery, Delivery, MessageRow, ShowDelivery, TestStarted, TryDelivery
from secconsole.operations.user_changes import RenameUser
from secconsole.operations.users import ShowUser, UserRow
from secconsole.tui.screens.dialog import ConfirmDialog
from secconsole.tui.screens.settings.delivery_dialog import DeliveryDialog
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.session.delivery_watch import LATER, SOON
from secconsole.tui.text.format import clock, plural
from secconsole.tui.text.labelled import LABEL, labelled
from secconsole.tui.text.safe import Part, join, lines
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, CodeField, Field, PhoneField, TextField, cancel

if TYPE_CHECKING:
    from secconsole.tui.console import Console

_MAIL = FactorKind.EMAIL


async def run_delivery_test(app: Console, kind: FactorKind) -> str:
    """Send a code and have it typed back.

    Return a message, empty if the test was postponed.
    """
    me = await _own_record(app)
    if me is not None and not me.email:
        from secconsole.tui.screens.account.dialogs import ContactDialog

        contact = await app.ask(ContactDialog("", asked_for=True))
        me = replace(me, email=contact.email) if contact is not None else me
    known = "" if me is None else me.email if kind is _MAIL else me.phone
    begun = await app.ask(DeliveryTestDialog(kind, known))
    if begun is None:
        return ""
    started, to = begun
    message = await app.ask(DeliveryCodeDialog(started, to)) or ""
    if message and kind is FactorKind.SMS and me is not None and e164(to) != me.phone:
        message += await _add_number(app, me, e164(to))
    return message


async def _own_record(app: Console) -> UserRow | None:
    """Return the user's own row, None for the owner of the store or if it cannot be read."""
    me = app.identity
    if not me.id:
        return None
    try:
        return (await app.perform(ShowUser(tenant=me.tenant, user=me.id))).user
    except SecconsoleError:
        return None


async def _add_number(app: Console, me: UserRow, number: str) -> str:
    """Offer to put the tested number on the user's own record.

    Return a message, empty if nothing was changed.
    """
    instead = f"instead of {me.phone}" if me.phone else "where there is none yet"
    body = f"The code reached {number}. Put that number on your own record, {instead}?"
    adding = RenameUser(tenant=app.identity.tenant, user=me.id, phone=number)
    if not await app.ask(ConfirmDialog("Your phone number", body, "Add it", does=adding)):
        return ""
    await app.perform(adding)
    return " Your number is on record now."


class DeliveryTestDialog(SubmitDialog["tuple[TestStarted, str] | None"]):
    """Asks where to send the test, and sends it."""

    def __init__(self, kind: FactorKind, to: str) -> None:
        self._kind = kind
        field: Field
        if kind is _MAIL:
            field = TextField(name="to", label="Your address", needed=True, value=to, help="One that you can read now.")
        else:
            field = PhoneField(name="to", label="Your number", needed=True, value=to)
        body = "A code is sent to you. Type it back and the settings take effect."
        super().__init__("Send a test", body, [field], [cancel("Later"), Button("send", "Send")], focus="to")

    async def submit(self, button: str, values: Values) -> tuple[TestStarted, str] | None:
        to = str(values["to"]).strip()
        started = await self.app.perform(TryDelivery(tenant=self.app.tenant, kind=self._kind, to=to))
        if not started.sent and not started.prefix:
            raise Invalid(started.message, "to")
        return started, to


class DeliveryCodeDialog(DeliveryDialog):
    """Shows the outcome of the message while the code is awaited.

    Returns the message of a successful test.
    """

    def __init__(self, started: TestStarted, to: str) -> None:
        self._started, self._to = started, to
        self._message: MessageRow | None = None
        self._note = started.message
        self._inbox = False  # codes of a demo
        buttons = [cancel("Later"), Button("again", "Send again"), Button("confirm", "Confirm", main=True)]
        code = CodeField(name="code", label="Code", help="The six digits, without the letters.")
        super().__init__("Type the code back", self._words(), [code], buttons, focus="code")

    def on_mount(self) -> None:
        super().on_mount()
        self.follow_sending(self._look())

    async def _look(self) -> None:
        """Poll for the outcome of the message until it is final, since no change notice reports it."""
        pause = SOON
        while True:
            with suppress(Unavailable):  # the connection has its own line
                self.follow(await self.app.backend.perform(ShowDelivery(tenant=self.app.tenant)))
            if self._message is not None and self._message.state not in (MessageState.WAITING, MessageState.SENDING):
                return
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LATER)

    def follow(self, delivery: Delivery) -> None:
        self._inbox = delivery.inbox
        self._message = next((row for row in delivery.recent if row.id == self._started.id), self._message)
        self.set_body(self._words())

    # ---- keys ------------------------------------------------------------------------------------------------------

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        if event.button == "confirm" and not event.values["code"]:
            event.form.set_error("code", "Type the six digits you received.")
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
            self.dismiss(f"{result.message}." + (" The settings are now in effect." if in_effect else ""))
        else:
            self._note = result.message
            self.set_body(self._words())
            self.form.set_error("code", "That code is wrong.", clear=True)

    def _test(self) -> TryDelivery:
        return TryDelivery(tenant=self.app.tenant, kind=self._started.kind, to=self._to)

    async def operation_now(self) -> Operation[object] | None:
        return self._test()  # its command sends a code and asks for it

    async def _send_again(self) -> None:
        started = await self.app.perform(self._test())
        self._note = started.message
        if started.sent:
            self._started, self._message = started, None
            self.form.clear_errors()
            self.form.set_value("code", "")
        self.form.focus_field("code")
        self.set_body(self._words())
        self.follow_sending(self._look())

    # ---- texts ----------------------------------------------------------------------------------------------------

    def _words(self) -> Content:
        started = self._started
        code = join((f"{'Code':<{LABEL}}", "$muted"), (f"{started.prefix}-••••••", "bold"), "  type the digits")
        rows: list[Part] = [labelled("To", started.masked), code]
        if started.expires is not None:
            rows.append(labelled("Holds", f"until {clock(started.expires)}, once"))
        rows += [self._state(), ""]
        if self._note:
            rows.append((self._note, "$status-pending"))
        spam = "Not arrived? Check your spam. " if started.kind is _MAIL else "Not arrived? It can take a minute. "
        if self._inbox:
            spam = ""
        return lines(*rows, (f"{spam}Esc postpones it.", "$muted"))

    def _state(self) -> Content:
        message = self._message
        if not self._started.id:
            return labelled("Now", "the code of the previous test is still valid")
        going = message is None or message.state in (MessageState.WAITING, MessageState.SENDING)
        if message is None or (going and not message.problem):
            return labelled("Now", "being sent")
        if message.state is MessageState.SENT and self._inbox:
            return labelled("Now", "It is in the demo's inbox: nothing leaves this machine.", "$status-bound")
        if message.state is MessageState.SENT:
            kind = "The mail server" if self._started.kind is _MAIL else "Twilio"
            return labelled("Now", f"{kind} accepted it: it is on its way to you.", "$status-bound")
        if going:
            tries = plural(message.attempts, "try", "tries")
            return labelled("Now", f"{message.problem} Retrying ({tries} so far).", "$status-pending")
        after = {
            MessageState.UNSURE: "It may or may not have arrived.",
            MessageState.VOID: "A newer code replaced it.",
        }.get(message.state, "Nothing was sent.")
        return labelled("Now", f"{message.problem} {after}".strip(), "$danger")
