"""The offer to end password-only sessions when their users start to need a factor."""

from __future__ import annotations

from dataclasses import dataclass, replace

from secconsole.operations.policy import PolicyPreview, SetPolicy
from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.text.format import plural
from secconsole.tui.text.safe import lines
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, CheckField, cancel


def end_field(sessions: int, tokens: int = 0) -> CheckField:
    """Return a ticked checkbox.

    The counts are 0 if they are not known.
    """
    numbered = ((sessions, "password-only session"), (tokens, "token" if sessions else "password-only token"))
    counts = " and ".join(plural(n, word) for n, word in numbered if n)
    # Short, so that it is whole in a window of 60 columns.
    return CheckField(name="end", label="End", text=counts or "their password-only sessions", value=True)


@dataclass(frozen=True, slots=True)
class Choice:
    """The user's choice."""

    end: bool


class EndSessionsOffer(Dialog["Choice | None"]):
    """Asks before a policy switch that concerns open sessions."""

    def __init__(self, preview: PolicyPreview, switch: SetPolicy) -> None:
        self._switch = switch
        counts = [(preview.sessions, "session"), (preview.tokens, "token")]
        what = " and ".join(plural(n, word) for n, word in counts if n)
        are = "was" if preview.sessions + preview.tokens == 1 else "were"
        parts = [f"{what} {are} opened with a password only, by users who need a factor from now on."]
        if preview.you.by_password:
            parts.append("Yours stays open. You need a factor from your next sign-in on.")
        buttons = [cancel(), Button("switch", "Switch", danger=True)]
        super().__init__(
            "Open sessions", lines(*parts), [end_field(preview.sessions, preview.tokens)], buttons, focus="end"
        )

    async def operation_now(self) -> SetPolicy:
        return replace(self._switch, keep_sessions=not self.form.values["end"])

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        self.dismiss(Choice(bool(event.values["end"])))
