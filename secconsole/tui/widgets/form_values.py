"""Values of a form: reading and filling its fields, and what would be lost with it."""

from __future__ import annotations

from collections.abc import Sequence

from secconsole.domain.secret import Secret
from secconsole.tui.widgets.form_fields import (
    Button,
    CheckField,
    ChoiceField,
    CodeField,
    Field,
    NumberField,
    PasswordField,
    ReadOnly,
    Value,
)
from secconsole.tui.widgets.form_view import FormView

ASK_LEAVE = "Escape again drops what you typed."


class FormValues(FormView):
    """Base of `Form`: holds the values of its fields, and takes no keys.

    Set `more_typed` while something is typed beside the form.
    """

    def __init__(
        self, fields: Sequence[Field], buttons: Sequence[Button], *, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(fields, buttons, id=id, classes=classes)
        self._before = {name: edit.text for name, edit in self._edits.items()}
        self._asked = self._covered = ""  # the field below which it is asked, and the error that was there
        self.more_typed = False

    @property
    def values(self) -> dict[str, Value]:
        """Current values by field name.

        Passwords as `Secret`.
        """
        return {field.name: self._value(field) for field in self._fields if not isinstance(field, ReadOnly)}

    def _value(self, field: Field) -> Value:
        if isinstance(field, ChoiceField):
            return field.options[self._choices[field.name]][0]
        if isinstance(field, CheckField):
            return self._checks[field.name]
        text = self._edits[field.name].text
        if isinstance(field, NumberField):
            return field.read(text)
        return Secret(text) if isinstance(field, PasswordField) else text

    def set_value(self, name: str, value: str | bool) -> None:
        """Fill a field without posting `Changed`."""
        field = self._field(name)
        if isinstance(field, ChoiceField):
            self._choices[name] = [v for v, _ in field.options].index(str(value))
        elif isinstance(value, bool):
            self._checks[name] = value
        else:
            self._edits[name].text = self._before[name] = value
        self.refresh()

    def pick(self, name: str, text: str) -> None:
        """Fill a field with what the user picked, which counts as typed."""
        before = self._before[name]
        self.set_value(name, text)
        self._before[name] = before

    def forget_secrets(self) -> None:
        """Empty the fields for passwords and codes."""
        for field in self._fields:
            if isinstance(field, PasswordField | NumberField):
                self._edits[field.name].clear()
        self.refresh()

    def may_leave(self) -> bool:
        """Return True if the form can be cancelled.

        If something was typed, ask at the first time. Passwords and codes do not count: they are quickly typed again.
        """
        if self._asked or not self.is_filled:
            return True
        names = [name for name in self._stops if name in self._edits]
        self._asked = self.focused_name if self.focused_name in names else names[-1]
        self._covered = self._errors.get(self._asked, "")
        self._errors[self._asked] = ASK_LEAVE
        self.refresh(layout=True)
        return False

    def keep(self) -> None:
        """Take what is typed for used, so that Escape does not ask."""
        self._before = {name: edit.text for name, edit in self._edits.items()}

    def _unask(self) -> None:
        """Show again what the question covers, since typing goes on."""
        if self._asked:
            self._errors.pop(self._asked, None)
            if self._covered:
                self._errors[self._asked] = self._covered
            self._asked = self._covered = ""
            self.refresh(layout=True)

    @property
    def is_filled(self) -> bool:
        """True if something was typed that would be lost with the form."""
        typed = (f.name for f in self._fields if f.name in self._edits and not isinstance(f, PasswordField | CodeField))
        return self.more_typed or any(self._edits[name].text != self._before[name] for name in typed)

    def _field_or_none(self, name: str) -> Field | None:
        """Return a field by name, None for a button."""
        return next((field for field in self._fields if field.name == name), None)

    def _field(self, name: str) -> Field:
        return next(field for field in self._fields if field.name == name)
