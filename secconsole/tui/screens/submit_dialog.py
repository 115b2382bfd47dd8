"""Dialogs that stay open while their work is done, so that a failure keeps the input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, TypeVar

from secconsole.domain.errors import Invalid, NotSignedIn, SecconsoleError
from secconsole.operations.base import Operation
from secconsole.tui.runtime.key_queue import KeyHold
from secconsole.tui.screens.dialog import Dialog, first_change
from secconsole.tui.widgets.form import Form
from secconsole.tui.widgets.form_fields import Value

NO_CHANGE = "Filled in like this, nothing would be changed."
T = TypeVar("T")
Values = Mapping[str, Value]


class SubmitDialog(Dialog[T]):
    """Base of dialogs with a `submit` method, whose result dismisses the dialog.

    An `Invalid` that names a field is shown at that field, any other error as a message; the dialog stays open. Keys
    wait until it is done, for the screen on top then.
    """

    has_command: ClassVar[bool] = True  # False if `submit` does something else than performing an operation

    def on_mount(self) -> None:
        super().on_mount()
        self.spare_enter()

    async def operation_now(self) -> Operation[object] | None:
        """Return the first change that `submit` would make, and make none."""
        if not self.has_command:
            return await super().operation_now()
        if not self.form.check():
            return None
        try:
            if found := await first_change(self.submit(self.form.button_now, self.form.values)):
                return found
        except Invalid as error:
            if error.field in self.form.values:
                self.form.set_error(error.field, error.message)
            else:
                self.app.notify_failed(error)
        except SecconsoleError as error:
            self.app.notify_failed(error)
        else:
            self.app.notify_refused(NO_CHANGE)
        return None

    async def submit(self, button: str, values: Values) -> T:
        """Do the work.

        `button` is the one pressed.
        """
        raise NotImplementedError

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        self.run_worker(self._do(event.button, event.values, self.app.hold_keys()), exit_on_error=False)

    async def _do(self, button: str, values: Values, hold: KeyHold) -> None:
        async with hold:
            try:
                answer = await self.submit(button, values)
            except NotSignedIn:
                raise
            except Invalid as error:
                if error.field in values:
                    self.form.set_error(error.field, error.message)
                else:
                    self.app.notify_failed(error)
            except SecconsoleError as error:
                self.app.work_failed(error)
            else:
                self.dismiss(answer)
