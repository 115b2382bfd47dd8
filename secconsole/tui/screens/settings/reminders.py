"""Reminders: mails to users without a factor during their grace period, switched on or off."""

from __future__ import annotations

from secconsole.domain.reminders import reminder_days
from secconsole.operations.policy import Policy, PolicyPreview, SetPolicy
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.text.format import plural
from secconsole.tui.text.safe import Part, lines
from secconsole.tui.widgets.form_fields import Button, ChoiceField, Field, cancel

_SWITCHES = {"off": False, "on": True}


class RemindersDialog(SubmitDialog["Policy | None"]):
    """Returns the new policy, or None if nothing was changed.

    `preview`: of the policy with reminders. `why_not`: why the user may only look.
    """

    def __init__(self, policy: Policy, preview: PolicyPreview, *, why_not: str = "") -> None:
        self._policy = policy
        rows: list[Part] = [
            "Users who must bind a factor and have none get a mail on the first day",
            "of their grace period, after 3 and 7 days, and on its last day.",
            "Users on the whitelist, such as service accounts, get none.",
            "",
            effect_words(preview),
        ]
        fields: list[Field] = []
        buttons = [cancel("Close")]
        if why_not:
            rows.append((why_not, "$muted"))
        else:
            options = [(name, name) for name in _SWITCHES]
            fields = [
                ChoiceField(
                    name="reminders",
                    label="Reminders",
                    options=options,
                    value="on" if policy.reminders else "off",
                    help="left and right choose",
                ),
            ]
            buttons = [cancel(), Button("change", "Change")]
        super().__init__("Reminders", lines(*rows), fields, buttons, focus=buttons[0].name if why_not else "reminders")

    async def submit(self, button: str, values: Values) -> Policy | None:
        wanted = SetPolicy(
            tenant=self.app.tenant, reminders=_SWITCHES[str(values["reminders"])], expect=self._policy.version
        )
        return await self.app.perform(wanted)


def effect_words(preview: PolicyPreview) -> str:
    """Return how many mails reminders would be."""
    if not reminder_days(preview.grace_days):
        return "There is no grace period now, so none would be sent."
    if not preview.reminded:
        return "None would be sent now."
    return (
        f"With {plural(preview.grace_days, 'day')} of grace: at most {plural(preview.reminder_mails, 'mail')}, "
        f"to {plural(preview.reminded, 'user')}."
    )


def state_words(policy: Policy) -> str:
    """Return if users are reminded, in one line."""
    if not policy.reminders:
        return "off"
    days = reminder_days(policy.grace_days)
    if not days:
        return "on, but there is no grace period"
    return f"by mail on day {', '.join(str(day + 1) for day in days)} of {policy.grace_days}"
