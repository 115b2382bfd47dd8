"""Dialogs that do what they ask about while they stand: if that fails, what was typed is still there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from secconsole.domain.errors import Invalid, NotSignedIn, SecconsoleError
from secconsole.tui.key_order import KeyHold
from secconsole.tui.screens.dialog import Dialog
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Value

T = TypeVar("T")
Values = Mapping[str, Value]


class DoingDialog(Dialog[T]):
    """Subclasses have `do`, which answers what the dialog is dismissed with.

    An `Invalid` that names a field is said under that field, any other error as a message; the dialog stays. Keys wait
    until it is done, for whatever stands on top then.
    """

    async def do(self, button: str, values: Values) -> T:
        """Do it; `button` is the one pressed."""
        raise NotImplementedError

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        self.run_worker(self._do(event.button, event.values, self.app.hold_keys()), exit_on_error=False)

    async def _do(self, button: str, values: Values, hold: KeyHold) -> None:
        async with hold:
            try:
                answer = await self.do(button, values)
            except NotSignedIn:
                raise
            except Invalid as error:
                if error.field in values:
                    self.form.set_error(error.field, error.message)
                else:
                    self.app.say_failed(error)
            except SecconsoleError as error:
                self.app.work_failed(error)
            else:
                self.dismiss(answer)
