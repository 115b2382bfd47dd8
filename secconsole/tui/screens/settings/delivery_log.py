"""Outcomes of the latest messages, newest first: address, purpose, and reason for a failure."""

from __future__ import annotations

from datetime import datetime

from textual.content import Content

from secconsole.domain.model import SENT_KINDS
from secconsole.operations.delivery import Delivery, MessageRow
from secconsole.tui.screens.settings.delivery import day_rows
from secconsole.tui.screens.settings.delivery_dialog import DeliveryDialog
from secconsole.tui.text.delivery import NOT_GOOD, outcome_words
from secconsole.tui.text.format import ago, plural
from secconsole.tui.text.labelled import labelled
from secconsole.tui.text.safe import Part, join, lines

_WHEN, _OUTCOME, _PURPOSE = 11, 12, 11


class DeliveryLogDialog(DeliveryDialog):
    """The last 24 hours in counts, and the latest messages.

    Updated while it is open.
    """

    def __init__(self, delivery: Delivery, now: datetime) -> None:
        self._now = now
        super().__init__("Messages", self._words(delivery))

    def follow(self, delivery: Delivery) -> None:
        self._now = self.app.clock()
        self.set_body(self._words(delivery))

    def _words(self, delivery: Delivery) -> Content:
        rows: list[Part] = [*day_rows(delivery, SENT_KINDS), ""]
        if not delivery.recent:
            rows.append(("Nothing was sent in the last few days.", "$muted"))
        for message in delivery.recent:
            rows += self._message(message)
        if len(delivery.recent) > 1:
            rows += ["", (f"The latest {plural(len(delivery.recent), 'message')}; pgup and pgdn scroll.", "$muted")]
        return lines(*rows)

    def _message(self, message: MessageRow) -> list[Part]:
        wrong = message.state in NOT_GOOD or bool(message.problem)
        head = join(
            (f"{ago(message.at, self._now):<{_WHEN}}", "$muted"),
            (f"{outcome_words(message):<{_OUTCOME}}", "$danger" if wrong else ""),
            f"{message.purpose:<{_PURPOSE}}",
            message.masked + (f", {message.login}" if message.login else ""),
        )
        tries = f" ({plural(message.attempts, 'try', 'tries')})" if message.attempts > 1 else ""
        return [head, *([labelled("", message.problem + tries, "$muted", width=_WHEN)] if message.problem else [])]
