"""Signing in."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Static

from secconsole.domain.secret import Secret
from secconsole.operations.caller import Bearer, Nobody
from secconsole.operations.signin import SignIn, SignInAnswer, VerifySignIn
from secconsole.tui.safe_text import safe
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, CodeField, PasswordField, TextField

if TYPE_CHECKING:
    from secconsole.tui.app import SecConsole


class SignInScreen(Screen[None]):
    def __init__(self, reason: str = "") -> None:
        super().__init__()
        self._reason = reason
        self._answer: SignInAnswer | None = None

    @property
    def app(self) -> SecConsole:  # type: ignore[override]
        return cast("SecConsole", super().app)

    def compose(self) -> ComposeResult:
        card = VerticalScroll(classes="card", can_focus=False)
        card.border_title = safe("secconsole")
        with card:
            yield Static(safe(self._reason), classes="note")
            yield Form(
                [
                    TextField(name="tenant", label="Organisation", needed=True, value=self.app.wanted_tenant),
                    TextField(name="login", label="Login", needed=True),
                    PasswordField(name="password", label="Password", needed=True),
                ],
                [Button("sign-in", "Sign in")],
                focus="login" if self.app.wanted_tenant else None,
            )

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.form.busy = True
        self.run_worker(self._go_on(event.form), exit_on_error=False)

    async def _go_on(self, form: Form) -> None:
        app = self.app
        if app._backend is None:
            app.backend = await app.opener()
        values = form.values
        if self._answer is not None and self._answer.challenge is not None:
            answer = await app.backend.perform(
                VerifySignIn(
                    challenge=self._answer.challenge,
                    factor=self._answer.factors[0].id,
                    code=Secret(str(values["code"])),
                )
            )
        else:
            app.backend.credential = Nobody()
            password = values["password"]
            assert isinstance(password, Secret)
            answer = await app.backend.perform(
                SignIn(tenant=str(values["tenant"]), login=str(values["login"]), password=password)
            )
        self._answer = answer
        self.query_one(Static).update(safe(answer.message))
        if answer.token is not None:
            app.backend.credential = Bearer(answer.token)
            await app.begin()
        elif answer.challenge is not None:
            await form.remove()
            await self.query_one(VerticalScroll).mount(
                Form([CodeField(name="code", label="Code", needed=True)], [Button("verify", "Verify")])
            )
            self.set_focus(self.query_one(Form))
        form.busy = False
