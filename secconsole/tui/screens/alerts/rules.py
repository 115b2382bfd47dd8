"""The rules of suspicious activity: the list, the settings of one, and its trial over the past."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from textual.content import Content

from secconsole.domain.audit.alert_rules import AlertRule, span_words
from secconsole.domain.errors import Invalid, SecconsoleError
from secconsole.domain.limits import LONGEST_HOURS, LONGEST_ZONE
from secconsole.operations.alerts import ListAlertRules, RuleList, RuleRow, RuleTrial, SetAlertRule, TryAlertRule
from secconsole.tui.actions import Action
from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.screens.pick_dialog import PickDialog
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.text.format import exact, plural
from secconsole.tui.text.safe import Part, join, lines
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, CheckField, Field, TextField, cancel
from secconsole.tui.widgets.pick_list import Pick, PickList

if TYPE_CHECKING:
    from secconsole.tui.console import Console

TRIED_DAYS = 30
_SHOWN = 12  # alerts of a trial
_ONE_EACH = "A rule raises one alert for each user, operator or network."


class RulesDialog(PickDialog["str | None"]):
    """Returns the name of the rule that was picked."""

    def __init__(self, found: RuleList) -> None:
        picks = [Pick(row.rule, row.about, rule_words(row)) for row in found.items]
        super().__init__("Rules of alerts", _ONE_EACH, picks, back="Back")

    def on_pick_list_picked(self, event: PickList.Picked) -> None:
        event.stop()
        self.dismiss(event.value)


class RuleDialog(SubmitDialog["RuleRow | None"]):
    """Returns the changed rule, or None if nothing was changed.

    `why_not`: why the user may only try it.
    """

    def __init__(self, row: RuleRow, *, why_not: str = "") -> None:
        self._row = row
        rows: list[Part] = [(row.about, "bold"), f"{row.rule}: {rule_words(row)}"]
        if why_not:
            rows.append((why_not, "$muted"))
        fields: list[Field] = [] if why_not else [CheckField(name="on", label="On", text="raises alerts", value=row.on)]
        buttons = [cancel("Close" if why_not else "Cancel"), Button("try", f"Try {TRIED_DAYS} days", free=True)]
        if not why_not:
            buttons.append(Button("change", "Change"))
        super().__init__("Rule", lines(*rows), [*fields, *_fields(row)], buttons, focus="try" if why_not else "on")

    def on_form_submitted(self, event: Form.Submitted) -> None:
        if event.button == "try":
            event.stop()
            event.prevent_default()  # Textual calls the handler of the base class too, which would submit
            values = event.values
            self.start_work(lambda: self._try(values))

    async def submit(self, button: str, values: Values) -> RuleRow | None:
        changes = _changes(self._row, values)
        wanted = SetAlertRule(tenant=self.app.tenant, rule=self._row.rule, on=bool(values["on"]), **changes)
        return await self.app.perform(wanted)

    async def _try(self, values: Values) -> None:
        """Show what the rule would have found with the settings of the form, which stays open."""
        since = self.app.clock() - timedelta(days=TRIED_DAYS)
        try:
            changes = _changes(self._row, values)
            wanted = TryAlertRule(tenant=self.app.tenant, rule=self._row.rule, since=since, **changes)
            trial = await self.app.perform(wanted)
        except Invalid as error:
            self.form.set_error(error.field or "threshold", error.message)
        except SecconsoleError as error:
            self.app.notify_failed(error)
        else:
            await self.app.ask(Dialog(f"Trial of {self._row.rule}", trial_words(trial)))


async def manage_rules(place: Any) -> None:
    """Show the rules, and change or try the one that is picked, until the user goes back."""
    app: Console = place.app
    why_not = place.may_not(SET_RULE)
    while True:
        found = await app.perform(ListAlertRules(tenant=app.tenant))
        picked = await app.ask(RulesDialog(found))
        if picked is None:
            return
        row = next(row for row in found.items if row.rule == picked)
        changed = await app.ask(RuleDialog(row, why_not=why_not))
        if changed is not None and changed != row:
            app.notify_done(f"{changed.rule} is {rule_words(changed)} now.")


def rule_words(row: RuleRow) -> str:
    """Return the settings of a rule in one line."""
    if row.rule is AlertRule.DORMANT:
        counts = f"after {row.threshold} days"
    else:
        counts = _counted(row)
    within = f"within {span_words(row.minutes)}" if row.minutes else ""
    hours = f"working hours {row.hours} {row.zone}" if row.hours else ""
    words = ", ".join(part for part in (" ".join(part for part in (counts, within) if part), hours) if part)
    return ("on" if row.on else "off") + (f": {words}" if words else "")


def trial_words(trial: RuleTrial) -> Content:
    """Return what a rule would have found."""
    head = f"{plural(trial.raised, 'alert')} since {exact(trial.since)}, from {trial.read:,} audit entries."
    rows: list[Part] = [(head, "bold"), "Nothing was changed."]
    if not trial.whole:
        rows.append((f"There are too many entries: it stopped at {exact(trial.until)}.", "$danger"))
    rows += ["", *(join((f"{exact(one.last)}  ", "$muted"), one.summary) for one in trial.items[:_SHOWN])]
    if trial.raised > _SHOWN:
        rows.append((f"and {trial.raised - _SHOWN:,} earlier. secconsole alert rule try lists them.", "$muted"))
    return lines(*rows)


def _fields(row: RuleRow) -> list[Field]:
    found: list[Field] = []
    if row.unit:
        found.append(
            TextField(
                name="threshold",
                label="Threshold",
                value=str(row.threshold),
                max_length=5,
                help=f"The number of {row.unit}.",
            )
        )
    if row.minutes:
        found.append(TextField(name="minutes", label="Window", value=str(row.minutes), max_length=5, help="Minutes."))
    if row.rule is AlertRule.OUT_OF_HOURS:
        found += [
            TextField(
                name="hours", label="Working", value=row.hours, max_length=LONGEST_HOURS, help="mon-fri 08:00-18:00"
            ),
            TextField(name="zone", label="Zone", value=row.zone, max_length=LONGEST_ZONE, help="Europe/Prague"),
        ]
    return found


def _changes(row: RuleRow, values: Values) -> dict[str, Any]:
    """Return the settings that differ from those of the rule."""
    changes: dict[str, Any] = {}
    for name in ("threshold", "minutes"):
        if name in values:
            text = str(values[name]).strip()
            if not (text.isascii() and text.isdigit()):
                raise Invalid("Enter a number.", name)
            changes[name] = int(text)
    changes |= {name: str(values[name]).strip() for name in ("hours", "zone") if name in values}
    return {name: value for name, value in changes.items() if value != getattr(row, name)}


SET_RULE = Action(
    "alerts.set-rule",
    "Change a rule",
    "enter",
    "Change the threshold and window of a rule.",
    SetAlertRule,
    command="secconsole alert rule set NAME --threshold N",
)


def _counted(row: RuleRow) -> str:
    """Return the threshold with its unit, empty if the rule counts nothing."""
    if not row.unit:
        return ""
    one = "wrong entry" if row.unit == "wrong entries" else row.unit.removesuffix("s")
    return plural(row.threshold, one if row.unit != "SMS" else "SMS", row.unit)
