"""The list of alerts, one alert with the audit entries that it was made from, and its acknowledgement."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from textual.content import Content

from secconsole.domain.audit.alert_rules import AlertState
from secconsole.domain.limits import LONGEST_NOTE
from secconsole.operations.alerts import (
    AcknowledgeAlert,
    Alert,
    AlertDetail,
    AlertPage,
    ListAlerts,
    ShowAlert,
)
from secconsole.operations.audit import AuditEntry
from secconsole.operations.events import EVENTS
from secconsole.tui.actions import Action
from secconsole.tui.screens.alerts.rules import manage_rules
from secconsole.tui.screens.audit.dialogs import EntryDialog
from secconsole.tui.screens.pick_dialog import PickDialog
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.text.format import clock, exact, plural
from secconsole.tui.text.labelled import labelled
from secconsole.tui.text.safe import Part, lines
from secconsole.tui.widgets.form_fields import Button, TextField, cancel
from secconsole.tui.widgets.pick_list import Pick, PickList

if TYPE_CHECKING:
    from secconsole.tui.console import Console

MOST = 50  # alerts in the list, newest first
_RULES, _OTHERS, _ACKNOWLEDGE = "rules", "others", "acknowledge"


class AlertsDialog(PickDialog["str | None"]):
    """Returns what was picked: the id of an alert, or a word for something to do."""

    def __init__(self, found: AlertPage, state: AlertState) -> None:
        is_open = state is AlertState.OPEN
        picks = [Pick(alert.id, alert.summary, _about(alert)) for alert in found.items]
        picks.append(Pick(_OTHERS, "Acknowledged alerts" if is_open else "Open alerts"))
        picks.append(Pick(_RULES, "Rules"))
        super().__init__(
            "Alerts" if is_open else "Acknowledged alerts", _list_words(found, is_open), picks, back="Close"
        )

    def on_pick_list_picked(self, event: PickList.Picked) -> None:
        event.stop()
        self.dismiss(event.value)


class AlertDialog(PickDialog["str | None"]):
    """Shows an alert, and returns what was picked: one of its audit entries, or to acknowledge it.

    `why_not`: why the user may only look.
    """

    def __init__(self, found: AlertDetail, now: datetime, *, why_not: str = "") -> None:
        is_open = found.alert.state is AlertState.OPEN
        picks = [Pick(_ACKNOWLEDGE, "Acknowledge with a note")] if is_open and not why_not else []
        picks += [Pick(entry.id, _entry_words(entry, now)) for entry in found.entries]
        super().__init__("Alert", _alert_words(found, why_not if is_open else ""), picks, back="Back")

    def on_pick_list_picked(self, event: PickList.Picked) -> None:
        event.stop()
        self.dismiss(event.value)


class AcknowledgeDialog(SubmitDialog["Alert | None"]):
    """Asks for the note with which an alert is acknowledged."""

    def __init__(self, alert: Alert) -> None:
        self._alert = alert
        body = lines(alert.summary, "", ("From then on the rule counts from zero again.", "$muted"))
        note = TextField(name="note", label="Note", needed=True, max_length=LONGEST_NOTE, help="What the cause was.")
        super().__init__("Acknowledge", body, [note], [cancel(), Button("done", "Acknowledge")], focus="note")

    async def submit(self, button: str, values: Values) -> Alert | None:
        operation = AcknowledgeAlert(tenant=self.app.tenant, alert=self._alert.id, note=str(values["note"]))
        return await self.app.perform(operation)


async def manage_alerts(place: Any) -> None:
    """Show the alerts, and do what is picked until the user closes the list."""
    app, state = place.app, AlertState.OPEN
    while True:
        # Read again each time: another operator may have acknowledged alerts meanwhile.
        found = await app.perform(ListAlerts(tenant=app.tenant, state=state, limit=MOST))
        picked = await app.ask(AlertsDialog(found, state))
        if picked is None:
            break
        if picked == _RULES:
            await manage_rules(place)
        elif picked == _OTHERS:
            state = AlertState.ACKNOWLEDGED if state is AlertState.OPEN else AlertState.OPEN
        else:
            await _look_at(place, picked)
    await place.on_live_change()


async def _look_at(place: Any, id: str) -> None:
    """Show one alert and its entries until the user goes back or acknowledges it."""
    app: Console = place.app
    why_not = place.may_not(ACKNOWLEDGE)
    while True:
        found = await app.perform(ShowAlert(tenant=app.tenant, alert=id))
        picked = await app.ask(AlertDialog(found, app.clock(), why_not=why_not))
        if picked is None:
            return
        if picked == _ACKNOWLEDGE:
            if await app.ask(AcknowledgeDialog(found.alert)) is not None:
                app.notify_done("The alert is acknowledged.")
                return
        else:
            await app.ask(EntryDialog(next(entry for entry in found.entries if entry.id == picked)))


def _about(alert: Alert) -> str:
    if alert.acknowledged:
        return f"{alert.acknowledged_by}: {alert.note} · {exact(alert.acknowledged)}"
    return f"{exact(alert.last)} · {plural(alert.events, 'event')} · {alert.rule}"


def _list_words(found: AlertPage, is_open: bool) -> str:
    if not is_open:
        return f"The newest {MOST} are listed." if found.next else "Newest first."
    if not found.open or found.oldest is None:
        return "No alert is open."
    more = f", of which the newest {MOST} are listed" if found.next else ""
    return f"{plural(found.open, 'alert is', 'alerts are')} open, the oldest since {exact(found.oldest)}{more}."


def _alert_words(found: AlertDetail, why_not: str) -> Content:
    alert = found.alert
    rows: list[Part] = [(alert.summary, "bold"), ""]
    rows.append(labelled("Rule", str(alert.rule)))
    rows.append(labelled("When", f"{exact(alert.first, seconds=True)} to {clock(alert.last)}"))
    named = "" if alert.events <= len(found.entries) else f", {len(found.entries)} of them below"
    rows.append(labelled("Made from", plural(alert.events, "audit entry", "audit entries") + named))
    if alert.acknowledged:
        rows.append(labelled("Acknowledged", f"{exact(alert.acknowledged)} by {alert.acknowledged_by}"))
        rows.append(labelled("Note", alert.note))
    if why_not:
        rows.append(labelled("Read-only", why_not, "$muted"))
    return lines(*rows)


def _entry_words(entry: AuditEntry, now: datetime) -> str:
    """Return an entry in one line: `09:02:11  hana  unbound: marek.novak, refused`."""
    here = entry.at.astimezone()
    date = "" if here.date() == now.astimezone().date() else f"{here:%d.%m.} "
    event = EVENTS.get(entry.action)
    what = event.words if event is not None else entry.action
    target = f": {entry.target}" if entry.target and entry.target != entry.actor else ""
    outcome = "" if entry.outcome == "done" else f", {entry.outcome}"
    address = f" ({entry.address})" if entry.address else ""
    return f"{date}{here:%H:%M:%S}  {entry.actor}  {what}{target}{outcome}{address}"


ACKNOWLEDGE = Action(
    "alerts.acknowledge",
    "Acknowledge",
    "enter",
    "Acknowledge an alert with a note.",
    AcknowledgeAlert,
    command="secconsole alert acknowledge ID --note TEXT",
)
