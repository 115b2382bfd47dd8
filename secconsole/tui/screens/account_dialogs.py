"""What My account asks."""

from __future__ import annotations

from collections.abc import Sequence

from secconsole.domain.errors import Invalid, SecconsoleError
from secconsole.domain.secret import Secret
from secconsole.operations.account import ChangePassword
from secconsole.operations.users import FactorRow
from secconsole.tui.safe_text import lines
from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Button, ChoiceField, PasswordField, cancel


class RemoveFactorDialog(Dialog[str]):
    """The id of the factor to remove, or nothing."""

    cancelled = ""

    def __init__(self, factors: Sequence[FactorRow]) -> None:
        from secconsole.tui.screens.account import factor_name

        options = [(factor.id, factor_name(factor)) for factor in factors]
        body = lines(
            "Its codes stop working now, and your other sessions end.",
            "Without any factor a stolen password is enough to act as you.",
        )
        super().__init__(
            "Remove a factor", body, [ChoiceField(name="factor", label="Factor", options=options)],
            [cancel(), Button("remove", "Remove", danger=True)], danger=True,
        )  # fmt: skip

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        self.dismiss(str(event.values["factor"]))


class PasswordDialog(Dialog[int | None]):
    """How many other sessions ended with the change, or None if it was left."""

    def __init__(self) -> None:
        super().__init__(
            "Change your password",
            "A few unrelated words make a good one; spaces are fine. Your other sessions end.",
            [
                PasswordField(name="password", label="New password", needed=True),
                PasswordField(name="again", label="Once more", needed=True),
            ],
            [cancel(), Button("change", "Change it")],
            focus="password",
        )

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        password = event.values["password"]
        assert isinstance(password, Secret)
        if password != event.values["again"]:
            self._again("The two are not the same. Type both again.")
            return
        self.form.busy = True
        self.run_worker(self._change(password), exit_on_error=False)

    async def _change(self, password: Secret[str]) -> None:
        try:
            changed = await self.app.perform(ChangePassword(password=password))
        except Invalid as error:
            self._again(error.message)
        except SecconsoleError:
            self.form.busy = False
            raise
        else:
            self.dismiss(changed.sessions_ended)

    def _again(self, problem: str) -> None:
        self.form.busy = False
        self.form.set_value("again", "")
        self.form.set_value("password", "")
        self.form.focus_field("password")
        self.set_body(lines((f"! {problem}", "$danger")))
