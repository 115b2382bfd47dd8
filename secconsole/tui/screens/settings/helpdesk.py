"""Rules for the helpdesk: what unbinding needs, and how long bypass codes and step-ups count."""

from __future__ import annotations

from secconsole.domain.errors import Invalid
from secconsole.domain.factors.bypass import MOST_MINUTES
from secconsole.domain.helpdesk import MOST_RESETS, MOST_STEP_UP, UnbindNeeds
from secconsole.domain.limits import LONGEST_HELPDESK_TEXT
from secconsole.operations.policy import Policy, SetPolicy
from secconsole.tui.screens.submit_dialog import SubmitDialog, Values
from secconsole.tui.text.format import plural
from secconsole.tui.text.safe import Part, lines
from secconsole.tui.widgets.form_fields import Button, ChoiceField, Field, NumberField, TextField, cancel

WORDS = {
    UnbindNeeds.NONE: "nothing more",
    UnbindNeeds.CHECK: "a checked caller, or an approval",
    UnbindNeeds.APPROVAL: "the approval of a second person",
}


class HelpdeskDialog(SubmitDialog["Policy | None"]):
    """Returns the new policy, or None if nothing was changed.

    `why_not`: why the user may only look.
    """

    def __init__(self, policy: Policy, *, why_not: str = "") -> None:
        self._policy = policy
        rows: list[Part] = [
            f"Unbinding needs {WORDS[policy.unbind_needs]}.",
            f"Of users above the role user: {WORDS[policy.unbind_admins_need]}.",
            f"A warning comes after {policy.resets_warn:,} resets in an hour; helpdesk ends at {policy.resets_most:,}.",
            f"Bypass codes work {policy.bypass_minutes:,} minutes, and {policy.bypass_most:,} at most.",
            f"A step-up counts for {plural(policy.step_up_minutes, 'minute')}.",
            f"Users reach the helpdesk by: {policy.helpdesk_text or 'not said'}",
        ]
        fields: list[Field] = []
        buttons = [cancel("Close")]
        if why_not:
            rows.append((why_not, "$muted"))
        else:
            options = [(str(needs), str(needs)) for needs in UnbindNeeds]
            fields = [
                ChoiceField(
                    name="needs",
                    label="Unbinding",
                    options=options,
                    value=str(policy.unbind_needs),
                    help="left and right choose",
                ),
                ChoiceField(
                    name="admins",
                    label="Above user",
                    options=options,
                    value=str(policy.unbind_admins_need),
                    help="left and right choose; the stricter rule counts",
                ),
                NumberField(name="minutes", label="Bypass", digits=4, help="Usual minutes. Empty: as it is."),
                NumberField(name="most", label="At most", digits=4, help="Minutes, up to 1440. Empty: as it is."),
                NumberField(name="warn", label="Warn after", digits=4, help="Resets in an hour. Empty: as it is."),
                NumberField(name="resets", label="Resets", digits=4, help="In an hour, by helpdesk. Empty: as it is."),
                NumberField(name="step_up", label="Step-up", digits=2, help="Minutes, 1 to 15. Empty: as it is."),
                TextField(
                    name="text",
                    label="Contact",
                    value=policy.helpdesk_text,
                    max_length=LONGEST_HELPDESK_TEXT,
                    placeholder="ext. 4711, or the desk on floor 2",
                    help="Shown at sign-in, to users who are asked for a factor.",
                ),
            ]
            buttons = [cancel(), Button("change", "Change")]
        focus = buttons[0].name if why_not else "needs"
        super().__init__("Helpdesk", lines(*rows), fields, buttons, focus=focus)

    async def submit(self, button: str, values: Values) -> Policy | None:
        return await self.app.perform(
            SetPolicy(
                tenant=self.app.tenant,
                unbind_needs=UnbindNeeds(str(values["needs"])),
                unbind_admins_need=UnbindNeeds(str(values["admins"])),
                bypass_minutes=_number(values, "minutes", MOST_MINUTES, "minutes"),
                bypass_most=_number(values, "most", MOST_MINUTES, "minutes"),
                resets_warn=_number(values, "warn", MOST_RESETS, "a number"),
                resets_most=_number(values, "resets", MOST_RESETS, "a number"),
                step_up_minutes=_number(values, "step_up", MOST_STEP_UP, "minutes"),
                helpdesk_text=str(values["text"]),
                expect=self._policy.version,
            )
        )


def _number(values: Values, name: str, most: int, what: str) -> int | None:
    """Return the number in a field, or None for an empty one."""
    text = str(values[name]).strip()
    if text and not 1 <= int(text) <= most:
        raise Invalid(f"Enter {what} from 1 to {most:,}.", name)
    return int(text) if text else None
