"""A small sign-in on the console's runtime: two fields, a slow server, a code screen, then the result."""

from __future__ import annotations

import asyncio

from textual.app import ComposeResult
from textual.containers import Center
from textual.screen import Screen
from textual.widgets import Static

from secconsole.domain.secret import Secret
from secconsole.tui.runtime.base_app import ConsoleApp
from secconsole.tui.text.safe import lines, safe
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, CodeField, PasswordField, TextField

SERVER = 0.3  # seconds


class Result(Screen[None]):
    def __init__(self, login: str, password_ok: bool, code: str) -> None:
        super().__init__()
        self.rows = [f"login=<{login}>", f"password ok={password_ok}", f"code=<{code}>", "SIGNED IN"]

    def compose(self) -> ComposeResult:
        yield Static(lines(*self.rows))


class Code(Screen[None]):
    def __init__(self, login: str, password_ok: bool) -> None:
        super().__init__()
        self.login, self.password_ok = login, password_ok

    def compose(self) -> ComposeResult:
        yield Static(safe("Second factor"))
        yield Form([CodeField(name="code", label="Code", needed=True)], [Button("verify", "Verify")])

    def on_form_submitted(self, event: Form.Submitted) -> None:
        self.app.switch_screen(Result(self.login, self.password_ok, str(event.values["code"])))


class SignIn(Screen[None]):
    def compose(self) -> ComposeResult:
        with Center():
            form = Form(
                [
                    TextField(name="login", label="Login", needed=True, placeholder="your login"),
                    PasswordField(name="password", label="Password", needed=True),
                ],
                [Button("sign-in", "Sign in")],
                classes="card",
            )
            form.border_title = "secconsole"
            yield form

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.form.busy = True
        self.run_worker(self.sign_in(event.form, dict(event.values)))

    async def sign_in(self, form: Form, values: dict[str, object]) -> None:
        await asyncio.sleep(SERVER)
        password = values["password"]
        assert isinstance(password, Secret)
        await self.app.push_screen(Code(str(values["login"]), password.reveal() == "secret words"))
        form.busy = False


class Sample(ConsoleApp):
    def on_mount(self) -> None:
        self.push_screen(SignIn())
