"""Several fields and buttons in one widget, so that a key's field never depends on where Textual's focus is by then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual._cells import cell_len
from textual.geometry import Offset, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from secconsole.domain.secret import Secret
from secconsole.domain.text import visible
from secconsole.tui.widgets.form_fields import (
    Button,
    CheckField,
    ChoiceField,
    CodeField,
    Field,
    PasswordField,
    ReadOnly,
    TextField,
    Value,
)
from secconsole.tui.widgets.form_layout import FormLayout, Span
from secconsole.tui.widgets.line_edit import LineEdit

if TYPE_CHECKING:
    from secconsole.tui.key_order import KeyHold

_ENTER = frozenset({"enter", "ctrl+j", "ctrl+m"})
_WIDEST_FIELD = 48
_RECOVERY_TYPED = 40  # 25 signs, with blanks or dashes as people put them


class Form(Widget, can_focus=True):
    """Fields one below the other, buttons at the end. Posts Submitted, Cancelled and Changed."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "form--label", "form--label-focus", "form--field", "form--field-focus", "form--caret", "form--placeholder",
        "form--error", "form--help", "form--prefix", "form--button", "form--button-focus", "form--button-danger",
        "form--button-danger-focus",
    }  # fmt: skip
    DEFAULT_CSS = """
    Form {
        width: 100%;
        height: auto;
        & > .form--label { color: $muted; }
        & > .form--label-focus { color: $foreground; text-style: bold; }
        & > .form--field { color: $field-text; background: $field; }
        & > .form--field-focus { color: $field-text; background: $field-focus; }
        & > .form--caret { color: $field-text; background: $field-focus; text-style: reverse; }
        & > .form--placeholder { color: $placeholder; background: $field; }
        & > .form--error { color: $danger; }
        & > .form--help { color: $muted; }
        & > .form--prefix { color: $key; text-style: bold; }
        & > .form--button { color: $field-text; background: $field; }
        & > .form--button-focus { color: $cursor-row-text; background: $cursor-row; text-style: $cursor-row-style; }
        & > .form--button-danger { color: $danger; background: $field; }
        & > .form--button-danger-focus { color: $danger-text; background: $danger; text-style: $cursor-row-style; }
        &:ansi > .form--field { text-style: underline; }
        &:ansi > .form--field-focus { text-style: underline; }
        &:ansi > .form--button { text-style: underline; }
        &:ansi > .form--button-danger { text-style: underline; }
        &:ansi > .form--placeholder { text-style: dim; }
    }
    """

    class Submitted(Message):
        """A button was pressed that does not cancel, and all that it needs is there."""

        def __init__(self, form: Form, button: str, values: Mapping[str, Value]) -> None:
            super().__init__()
            self.form, self.button, self.values = form, button, values

        @property
        def control(self) -> Form:
            return self.form

    class Cancelled(Message):
        """Escape, or a button that cancels."""

        def __init__(self, form: Form) -> None:
            super().__init__()
            self.form = form

        @property
        def control(self) -> Form:
            return self.form

    class Changed(Message):
        """A field has another value."""

        def __init__(self, form: Form, name: str, value: Value) -> None:
            super().__init__()
            self.form, self.name, self.value = form, name, value

        @property
        def control(self) -> Form:
            return self.form

    def __init__(
        self,
        fields: Sequence[Field],
        buttons: Sequence[Button],
        *,
        focus: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """`focus` names the field or button to start on; else the first field, or the first button if any is dangerous.

        Put the cancelling button first where one of them is.
        """
        super().__init__(id=id, classes=classes)
        self._fields, self._buttons = tuple(fields), tuple(buttons)
        self._layout = FormLayout(self._fields, self._buttons)
        self._edits: dict[str, LineEdit] = {}
        self._choices: dict[str, int] = {}
        self._checks: dict[str, bool] = {}
        self._errors: dict[str, str] = {}
        self._hold: KeyHold | None = None
        for field in self._fields:
            self._set_up(field)
        self._stops = [f.name for f in self._fields if not isinstance(f, ReadOnly)] + [b.name for b in self._buttons]
        start = focus or (self._buttons[0].name if any(b.danger for b in self._buttons) else self._stops[0])
        self._stop = self._stops.index(start)

    def _set_up(self, field: Field) -> None:
        if isinstance(field, TextField):
            self._edits[field.name] = LineEdit(field.max_length)
            self._edits[field.name].text = field.value
        elif isinstance(field, PasswordField):
            self._edits[field.name] = LineEdit(field.max_length, hidden=True)
        elif isinstance(field, CodeField):
            most = _RECOVERY_TYPED if field.recovery else field.digits
            self._edits[field.name] = LineEdit(most, digits=not field.recovery)
        elif isinstance(field, ChoiceField):
            values = [value for value, _ in field.options]
            self._choices[field.name] = values.index(field.value) if field.value in values else 0
        elif isinstance(field, CheckField):
            self._checks[field.name] = field.value

    # ---- values ----------------------------------------------------------------------------------------------------

    @property
    def values(self) -> dict[str, Value]:
        """What the fields hold now, by name; passwords as Secret."""
        return {field.name: self._value(field) for field in self._fields if not isinstance(field, ReadOnly)}

    def _value(self, field: Field) -> Value:
        if isinstance(field, ChoiceField):
            return field.options[self._choices[field.name]][0]
        if isinstance(field, CheckField):
            return self._checks[field.name]
        text = self._edits[field.name].text
        if isinstance(field, CodeField):
            return field.read(text)
        return Secret(text) if isinstance(field, PasswordField) else text

    def set_value(self, name: str, value: str | bool) -> None:
        """Fill a field from the program; posts no Changed."""
        field = self._field(name)
        if isinstance(field, ChoiceField):
            self._choices[name] = [v for v, _ in field.options].index(str(value))
        elif isinstance(value, bool):
            self._checks[name] = value
        else:
            self._edits[name].text = value
        self.refresh()

    def forget_secrets(self) -> None:
        """Empty the fields for passwords and codes."""
        for field in self._fields:
            if isinstance(field, PasswordField | CodeField):
                self._edits[field.name].clear()
        self.refresh()

    @property
    def focused_name(self) -> str:
        """The field or button that takes keys."""
        return self._stops[self._stop]

    def focus_field(self, name: str) -> None:
        """Give the keys to a field or a button."""
        self._stop = self._stops.index(name)
        self.refresh()

    def set_error(self, name: str, message: str, *, clear: bool = False) -> None:
        """Say under a field what is wrong, and go there. `clear` empties it, as for a wrong password or code."""
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
        """While busy keys wait, for this form or for the screen that comes after it."""
        if busy and not self.busy:
            self._hold = self.app.hold_keys()  # type: ignore[attr-defined]
        elif not busy and self._hold is not None:
            self._hold.release()
            self._hold = None
        self.refresh()

    def on_unmount(self) -> None:
        if self._hold is not None:
            self._hold.release()

    def _field(self, name: str) -> Field:
        return next(field for field in self._fields if field.name == name)

    # ---- keys ------------------------------------------------------------------------------------------------------

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return self.focused_name in self._edits and character is not None and character.isprintable()

    def on_key(self, event: events.Key) -> None:
        if self._navigate(event.key) or self._act(event.key, event.character if event.is_printable else None):
            event.stop()
            event.prevent_default()

    def on_paste(self, event: events.Paste) -> None:
        """What is pasted loses its line ends and controls: it can neither press Enter nor draw."""
        event.stop()
        edit = self._edits.get(self.focused_name)
        text = "".join(c for c in event.text if c.isprintable())
        if edit is not None and edit.insert(text):
            self._changed()

    def _navigate(self, key: str) -> bool:
        if key in ("tab", "shift+tab"):
            self._go((self._stop + (1 if key == "tab" else -1)) % len(self._stops))
        elif key in ("down", "up"):
            self._go(self._stop + (1 if key == "down" else -1))
        elif key == "escape":
            self.post_message(self.Cancelled(self))
        elif key in _ENTER:
            self._enter()
        else:
            return False
        return True

    def _go(self, stop: int) -> None:
        self._stop = max(0, min(stop, len(self._stops) - 1))
        self.refresh()

    def _enter(self) -> None:
        fields = len(self._stops) - len(self._buttons)
        if self._stop >= fields:
            self._press(self._buttons[self._stop - fields])
        elif self._stop + 1 < fields:
            self._go(self._stop + 1)
        else:
            ends = [button for button in self._buttons if not button.cancels]
            if ends and not ends[-1].danger:
                self._press(ends[-1])
            else:
                self._go(fields)

    def _press(self, button: Button) -> None:
        if button.cancels:
            self.post_message(self.Cancelled(self))
            return
        for field in () if button.free else self._fields:
            value = "" if isinstance(field, ReadOnly) else self._value(field)
            if isinstance(field, CodeField) and (problem := field.problem_with(self._edits[field.name].text)):
                self.set_error(field.name, problem)
                return
            if field.needed and not (value.strip() if isinstance(value, str) else value):
                self.set_error(field.name, f"{field.label} is needed")
                return
        self.clear_errors()
        self.post_message(self.Submitted(self, button.name, self.values))

    def _act(self, key: str, character: str | None) -> bool:
        name = self.focused_name
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
        changes = {
            "backspace": edit.backspace, "ctrl+h": edit.backspace, "delete": edit.delete, "ctrl+d": edit.delete,
            "ctrl+w": edit.delete_word, "ctrl+u": edit.clear,
        }  # fmt: skip
        moves = {"left": edit.cursor - 1, "right": edit.cursor + 1, "home": 0, "ctrl+a": 0}
        if key in changes:
            if changes[key]():
                self._changed()
        elif key in moves:
            edit.move(moves[key])
            self.refresh()
        elif key in ("end", "ctrl+e"):
            edit.move_to_end()
            self.refresh()
        elif character is not None and character.isprintable():
            if edit.insert(character):
                self._changed()
        else:
            return False
        return True

    def _changed(self) -> None:
        name = self.focused_name
        if self._errors.pop(name, None):
            self.refresh(layout=True)
        self.refresh()
        self.post_message(self.Changed(self, name, self._value(self._field(name))))

    def on_click(self, event: events.Click) -> None:
        at = event.get_content_offset(self)
        if at is None:
            return
        rows = self._layout.rows(self.content_size.width, self._errors)
        kind, index = rows[at.y] if at.y < len(rows) else ("", 0)
        if kind == "field" and self._fields[index].name in self._stops:
            self.focus_field(self._fields[index].name)
            self._click_field(self._fields[index], at.x - self._layout.label_width)
        elif kind == "buttons":
            for button, start, end in self._layout.button_rows(self.content_size.width)[index]:
                if start <= at.x < end:
                    self.focus_field(button.name)
                    self._press(button)

    def _click_field(self, field: Field, column: int) -> None:
        if field.name in self._edits and column >= 1:
            lead = field.lead if isinstance(field, CodeField) else ""
            self._edits[field.name].move_to_column(max(0, column - 1 - cell_len(visible(lead))))
        elif field.name in self._checks and column >= 0:
            self._act("space", " ")
        elif field.name in self._choices and column >= 0:
            self._act("right", None)

    # ---- looks -----------------------------------------------------------------------------------------------------

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._layout.rows(width, self._errors))

    def render_line(self, y: int) -> Strip:
        width = self.content_size.width
        rows = self._layout.rows(width, self._errors)
        kind, index = rows[y] if y < len(rows) else ("blank", 0)
        segments: list[Segment] = []
        if kind == "field":
            segments = self._draw_field(self._fields[index], y, width)
        elif kind == "error":
            lines = self._layout.error_lines(self._errors[self._fields[index].name], width)
            segments = self._draw_words(lines, y - rows.index((kind, index)), "error")
        elif kind == "help":
            now = next((field for field in self._fields if field.name == self.focused_name), None)
            lines = self._layout.wrapped(now.help, width) if now else []
            segments = self._draw_words(lines, y - rows.index((kind, index)), "help")
        elif kind == "buttons":
            segments = self._draw_buttons(self._layout.button_rows(width)[index])
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _draw_words(self, lines: list[str], at: int, look: str) -> list[Segment]:
        words = lines[at] if at < len(lines) else ""
        return [self._pad(self._layout.label_width), Segment(f" {words}", self._look(look))]

    def _draw_field(self, field: Field, y: int, width: int) -> list[Segment]:
        active = self.has_focus and field.name == self.focused_name
        label = visible(field.label)
        label += " " * (self._layout.label_width - 2 - cell_len(label))
        head = Segment(("▌ " if active else "  ") + label, self._look("label-focus" if active else "label"))
        room = max(8, min(_WIDEST_FIELD, width - self._layout.label_width))
        look = self._look("field-focus" if active else "field")
        if isinstance(field, ReadOnly):
            return [head, Segment(f" {visible(field.value)}", self.rich_style)]
        if isinstance(field, CheckField):
            mark = "[x] " if self._checks[field.name] else "[ ] "
            return [head, Segment(f" {mark}{visible(field.text)} ", look)]
        if isinstance(field, ChoiceField):
            words = visible(field.options[self._choices[field.name]][1])
            return [head, Segment(f" ‹ {words} › ", look)]
        if isinstance(field, CodeField):
            lead = f" {visible(field.lead)}" if field.lead else ""
            room = min(room - cell_len(lead), max(field.digits, len(self._edits[field.name].text)) + 3)
            before = [head, Segment(lead, self._look("prefix"))] if lead else [head]
            return [*before, *self._draw_edit(field, y, room, active, look, shift=cell_len(lead))]
        return [head, *self._draw_edit(field, y, room, active, look)]

    def _draw_edit(
        self, field: Field, y: int, room: int, active: bool, look: Style, *, shift: int = 0
    ) -> list[Segment]:
        edit = self._edits[field.name]
        view = edit.view(room - 2)
        if isinstance(field, TextField) and not edit.text and not active:
            words = visible(field.placeholder)[: room - 2]
            return [Segment(f" {words}".ljust(room), self._look("placeholder"))]
        rest = view.after + " " * (room - 1 - cell_len(view.before + view.under + view.after))
        if not active:
            return [Segment(f" {view.before}{view.under}{rest}", look)]
        at = Offset(self._layout.label_width + shift + 1 + view.caret, y)
        self.app.cursor_position = self.content_region.offset + at
        return [Segment(f" {view.before}", look), Segment(view.under, self._look("caret")), Segment(rest, look)]

    def _draw_buttons(self, row: Sequence[Span]) -> list[Segment]:
        out: list[Segment] = []
        at = 0
        for button, start, end in row:
            out.append(self._pad(start - at))
            active = self.has_focus and button.name == self.focused_name
            left, right = ("[ ", " ]") if active else ("  ", "  ")
            look = "button" + ("-danger" if button.danger else "") + ("-focus" if active else "")
            out.append(Segment(left + visible(button.label) + right, self._look(look)))
            at = end
        return out

    def _look(self, part: str) -> Style:
        return self.get_component_rich_style(f"form--{part}")

    def _pad(self, width: int) -> Segment:
        return Segment(" " * max(0, width), self.rich_style)
