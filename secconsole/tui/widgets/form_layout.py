"""Layout of a form: the content of each row at a given width, without widgets or colours."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from functools import lru_cache

from rich.cells import cell_len

from secconsole.domain.text import visible
from secconsole.tui.widgets.form_fields import Button, Field

Row = tuple[str, int]  # kind of row, and its field or its number among rows of buttons
Span = tuple[Button, int, int]  # a button, its first column, and the column after its last
_GAP = 2  # columns between label and field, and between buttons
_MARK = 2  # columns in front of a label
_NARROWEST = 16  # fewest columns that text is wrapped to


class FormLayout:
    """Fields one below the other with their errors, a line of help, and the buttons at the right."""

    def __init__(self, fields: Sequence[Field], buttons: Sequence[Button]) -> None:
        self._fields, self._buttons = fields, buttons
        self.label_width = _MARK + max((cell_len(visible(field.label)) for field in fields), default=0) + _GAP

    def rows(self, width: int, errors: Mapping[str, str]) -> list[Row]:
        """Return all rows from the top.

        `errors` maps names of fields to messages.
        """
        rows: list[Row] = []
        for index, field in enumerate(self._fields):
            rows.append(("field", index))
            if field.name in errors:
                rows += [("error", index)] * len(self.error_lines(errors[field.name], width))
        rows += [("help", 0)] * max((len(self.wrapped(field.help, width)) for field in self._fields), default=0)
        buttons = [("buttons", at) for at in range(len(self.button_rows(width)))]
        return [*rows, ("blank", 0), *buttons] if buttons else rows

    def lines_of(self, name: str, width: int, errors: Mapping[str, str]) -> tuple[int, int]:
        """Return first line and number of lines that are needed to use a field, with its error, or a button."""
        if any(button.name == name for button in self._buttons):
            wanted = [("buttons", at) for at, row in enumerate(self.button_rows(width)) if name in _names(row)]
        else:
            index = next(at for at, field in enumerate(self._fields) if field.name == name)
            wanted = [("field", index), ("error", index)]
        found = [at for at, row in enumerate(self.rows(width, errors)) if row in wanted]
        return found[0], len(found)

    def wrapped(self, words: str, width: int) -> list[str]:
        """Return the text below a field, wrapped.

        No lines for an empty text.
        """
        return list(_wrapped(words, max(_NARROWEST, width - self.label_width - 1)))

    def error_lines(self, message: str, width: int) -> list[str]:
        return self.wrapped(f"! {message}", width)

    def button_rows(self, width: int) -> list[list[Span]]:
        """Return the buttons with their columns, right-aligned, in several rows where one is too narrow."""
        rows: list[list[Span]] = []
        at = 0
        for button in self._buttons:
            wide = cell_len(visible(button.label)) + 4
            if not rows or at + wide > width:
                rows.append([])
                at = 0
            rows[-1].append((button, at, at + wide))
            at += wide + _GAP
        shifts = (max(0, width - row[-1][2]) for row in rows)
        return [
            [(button, start + by, end + by) for button, start, end in row] for row, by in zip(rows, shifts, strict=True)
        ]


@lru_cache(maxsize=512)  # a list of hundreds of fields is laid out for every line that is drawn
def _wrapped(words: str, width: int) -> tuple[str, ...]:
    return tuple(textwrap.wrap(visible(words), width))


def _names(row: Sequence[Span]) -> list[str]:
    return [button.name for button, _, _ in row]
