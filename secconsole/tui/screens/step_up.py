"""Asks for password and second factor once more, before something that matters."""

from __future__ import annotations

from collections.abc import Sequence

from secconsole.domain.secret import Secret
from secconsole.operations.signin import NO_CODE, StepUp
from secconsole.tui.demo_words import proof_words
from secconsole.tui.safe_text import lines
from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, CodeField, Field, PasswordField, cancel
from secconsole.tui.words import clock

COUNTS = "It then counts for five minutes."


class StepUpDialog(Dialog[bool]):
    """True once both were right; they then count for five minutes."""

    cancelled = False

    def __init__(self, *, bound: bool) -> None:
        what = "password and a code from your phone" if bound else "password"
        fields: Sequence[Field] = (
            PasswordField(name="password", label="Password", needed=True),
            *([CodeField(name="code", label="Code", needed=True, recovery=True)] if bound else []),
        )
        self._said = f"This needs your {what} once more."
        body = lines(self._said, COUNTS)
        super().__init__("Is it you?", body, fields, [cancel(), Button("prove", "Go on")], focus="password")

    def on_mount(self) -> None:
        self._say(self._said)

    def _say(self, words: str) -> None:
        self.set_body(lines(words, COUNTS, *proof_words(self.app)))

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        event.form.busy = True
        self.run_worker(self._prove(event.form), exit_on_error=False)

    async def _prove(self, form: Form) -> None:
        password, code = form.values["password"], form.values.get("code", "")
        assert isinstance(password, Secret)
        try:
            operation = StepUp(password=password, code=Secret(str(code)) if code else NO_CODE)
            proof = await self.app.line.ask(operation)
        finally:
            form.busy = False
        if proof.accepted:
            self.dismiss(True)
            return
        for name in form.values:
            form.set_value(name, "")
        at = f" Server time {clock(proof.server_time)}." if proof.server_time else ""
        form.set_error("password", proof.message, clear=True)
        self._say(f"That was not right.{at}")
