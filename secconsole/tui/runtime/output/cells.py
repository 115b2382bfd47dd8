"""Cells of the screen, read from what Textual writes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from rich.cells import cell_len

from secconsole.tui.runtime.output.styles import blank

# One styled piece as Textual writes it: style on, text, style off; or text in the default style.
_PIECE = re.compile(r"\x1b\[([0-9;]*)m([^\x1b]*)\x1b\[0m|([^\x1b]+)")
# Characters that every terminal draws one cell wide; a few terminals disagree about the others.
_SURE = re.compile(
    r"[ -~\u00a1-\u00ac\u00ae-\u02ff\u0370-\u0482\u048a-\u058f\u2010-\u2027\u2030-\u205e\u2190-\u2193\u2500-\u25fc"
    r"\u2713\u2717]*\Z"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

UNKNOWN = None  # a cell of which nothing is known
REST = ""  # the second cell of a wide character

Piece = tuple[str, str]  # the codes of its style, its text


@dataclass(slots=True)
class Row:
    """Cells of one row: a character with its marks, and the codes of its style.

    A blank has the style of a blank, so that two which look alike are equal.
    """

    texts: list[str | None] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)

    def copy(self) -> Row:
        return Row(self.texts.copy(), self.styles.copy())

    def reach(self, width: int) -> None:
        """Extend the row to this width with unknown cells."""
        if (missing := width - len(self.texts)) > 0:
            self.texts += [UNKNOWN] * missing
            self.styles += [""] * missing

    def splits(self, x: int, pieces: list[Piece]) -> bool:
        """Return True if writing there overwrites a part of a wide character."""
        end = x + sum(cell_len(text) for _, text in pieces)
        return any(at < len(self.texts) and self.texts[at] == REST for at in (x, end))

    def write(self, x: int, pieces: list[Piece], columns: int) -> None:
        """Write pieces from a cell on, numbered from 0, and drop what is beyond the columns."""
        for style, text in pieces:
            x = self._write_piece(x, style, text, columns)

    def _write_piece(self, x: int, style: str, text: str, columns: int) -> int:
        cells = list(text) if is_sure(text) else _clusters(text)
        if x + len(cells) > columns:
            cells = _within(cells, max(0, columns - x))
        end = x + len(cells)
        self.reach(end)
        if x < end:
            self._halve(x, end)
        self.texts[x:end] = cells
        self.styles[x:end] = [style] * len(cells)
        bare = blank(style)
        if bare != style:
            for at in range(x, end):
                if self.texts[at] == " ":
                    self.styles[at] = bare
        return end

    def _halve(self, start: int, end: int) -> None:
        """Forget the rest of a wide character that is overwritten in part."""
        if self.texts[start] == REST:
            for at in range(start - 1, -1, -1):
                was, self.texts[at] = self.texts[at], UNKNOWN
                if was != REST:
                    break
        while end < len(self.texts) and self.texts[end] == REST:
            self.texts[end] = UNKNOWN
            end += 1


def pieces_of(body: str) -> list[Piece] | None:
    """Return the pieces of a row.

    None if it contains anything else: a link, a control, a mark without a letter.
    """
    found: list[Piece] = []
    at = 0
    for match in _PIECE.finditer(body):
        if match.start() != at:
            return None
        at = match.end()
        style, text = (match[1], match[2]) if match[3] is None else ("", match[3])
        if _CONTROL.search(text) or (text and not text[0].isascii() and not cell_len(text[0])):
            return None
        if text:
            found.append((style, text))
    return found if at == len(body) else None


def is_sure(text: str) -> bool:
    """Return True if every terminal draws each character of the text one cell wide."""
    return _SURE.match(text) is not None


def _clusters(text: str) -> list[str]:
    """Return the characters with their marks, each followed by an empty text if it is two cells wide.

    The whole text is one character where its width is not the sum of theirs.
    """
    out: list[str] = []
    lead = 0
    for char in text:
        width = cell_len(char)
        if not width and out:
            out[lead] += char
            continue
        lead = len(out)
        out += [char, REST][: max(1, width)]
    width = cell_len(text)
    return out if len(out) == width else [text, *[REST] * (width - 1)]


def _within(cells: list[str], room: int) -> list[str]:
    """Return the cells that fit, with a blank in the place of half a wide character."""
    kept = cells[:room]
    if room and room < len(cells) and cells[room] == REST:
        kept[-1] = " "
    return kept
