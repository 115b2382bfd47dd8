"""Appearance of a form: the values of its fields and buttons, and how they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Offset, Region, Size
from textual.strip import Strip
from textual.widget import Widget

from secconsole.domain.text import visible
from secconsole.tui.widgets.columns import cut
from secconsole.tui.widgets.form_fields import (
    Button,
    CheckField,
    ChoiceField,
    CodeField,
    Field,
    NumberField,
    PasswordField,
    ReadOnly,
    TextField,
)
from secconsole.tui.widgets.form_layout import FormLayout, Span
from secconsole.tui.widgets.line_edit import LineEdit

_WIDEST_FIELD = 48
_CODE_TYPED = 40  # 25 characters of a recovery code, with blanks or dashes as people type them


class FormView(Widget):
    """Base of `Form`: draws its fields, and takes no keys.

    `from_top`: the text above it is read first, so nothing scrolls before the focus moves.
    """

    from_top = False

    def __init__(
        self, fields: Sequence[Field], buttons: Sequence[Button], *, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._fields, self._buttons = tuple(fields), tuple(buttons)
        self._rows = FormLayout(self._fields, self._buttons)
        self._edits: dict[str, LineEdit] = {}
        self._choices: dict[str, int] = {}
        self._checks: dict[str, bool] = {}
        self._errors: dict[str, str] = {}
        self._stops = [f.name for f in self._fields if not isinstance(f, ReadOnly)] + [b.name for b in self._buttons]
        self._stop = 0
        for field in self._fields:
            self._set_up(field)

    def _set_up(self, field: Field) -> None:
        if isinstance(field, TextField):
            self._edits[field.name] = LineEdit(field.max_length)
            self._edits[field.name].text = field.value
        elif isinstance(field, PasswordField):
            self._edits[field.name] = LineEdit(field.max_length, hidden=True)
        elif isinstance(field, CodeField):
            self._edits[field.name] = LineEdit(_CODE_TYPED)
        elif isinstance(field, NumberField):
            self._edits[field.name] = LineEdit(field.digits, digits=True)
        elif isinstance(field, ChoiceField):
            values = [value for value, _ in field.options]
            self._choices[field.name] = values.index(field.value) if field.value in values else 0
        elif isinstance(field, CheckField):
            self._checks[field.name] = field.value

    @property
    def focused_name(self) -> str:
        """Name of the field or button that takes keys."""
        return self._stops[self._stop]

    def scroll_visible(self, *words: Any, **options: Any) -> None:
        """Scroll what is around the form so that the line taking keys is in sight: a form may be taller than that."""
        self.from_top = False
        self.call_after_refresh(self.show_focus)

    def show_focus(self) -> None:
        """Scroll so that the field or button taking keys is in sight, as little as possible."""
        around = self.parent
        if isinstance(around, Widget) and self.has_focus and not self.styles.is_docked:
            y, lines = self._rows.lines_of(self.focused_name, self.content_size.width, self._errors)
            wanted = Region(0, self.virtual_region.y + self.gutter.top + y, 1, lines)
            around.scroll_to_region(wanted, spacing=self.dock_gutter, animate=False, immediate=True)

    def on_resize(self) -> None:
        if not self.from_top:
            self.scroll_visible()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._rows.rows(width, self._errors))

    def render_line(self, y: int) -> Strip:
        width = self.content_size.width
        rows = self._rows.rows(width, self._errors)
        kind, index = rows[y] if y < len(rows) else ("blank", 0)
        segments: list[Segment] = []
        if kind == "field":
            segments = self._draw_field(self._fields[index], y, width)
        elif kind == "error":
            lines = self._rows.error_lines(self._errors[self._fields[index].name], width)
            segments = self._draw_words(lines, y - rows.index((kind, index)), "error")
        elif kind == "help":
            now = next((field for field in self._fields if field.name == self.focused_name), None)
            lines = self._rows.wrapped(now.help, width) if now else []
            segments = self._draw_words(lines, y - rows.index((kind, index)), "help")
        elif kind == "buttons":
            segments = self._draw_buttons(self._rows.button_rows(width)[index])
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _draw_words(self, lines: list[str], at: int, look: str) -> list[Segment]:
        words = lines[at] if at < len(lines) else ""
        return [self._pad(self._rows.label_width), Segment(f" {words}", self._look(look))]

    def _draw_field(self, field: Field, y: int, width: int) -> list[Segment]:
        active = self.has_focus and field.name == self.focused_name
        label = visible(field.label)
        label += " " * (self._rows.label_width - 2 - cell_len(label))
        head = Segment(("▌ " if active else "  ") + label, self._look("label-focus" if active else "label"))
        room = max(8, min(_WIDEST_FIELD, width - self._rows.label_width))
        look = self._look("field-focus" if active else "field")
        words, wide = self._words_of(field), width - cell_len(head.text)
        if words is not None:
            words = cut(words, min(cell_len(words), wide))
            return [head, Segment(words, self.rich_style if isinstance(field, ReadOnly) else look)]
        if isinstance(field, NumberField):
            lead = f" {visible(field.lead)}" if field.lead else ""
            room = min(room - cell_len(lead), max(field.digits, len(self._edits[field.name].text)) + 3)
            before = [head, Segment(lead, self._look("prefix"))] if lead else [head]
            return [*before, *self._draw_edit(field, y, room, active, look, shift=cell_len(lead))]
        return [head, *self._draw_edit(field, y, room, active, look)]

    def _words_of(self, field: Field) -> str | None:
        """Return the text of a field that is not edited."""
        if isinstance(field, ReadOnly):
            return f" {visible(field.value)}"
        if isinstance(field, CheckField):
            return f" {'[x]' if self._checks[field.name] else '[ ]'} {visible(field.text)} "
        if isinstance(field, ChoiceField):
            return f" ‹ {visible(field.options[self._choices[field.name]][1])} › "
        return None

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
        at = Offset(self._rows.label_width + shift + 1 + view.caret, y)
        self.app.cursor_position = self.content_region.offset + at
        before = Segment(view.before, self._look("caret") if edit.selected else look)
        return [Segment(" ", look), before, Segment(view.under, self._look("caret")), Segment(rest, look)]

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
