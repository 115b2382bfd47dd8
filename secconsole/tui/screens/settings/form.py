"""The form for a change of policy: grace period, password and code."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from secconsole.domain.model import PolicyMode
from secconsole.domain.secret import Secret
from secconsole.operations.step_up import NO_CODE
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, CodeField, Field, NumberField, PasswordField, cancel

LONGEST_GRACE = 365


@dataclass(frozen=True, slots=True)
class Change:
    """The values filled in."""

    grace_days: int
    password: Secret[str]
    code: Secret[str]


class PolicyForm(Form):
    """Posts `Wanted` once all required values are valid.

    Enter in a field never switches.
    """

    class Wanted(Message):
        """Posted when the user confirms the change."""

        def __init__(self, change: Change) -> None:
            super().__init__()
            self.change = change

    def __init__(self, *, bound: bool, id: str | None = None) -> None:
        fields: list[Field] = [
            NumberField(name="grace", label="Grace, days", digits=3, help="Days to sign in without a factor; 0: none."),
            PasswordField(name="password", label="Password", needed=True, help="Your own, to confirm it's you."),
        ]
        if bound:
            fields.append(CodeField(name="code", label="Code", needed=True, help="Six digits from your phone."))
        super().__init__(fields, [cancel(), Button("switch", "Switch", danger=True)], focus="password", id=id)

    @property
    def grace(self) -> int | None:
        """Return the days typed.

        None if they are not a valid number of days.
        """
        text = str(self.values["grace"]).strip() or "0"
        return int(text) if text.isascii() and text.isdigit() and int(text) <= LONGEST_GRACE else None

    def stand_at(self, mode: PolicyMode) -> None:
        """Move the focus to the first field of a mode: only required has a grace period."""
        # Not under the user: a preview that arrives late must not move the cursor between two letters.
        if not self.has_focus:
            self.focus_field("grace" if mode is PolicyMode.REQUIRED else "password")

    def reset(self, grace_days: int) -> None:
        """Clear the form."""
        self.clear_errors()
        self.set_value("grace", str(grace_days))
        for name in self.values:
            if name != "grace":
                self.set_value(name, "")

    def refuse(self, wrong: str, why: str) -> None:
        """Show an error at its field.

        A wrong password clears the code too.
        """
        names = list(self.values)
        field = wrong if wrong in names else "password"
        # A code is used up by the attempt, and worth nothing with another password.
        for name in names[names.index(field) :]:
            self.set_value(name, "")
        self.set_error(field, why)

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        grace = self.grace
        if grace is None:
            self.set_error("grace", f"Enter a number of days from 0 to {LONGEST_GRACE}.")
            return
        password, code = event.values["password"], event.values.get("code", "")
        assert isinstance(password, Secret)
        self.post_message(self.Wanted(Change(grace, password, Secret(str(code)) if code else NO_CODE)))
