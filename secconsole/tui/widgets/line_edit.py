"""One line of text being edited, without widgets or colours."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from enum import Enum

from rich.cells import cell_len

from secconsole.domain.text import visible

BULLET = "•"


class Effect(Enum):
    """Effect of a key.

    USED: the key is for the line, but changed nothing.
    """

    NONE = "none"
    USED = "used"
    MOVED = "moved"
    CHANGED = "changed"


def letters(text: str) -> list[str]:
    """Split text at possible cursor positions: a letter keeps its combining marks."""
    out: list[str] = []
    for char in text:
        if out and unicodedata.category(char) in ("Mn", "Me"):
            out[-1] += char
        else:
            out.append(char)
    return out


@dataclass(frozen=True)
class View:
    """The part of a line that fits: cells before, under and after the cursor."""

    before: str
    under: str
    after: str

    @property
    def caret(self) -> int:
        """Column of the cursor."""
        return cell_len(self.before)


@dataclass
class LineEdit:
    """Text and cursor position.

    `hidden` text is shown as bullets. `selected` text is replaced by what is typed next.
    """

    most: int
    hidden: bool = False
    digits: bool = False
    selected: bool = False
    _letters: list[str] = field(default_factory=list, repr=False)
    cursor: int = 0
    _first: int = 0

    @property
    def text(self) -> str:
        return "".join(self._letters)

    @text.setter
    def text(self, value: str) -> None:
        self._letters, self.selected = letters(value), False
        self.cursor, self._first = len(self._letters), 0

    def take(self, key: str, character: str | None) -> Effect:
        """Do what a key does in a line of text."""
        changes = {
            "backspace": self.backspace,
            "ctrl+h": self.backspace,
            "delete": self.delete,
            "ctrl+d": self.delete,
            "ctrl+w": self.delete_word,
            "ctrl+u": self.clear,
        }
        if self.selected and key in ("backspace", "ctrl+h", "delete", "ctrl+d"):
            key = "ctrl+u"
        end = len(self._letters)
        moves = {"left": self.cursor - 1, "right": self.cursor + 1, "home": 0, "ctrl+a": 0, "end": end, "ctrl+e": end}
        if key in changes:
            return Effect.CHANGED if changes[key]() else Effect.USED
        if key in moves:
            self.move(moves[key])
            return Effect.MOVED
        if character is not None and character.isprintable():
            return Effect.CHANGED if self.insert(character) else Effect.USED
        return Effect.NONE

    def insert(self, text: str) -> bool:
        """Insert text at the cursor as far as the limit allows.

        Return False if nothing was inserted.
        """
        text = "".join(c for c in text if c in "0123456789") if self.digits else text
        text = text[: max(0, self.most - (0 if self.selected else len(self.text)))]
        if not text:
            return False
        if self.selected:
            self.clear()
        left = letters("".join(self._letters[: self.cursor]) + text)
        self._letters = [*left, *self._letters[self.cursor :]]
        self.cursor = len(left)
        return True

    def backspace(self) -> bool:
        return self._cut(self.cursor - 1, self.cursor)

    def delete(self) -> bool:
        return self._cut(self.cursor, self.cursor + 1)

    def delete_word(self) -> bool:
        """Delete back to the start of the word.

        Hidden text all at once, so that word boundaries stay secret.
        """
        start = self.cursor
        if self.hidden:
            return self._cut(0, start)
        while start and self._letters[start - 1].isspace():
            start -= 1
        while start and not self._letters[start - 1].isspace():
            start -= 1
        return self._cut(start, self.cursor)

    def clear(self) -> bool:
        return self._cut(0, len(self._letters))

    def select(self) -> None:
        """Select the text, with the cursor at its end."""
        self.selected, self.cursor = bool(self._letters), len(self._letters)

    def move(self, to: int) -> None:
        self.selected = False
        self.cursor = max(0, min(to, len(self._letters)))

    def move_to_column(self, column: int) -> None:
        """Move the cursor to a column, counted from the first cell shown."""
        self.selected = False
        at = self._first
        while at < len(self._letters) and column >= (width := cell_len(self._shown(at))):
            column -= width
            at += 1
        self.cursor = at

    def view(self, width: int) -> View:
        """Return the part to draw in `width` cells.

        The cursor is always in it.
        """
        self._first = min(self._first, self.cursor)
        while self._first < self.cursor and sum(self._widths(self._first, self.cursor)) > width - 1:
            self._first += 1
        while self._first and sum(self._widths(self._first - 1, len(self._letters))) < width:
            self._first -= 1
        before = "".join(self._shown(i) for i in range(self._first, self.cursor))
        under = self._shown(self.cursor) if self.cursor < len(self._letters) else " "
        room = width - cell_len(before) - cell_len(under)
        after = ""
        for i in range(self.cursor + 1, len(self._letters)):
            piece = self._shown(i)
            if cell_len(after) + cell_len(piece) > room:
                break
            after += piece
        return View(before, under, after)

    def _widths(self, start: int, end: int) -> list[int]:
        return [cell_len(self._shown(i)) for i in range(start, end)]

    def _shown(self, index: int) -> str:
        return BULLET if self.hidden else visible(self._letters[index])

    def _cut(self, start: int, end: int) -> bool:
        self.selected = False
        start, end = max(0, start), min(end, len(self._letters))
        if start >= end:
            return False
        del self._letters[start:end]
        self.cursor = start
        return True
