"""Several fields and buttons in one widget, so that the field of a key never depends on Textual's focus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual import events
from textual.message import Message

from secconsole.domain.text import one_line, visible
from secconsole.tui.widgets.form_fields import (
    Button,
    ChoiceField,
    CodeField,
    Field,
    NumberField,
    PhoneField,
    ReadOnly,
    Value,
    main_button,
)
from secconsole.tui.widgets.form_values import FormValues
from secconsole.tui.widgets.line_edit import Effect, LineEdit

if TYPE_CHECKING:
    from secconsole.tui.runtime.key_queue import KeyHold

_ENTER = frozenset({"enter", "ctrl+j", "ctrl+m"})
COUNTRY_KEY = "f3"


class Form(FormValues, can_focus=True):
    """Fields one below the other, buttons at the end.

    Posts `Submitted`, `Cancelled` and `Changed`.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "form--label",
        "form--label-focus",
        "form--field",
        "form--field-focus",
        "form--caret",
        "form--placeholder",
        "form--error",
        "form--help",
        "form--prefix",
        "form--button",
        "form--button-focus",
        "form--button-danger",
        "form--button-danger-focus",
    }
    DEFAULT_CSS = """
    Form {
        width: 100%;
        height: auto;
        & > .form--label { color: $muted; }
        & > .form--label-focus { color: $foreground; text-style: bold; }
        & > .form--field { color: $field-text; background: $field; text-style: $field-style; }
        & > .form--field-focus { color: $field-text; background: $field-focus; text-style: $field-style; }
        & > .form--caret { color: $field-text; background: $field-focus; text-style: reverse; }
        & > .form--placeholder { color: $placeholder; background: $field; text-style: $field-style; }
        & > .form--error { color: $danger; }
        & > .form--help { color: $muted; }
        & > .form--prefix { color: $key; text-style: bold; }
        & > .form--button { color: $field-text; background: $field; text-style: $field-style; }
        & > .form--button-focus { color: $cursor-row-text; background: $cursor-row; text-style: $cursor-row-style; }
        & > .form--button-danger { color: $danger; background: $field; text-style: $field-style; }
        & > .form--button-danger-focus { color: $danger-text; background: $danger; text-style: $cursor-row-style; }
        &:ansi > .form--placeholder { text-style: dim underline; }
        &:nocolor > .form--field, &:nocolor > .form--field-focus { text-style: underline; }
        &:nocolor > .form--button, &:nocolor > .form--button-danger { text-style: underline; }
        &:nocolor > .form--placeholder { text-style: dim underline; }
    }
    """

    class Submitted(Message):
        """Posted when a button other than Cancel is pressed and all required fields are filled."""

        def __init__(self, form: Form, button: str, values: Mapping[str, Value]) -> None:
            super().__init__()
            self.form, self.button, self.values = form, button, values

        @property
        def control(self) -> Form:
            return self.form

    class Cancelled(Message):
        """Posted for Escape, or a button that cancels."""

        def __init__(self, form: Form) -> None:
            super().__init__()
            self.form = form

        @property
        def control(self) -> Form:
            return self.form

    class Changed(Message):
        """Posted when the value of a field changes."""

        def __init__(self, form: Form, name: str, value: Value) -> None:
            super().__init__()
            self.form, self.name, self.value = form, name, value

        @property
        def control(self) -> Form:
            return self.form

    class CountryWanted(Message):
        """Posted when the user wants to pick the country of a number."""

        def __init__(self, form: Form, name: str) -> None:
            super().__init__()
            self.form, self.name = form, name

        @property
        def control(self) -> Form:
            return self.form

    def __init__(
        self,
        fields: Sequence[Field],
        buttons: Sequence[Button],
        *,
        focus: str | None = None,
        errors: Mapping[str, str] | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """`focus` names the field or button to start on.

        By default that is the first field, or the first button if one of them is dangerous: put the cancelling button
        first where there is one. `errors` are shown below their fields from the beginning. Set `more_typed` while
        something is typed beside the form.
        """
        super().__init__(fields, buttons, id=id, classes=classes)
        self.set_class(not fields, "-buttons")
        self._hold: KeyHold | None = None
        self._errors = dict(errors or {})
        self._main = main_button(self._buttons) if len(self._stops) > len(self._buttons) else None
        start = focus or (self._buttons[0].name if any(b.danger for b in self._buttons) else self._stops[0])
        self._stop = self._stops.index(start)

    # ---- values ----------------------------------------------------------------------------------------------------

    def fill_in(self, name: str, text: str) -> None:
        """Fill a field with what the user picked, and go there."""
        self.pick(name, text)
        self.clear_errors()
        self.focus_field(name)

    def focus_field(self, name: str) -> None:
        """Focus a field or a button."""
        self._go(self._stops.index(name))

    def set_error(self, name: str, message: str, *, clear: bool = False) -> None:
        """Show an error below a field and focus it.

        `clear` empties the field, as for a wrong password or code.
        """
        if clear:
            self._edits[name].clear()
        self._errors = {name: message}
        self.focus_field(name)
        self.refresh(layout=True)

    def clear_errors(self) -> None:
        if self._errors:
            self._errors = {}
            self.refresh(layout=True)

    @property
    def busy(self) -> bool:
        return self._hold is not None and self._hold.held

    @busy.setter
    def busy(self, busy: bool) -> None:
        """Hold keys while busy, for this form or for the next screen."""
        if busy and not self.busy:
            self._hold = self.app.hold_keys()  # type: ignore[attr-defined]
        elif not busy and self._hold is not None:
            self._hold.release()
            self._hold = None
        self.refresh()

    def on_unmount(self) -> None:
        if self._hold is not None:
            self._hold.release()

    @property
    def buttons(self) -> tuple[Button, ...]:
        return self._buttons

    @property
    def acting_buttons(self) -> list[str]:
        """Names of the buttons that do not cancel."""
        return [button.name for button in self._buttons if not button.cancels]

    @property
    def button_now(self) -> str:
        """Name of the button with the focus, or of the main one if that does not act.

        Empty if all cancel.
        """
        acting = self.acting_buttons
        if self.focused_name in acting:
            return self.focused_name
        return self._main.name if self._main is not None else (acting or [""])[0]

    # ---- keys ------------------------------------------------------------------------------------------------------

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return self.focused_name in self._edits and character is not None and character.isprintable()

    def on_key(self, event: events.Key) -> None:
        if self._navigate(event.key) or self._act(event.key, event.character if event.is_printable else None):
            event.stop()
            event.prevent_default()

    def on_paste(self, event: events.Paste) -> None:
        """Insert pasted text without line ends and control characters, which could press Enter or draw.

        Blanks in a password count, as they do if they are typed.
        """
        event.stop()
        edit = self._edits.get(self.focused_name)
        if edit is not None:
            text = "".join(c for c in event.text if c.isprintable()) if edit.hidden else one_line(event.text)
            if edit.insert(text):
                self._changed()

    def _navigate(self, key: str) -> bool:
        if key in ("tab", "shift+tab"):
            self._go((self._stop + (1 if key == "tab" else -1)) % len(self._stops))
        elif key in ("down", "up"):
            self._go(self._stop + (1 if key == "down" else -1))
        elif key == "escape":
            if self.may_leave():
                self.post_message(self.Cancelled(self))
        elif key in _ENTER:
            self._enter()
        else:
            return False
        return True

    def _go(self, stop: int) -> None:
        self._stop = max(0, min(stop, len(self._stops) - 1))
        self._select_number()
        self.refresh()
        self.scroll_visible()

    def _select_number(self) -> None:
        """Select a number that has the focus, so that typing replaces it."""
        name = self.focused_name
        field = self._field_or_none(name)
        if isinstance(field, NumberField) and not isinstance(field, CodeField):
            self._edits[name].select()

    def on_focus(self) -> None:
        self._select_number()

    def _enter(self) -> None:
        fields = len(self._stops) - len(self._buttons)
        if self._stop >= fields:
            self._press(self._buttons[self._stop - fields])
        elif self._stop + 1 < fields:
            self._go(self._stop + 1)
        else:
            end = self._main or self._buttons[-1]
            if end.danger or end.cancels:  # a dangerous button takes a key of its own
                self.focus_field(end.name)
            else:
                self._press(end)

    def _press(self, button: Button) -> None:
        if button.cancels:
            self.post_message(self.Cancelled(self))
            return
        if button.free or self.check():
            self.clear_errors()
            self.post_message(self.Submitted(self, button.name, self.values))

    def check(self) -> bool:
        """Return True if all fields can be submitted, or show what is wrong with the first that cannot."""
        for field in self._fields:
            value = "" if isinstance(field, ReadOnly) else self._value(field)
            if isinstance(field, NumberField) and (problem := field.problem_with(self._edits[field.name].text)):
                self.set_error(field.name, problem)
                return False
            if field.needed and not (value.strip() if isinstance(value, str) else value):
                self.set_error(field.name, f"{field.label} is needed")
                return False
        return True

    def _act(self, key: str, character: str | None) -> bool:
        name = self.focused_name
        if key == COUNTRY_KEY and isinstance(self._field_or_none(name), PhoneField):
            self.post_message(self.CountryWanted(self, name))
            return True
        if name in self._edits:
            return self._edit(self._edits[name], key, character)
        if name in self._choices and key in ("left", "right", "space"):
            field = self._field(name)
            assert isinstance(field, ChoiceField)
            step = -1 if key == "left" else 1
            self._choices[name] = (self._choices[name] + step) % len(field.options)
            self._changed()
        elif name in self._checks and key == "space":
            self._checks[name] = not self._checks[name]
            self._changed()
        elif key == "space" and self._on_button:
            self._enter()
        elif key in ("left", "right") and self._on_button:
            first = len(self._stops) - len(self._buttons)
            self._go(max(first, self._stop + (1 if key == "right" else -1)))
        else:
            return False
        return True

    @property
    def _on_button(self) -> bool:
        return self._stop >= len(self._stops) - len(self._buttons)

    def _edit(self, edit: LineEdit, key: str, character: str | None) -> bool:
        effect = edit.take(key, character)
        if effect is Effect.CHANGED:
            self._changed()
        elif effect is Effect.MOVED:
            self.refresh()
        return effect is not Effect.NONE

    def _changed(self) -> None:
        name = self.focused_name
        self._unask()
        if self._errors.pop(name, None):
            self.refresh(layout=True)
        self.refresh()
        self.post_message(self.Changed(self, name, self._value(self._field(name))))

    def on_click(self, event: events.Click) -> None:
        at = event.get_content_offset(self)
        if at is None:
            return
        rows = self._rows.rows(self.content_size.width, self._errors)
        kind, index = rows[at.y] if at.y < len(rows) else ("", 0)
        if kind == "field" and self._fields[index].name in self._stops:
            self.focus_field(self._fields[index].name)
            self._click_field(self._fields[index], at.x - self._rows.label_width)
        elif kind == "buttons":
            for button, start, end in self._rows.button_rows(self.content_size.width)[index]:
                if start <= at.x < end:
                    self.focus_field(button.name)
                    self._press(button)

    def _click_field(self, field: Field, column: int) -> None:
        if field.name in self._edits and column >= 1:
            lead = field.lead if isinstance(field, NumberField) else ""
            self._edits[field.name].move_to_column(max(0, column - 1 - cell_len(visible(lead))))
        elif field.name in self._checks and column >= 0:
            self._act("space", " ")
        elif field.name in self._choices and column >= 0:
            self._act("right", None)
