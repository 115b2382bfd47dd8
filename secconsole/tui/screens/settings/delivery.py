"""Delivery of one kind of code: settings in effect, other settings, and their test."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from textual.content import Content

from secconsole.domain.messages.delivery import Tls
from secconsole.domain.model import FactorKind
from secconsole.operations.delivery import Delivery, SmtpSettings
from secconsole.tui.screens.settings.delivery_dialog import DeliveryDialog
from secconsole.tui.text.delivery import WORDS, SendingSettings, in_effect, untested, went_wrong
from secconsole.tui.text.format import count, exact, moment
from secconsole.tui.text.labelled import labelled
from secconsole.tui.text.safe import Part, lines
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, cancel

if TYPE_CHECKING:
    from secconsole.tui.console import Console

TITLES = {FactorKind.EMAIL: "Mail server", FactorKind.SMS: "SMS through Twilio"}


class DeliveryStatusDialog(DeliveryDialog):
    """Returns "change" or "test". `why_not`: why the user may only look. `message`: a text about what was just done."""

    def __init__(
        self,
        kind: FactorKind,
        delivery: Delivery,
        now: datetime,
        *,
        allowed: bool,
        why_not: str = "",
        message: str = "",
    ) -> None:
        self._kind, self._now, self._allowed, self._why_not, self._message = kind, now, allowed, why_not, message
        active, waits = in_effect(delivery, kind), untested(delivery, kind)
        buttons = [cancel("Close")]
        if not why_not:
            if active or waits:
                buttons.append(Button("test", "Send a test"))
            buttons.append(Button("change", "Change" if active or waits else "Set up"))
        focus = "cancel" if why_not or (active and not waits) else buttons[1].name
        super().__init__(TITLES[kind], self._words(delivery), (), buttons, focus=focus)

    def follow(self, delivery: Delivery) -> None:
        self.set_body(self._words(delivery))

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        self.dismiss(event.button)

    def _words(self, delivery: Delivery) -> Content:
        active, waits = in_effect(delivery, self._kind), untested(delivery, self._kind)
        rows: list[Part] = [(self._message, "$status-bound"), ""] if self._message else []
        if active:
            rows += _settings_rows("In effect", active)
        else:
            rows.append(labelled("In effect", "nothing: these codes are not sent, so this kind cannot be bound"))
        if waits:
            rows += ["", *_settings_rows("Not tested", waits)]
            holds = "Until then, the settings in effect are used." if active else "Until then nothing is sent."
            rows.append(labelled("", f"They take effect once the code of a test is typed back. {holds}"))
        if delivery.inbox:
            rows.append(labelled("Demo", "all messages go to the demo's inbox, whatever is set"))
        if not self._allowed:
            rule = f"users may not bind {WORDS[self._kind]} themselves: k in Settings changes that"
            rows.append(labelled("Policy", rule))
        rows += ["", *day_rows(delivery, (self._kind,))]
        wrong = next((m for m in went_wrong(delivery) if m.kind is self._kind), None)
        if wrong is not None:
            why = wrong.problem or "too late to send"
            rows.append(labelled("Latest", f"{moment(wrong.at, self._now)}: {why}", "$danger"))
        if self._why_not:
            rows += ["", (f"Read-only. {self._why_not}", "$muted")]
        return lines(*rows)


def day_rows(delivery: Delivery, kinds: Sequence[FactorKind]) -> list[Part]:
    """Return the outcomes of the last 24 hours, a line for each kind."""
    rows: list[Part] = []
    for day in delivery.day:
        if day.kind in kinds:
            words = f"{count(day.sent)} sent, {count(day.waiting)} waiting, {count(day.failed)} failed, "
            label = "24 hours" if len(kinds) == 1 else f"{day.kind}, 24 h"
            rows.append(labelled(label, f"{words}{count(day.unsure)} unsure, of {count(day.most)} a day"))
    return rows


def _settings_rows(title: str, settings: SendingSettings) -> list[Content]:
    if isinstance(settings, SmtpSettings):
        user = f", signs in as {settings.username}" if settings.username else ", no user"
        tls = "not encrypted" if settings.tls is Tls.NONE else str(settings.tls)
        where = f"{settings.host}, port {settings.port}, {tls}{user}"
        rows = [labelled(title, where), labelled("", f"from {settings.sender}")]
    else:
        sender = settings.sender or f"messaging service {settings.service}"
        rows = [labelled(title, settings.account_sid), labelled("", f"from {sender}, by {settings.base_url}")]
    return [*rows, labelled("", f"set {exact(settings.since)} by {settings.by}", "$muted")]


async def manage_delivery(
    app: Console, kind: FactorKind, delivery: Delivery, *, allowed: bool, why_not: str = ""
) -> None:
    """Show how a kind is sent, and let the user change and test the settings until they close the dialog."""
    from secconsole.operations.delivery import ShowDelivery
    from secconsole.tui.screens.settings.delivery_settings import settings_dialog
    from secconsole.tui.screens.settings.delivery_test import run_delivery_test

    message = ""
    while True:
        wanted = await app.ask(
            DeliveryStatusDialog(kind, delivery, app.clock(), allowed=allowed, why_not=why_not, message=message)
        )
        if wanted is None:
            return
        message = ""
        if wanted == "change" and not await app.ask(settings_dialog(app.identity.role, kind, delivery)):
            continue
        message = await run_delivery_test(app, kind)
        delivery = await app.perform(ShowDelivery(tenant=app.tenant))
