"""QR codes as terminal cells: black on white, in the form that phones read from every terminal.

The form follows from measurements: error level L and half blocks, because height is scarce. The quiet zone shrinks from
4 to 2 to 1 modules, never to 0. A cell is a space if both halves are equal and `▄` if they differ, always with both
colours, because many fonts draw `▀` and `█` smaller than their cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from segno import QRCode

Matrix = tuple[tuple[bool, ...], ...]  # rows of modules, True is dark

QUIET_ZONES = (4, 2, 1)  # in modules, best first; ISO/IEC 18004 section 9.1 asks for 4
_TALLEST = 17 + 4 * 40 + 2 * 4 + 1  # beyond version 40 with its full quiet zone
_TEXT_QUIET_ZONE = 2
_BLOCKS = {(True, True): "█", (True, False): "▀", (False, True): "▄", (False, False): " "}
_BASE32_SECRET = re.compile(r"(?<=[?&]secret=)[A-Z2-7]+")


class Cell(NamedTuple):
    """One terminal cell: `character` drawn in `ink` on `paper`, where True is dark."""

    character: str
    ink: bool
    paper: bool


class QrForm(StrEnum):
    HALF_BLOCKS = "half-blocks"  # two modules to a row
    BACKGROUND = "background"  # one module to a row, by background colour alone: independent of the font


@dataclass(frozen=True, slots=True)
class QrPlan:
    """Code that fits, as rows of cells.

    They are left out of repr, because they contain the secret.
    """

    form: QrForm
    quiet: int
    rows: int
    columns: int
    cells: list[list[Cell]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class DoesNotFit:
    """Room that a code would need with the smallest quiet zone, if it does not fit."""

    needs_rows: int
    needs_columns: int
    has_rows: int
    has_columns: int

    def __str__(self) -> str:
        if self.needs_rows > self.has_rows:
            need, have = f"{self.needs_rows} rows", self.has_rows
        else:
            need, have = f"{self.needs_columns} columns", self.has_columns
        return f"The QR code needs {need}, but this window has {have}. Enlarge the window, or type the key."


class _Symbol:
    """Code without its quiet zone.

    Raises ValueError if no code can hold the text.
    """

    def __init__(self, uri: str) -> None:
        self._content: str | list[str] = uri
        self.version = self._version(uri)
        if (secret := _BASE32_SECRET.search(uri)) is not None:
            # Base32 costs 5.5 bits a character in an alphanumeric segment and 8 in a byte segment.
            start, end = secret.span()
            parts = [part for part in (uri[:start], uri[start:end], uri[end:]) if part]
            if (version := self._version(parts)) < self.version:
                self._content, self.version = parts, version

    def _version(self, content: str | list[str]) -> int:
        return int(_encode(content, mask=0).version)  # choosing the mask takes most of the time

    @property
    def modules(self) -> int:
        return 17 + 4 * self.version

    def matrix(self, quiet: int) -> Matrix:
        code = _encode(self._content)
        return tuple(tuple(bool(module) for module in row) for row in code.matrix_iter(border=quiet))


def _encode(content: str | list[str], mask: int | None = None) -> QRCode:
    import segno  # 12 ms, and needed only for binding a phone

    return segno.make_qr(content, error="L", boost_error=False, mask=mask)  # type: ignore[arg-type]  # its stubs forget lists


def qr_version(uri: str) -> int:
    """Return the version (1 to 40) of the code that `fit` makes."""
    return _Symbol(uri).version


def half_block_rows(matrix: Matrix, *, invert: bool = False) -> list[list[Cell]]:
    """Return rows of cells with two modules each, one above the other.

    A missing last row is light.
    """
    light = (False,) * len(matrix[0])
    below = (*matrix[1::2], light) if len(matrix) % 2 else matrix[1::2]
    return [
        [
            Cell(" " if upper == lower else "▄", ink=lower != invert, paper=upper != invert)
            for upper, lower in zip(*pair, strict=True)
        ]
        for pair in zip(matrix[::2], below, strict=True)
    ]


def background_rows(matrix: Matrix, *, columns: int = 2, invert: bool = False) -> list[list[Cell]]:
    """Return rows of cells with one module each, `columns` spaces wide.

    One column makes a tall code, which phones read equally well.
    """
    return [
        [Cell(" ", ink=dark == invert, paper=dark != invert) for dark in row for _ in range(columns)] for row in matrix
    ]


def fit(
    uri: str, rows: int, columns: int, *, form: QrForm = QrForm.HALF_BLOCKS, invert: bool = False
) -> QrPlan | DoesNotFit:
    """Return the code with the widest quiet zone that fits, or the room that it needs."""
    try:
        symbol = _Symbol(uri)
    except ValueError:  # too long for the largest code, so report more room than that one needs
        return DoesNotFit(_TALLEST // 2 + 1, _TALLEST, rows, columns)
    height = width = 0
    for quiet in QUIET_ZONES:
        side = symbol.modules + 2 * quiet
        height, width = ((side + 1) // 2 if form is QrForm.HALF_BLOCKS else side), side
        if height <= rows and width <= columns:
            matrix = symbol.matrix(quiet)
            if form is QrForm.HALF_BLOCKS:
                return QrPlan(form, quiet, height, width, half_block_rows(matrix, invert=invert))
            wide = 2 if 2 * width <= columns else 1
            cells = background_rows(matrix, columns=wide, invert=invert)
            return QrPlan(form, quiet, height, width * wide, cells)
    return DoesNotFit(height, width, rows, columns)


def ansi_qr(uri: str, *, width: int, height: int, invert: bool = False, form: QrForm = QrForm.HALF_BLOCKS) -> str:
    """Return the code as lines for a terminal of this size, or a sentence about the size it needs.

    Colours are 16-colour codes even under NO_COLOR, because without them there is nothing to scan. White is set twice
    (47, then 107), because terminals that do not support the bright one keep the other.
    """
    plan = fit(uri, height, width, form=form, invert=invert)
    if isinstance(plan, DoesNotFit):
        return str(plan)
    return "\n".join(_ansi_line(row) for row in plan.cells)


def text_qr(uri: str, *, ascii_only: bool = False, dark_paper: bool = True) -> str:
    """Return the code as plain text for programs that pass no colours on, such as the prompts of SSH.

    With `dark_paper` the text is light on a dark window, else dark on a light one. `ascii_only` draws each module as
    `##` or blanks, twice as wide and as high as half blocks. Raise ValueError if no code can hold the text.
    """
    rows = _Symbol(uri).matrix(_TEXT_QUIET_ZONE)
    inked = [[dark != dark_paper for dark in row] for row in rows]
    if ascii_only:
        return "\n".join("".join("##" if ink else "  " for ink in row) for row in inked)
    below = [*inked[1::2], *([[False] * len(inked[0])] if len(inked) % 2 else [])]
    return "\n".join(
        "".join(_BLOCKS[upper, lower] for upper, lower in zip(*pair, strict=True))
        for pair in zip(inked[::2], below, strict=True)
    )


def _ansi_line(row: Iterable[Cell]) -> str:
    out = []
    for (ink, paper), run in groupby(row, key=lambda cell: (cell.ink, cell.paper)):
        colours = ("30" if ink else "37;97") + (";40" if paper else ";47;107")
        out.append(f"\x1b[{colours}m{''.join(cell.character for cell in run)}")
    return "".join(out) + "\x1b[0m"
